/*
 * base64: bytes as text and back. Source: RFC 4648, section 4.
 */
#ifndef MESSAGE_BASE64_H
#define MESSAGE_BASE64_H

#include "amqp/rabbitmq.h"

#include <stdbool.h>

/* The bytes as text, to be freed. */
char *base64_encode(amqp_bytes_t bytes);

/* The bytes that text stands for, in memory of the pool. False if it is no base64, padding and all.
 */
bool base64_decode(const char *text, amqp_pool_t *pool, amqp_bytes_t *bytes);

#endif
