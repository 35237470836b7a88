/*
 * properties: the properties of a message as they are encoded on the wire (AMQP 0-9-1, section
 * 4.2.6.1), read without being decoded.
 */
#ifndef AMQP_PROPERTIES_H
#define AMQP_PROPERTIES_H

#include "amqp/rabbitmq.h"

#include <stdbool.h>
#include <stddef.h>

/* The part of a table of headers that is still to be read: left bytes from at. */
struct property_reader {
    const unsigned char *at;
    size_t left;
};

/*
 * Sets *headers to the table of headers within encoded properties; to an empty one, at the place
 * where it would stand, if there is none. Sets *flags to the property flags. Returns false if the
 * encoding cannot be read.
 */
bool properties_find_headers(amqp_bytes_t properties, size_t *flags,
                             struct property_reader *headers);

/*
 * Moves *headers on past one header, and sets *name to its name, which points into the table; the
 * value ends where *headers is then. Returns false if the header cannot be read; *headers is then
 * at the end of the table. headers->left must not be 0.
 */
bool properties_next_header(struct property_reader *headers, amqp_bytes_t *name);

/*
 * Returns whether a and b, both encoded, have the same properties. Headers may differ in their
 * order: RabbitMQ 4 sorts them.
 */
bool properties_are_alike(amqp_bytes_t a, amqp_bytes_t b);

#endif
