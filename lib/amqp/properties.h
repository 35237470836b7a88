/*
 * properties: the properties of a message as they are encoded on the wire, read without being
 * decoded.
 */
#ifndef AMQP_PROPERTIES_H
#define AMQP_PROPERTIES_H

#include "amqp/rabbitmq.h"

#include <stdbool.h>
#include <stddef.h>

/* Bytes of a table of headers that are still to be read. */
struct property_reader {
    const unsigned char *at;
    size_t left;
};

/*
 * Finds the table of headers within encoded properties, or the place where it would stand: empty
 * then. *flags tells which properties there are. Returns false if the encoding is not understood.
 */
bool properties_find_headers(amqp_bytes_t properties, size_t *flags,
                             struct property_reader *headers);

/*
 * Moves on past one header, of which name, within the encoded ones, is the name. Returns false if
 * it is not understood: then the table is at its end.
 */
bool properties_next_header(struct property_reader *headers, amqp_bytes_t *name);

/* Returns whether both say the same, in whatever order the headers stand: RabbitMQ 4 sorts them. */
bool properties_are_alike(amqp_bytes_t a, amqp_bytes_t b);

#endif
