/* base64: bytes as text and back, by RFC 4648, section 4. */
#ifndef MESSAGE_BASE64_H
#define MESSAGE_BASE64_H

#include "amqp/rabbitmq.h"

#include <stdbool.h>

/* Returns bytes as text. The caller frees it with free(). */
char *base64_encode(amqp_bytes_t bytes);

/*
 * Decodes text into memory of pool. Returns false if text is not base64: it must be padded, and
 * contain no white space.
 */
bool base64_decode(const char *text, amqp_pool_t *pool, amqp_bytes_t *bytes);

#endif
