/*
 * ids: the identifiers that we make.
 */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include <stdbool.h>

/* A UUID as text: 36 characters and the terminating NUL. */
#define UUID_TEXT_SIZE 37
#define UUID_BYTES 16

/*
 * A new order id: UUID version 7 (RFC 9562), time-ordered, so that an index of them grows at its
 * end. Two ids made by one process compare in the order in which they were made. libuuid makes
 * these from 2.41 on only.
 */
void order_id_mint(unsigned char id[UUID_BYTES]);

/* Lower case, with hyphens. */
void uuid_to_text(const unsigned char id[UUID_BYTES], char text[UUID_TEXT_SIZE]);

/* Reads a UUID of any version, in either case. False if text is none. */
bool uuid_from_text(const char *text, unsigned char id[UUID_BYTES]);

/*
 * The message_id of an event: UUID version 5 in the URL namespace of
 * "urn:order-tools:<event_type>:<order_id>". The same, whoever publishes the event and however
 * often, so that anyone downstream can tell a repeat.
 */
void message_id_of(const char *event_type, const char *order_id, char text[UUID_TEXT_SIZE]);

#endif
