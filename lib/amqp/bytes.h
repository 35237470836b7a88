/*
 * bytes: comparing the texts of AMQP, which have a length and no end, and may hold anything.
 */
#ifndef AMQP_BYTES_H
#define AMQP_BYTES_H

#include "amqp/rabbitmq.h"

#include <stdbool.h>

bool bytes_equal(amqp_bytes_t a, amqp_bytes_t b);

/* Are they those of text? Also for bytes that are NULL, which are empty. */
bool bytes_are(amqp_bytes_t bytes, const char *text);

#endif
