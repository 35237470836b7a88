/* uuid: the identifiers of orders and of the messages about them. */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include <stdbool.h>
#include <stdint.h>

#define UUID_BYTES 16
#define UUID_TEXT_SIZE 37 /* 36 characters and a NUL */

/*
 * Makes a new order id: UUID version 7 (RFC 9562), time-ordered, so that an index of ids grows at
 * its end. Ids made by one process compare in the order in which they were made. Ends the program
 * with EXIT_BUG if the system has no random numbers. (libuuid has version 7 from 2.41 on only.)
 */
void order_id_mint(unsigned char id[UUID_BYTES]);

/* Writes id in lower case, with hyphens. */
void uuid_to_text(const unsigned char id[UUID_BYTES], char text[UUID_TEXT_SIZE]);

/* Reads a UUID of any version, in either case. Returns false if text is not a UUID. */
bool uuid_from_text(const char *text, unsigned char id[UUID_BYTES]);

/* Reads when an id was made, in milliseconds since 1970, from its text: only a UUID of version 7
 * says it. Returns false for any other text. */
bool uuid_text_time(const char *text, int64_t *utc_ms);

/*
 * Writes the message_id of an event: UUID version 5, in the URL namespace, of
 * "urn:order-tools:<event_type>:<order_id>". It depends on nothing else, so that a consumer
 * recognizes an event that was published twice. Ends the program with EXIT_BUG if that name has 512
 * bytes or more.
 */
void message_id_of(const char *event_type, const char *order_id, char text[UUID_TEXT_SIZE]);

/*
 * Makes the id of an order that a client placed with a key of its own: UUID version 5, in the URL
 * namespace, of "urn:order-tools:key:<key>". It depends on nothing else, so that the same key means
 * the same order. Ends the program with EXIT_BUG if that name has 512 bytes or more.
 */
void order_id_of_key(const char *key, unsigned char id[UUID_BYTES]);

#endif
