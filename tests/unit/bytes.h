/*
 * bytes: bytes of AMQP, as literals.
 */
#ifndef TESTS_UNIT_BYTES_H
#define TESTS_UNIT_BYTES_H

#include "amqp/rabbitmq.h"

#include <stdint.h>

/* The bytes of a string literal, which may hold NULs, without the one at its end. */
#define BYTES(literal) \
    ((amqp_bytes_t){.len = sizeof(literal) - 1, .bytes = (void *)(uintptr_t)(literal)})

#endif
