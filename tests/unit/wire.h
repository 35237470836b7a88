/*
 * wire: bytes of AMQP, as literals.
 */
#ifndef TESTS_UNIT_WIRE_H
#define TESTS_UNIT_WIRE_H

#include "amqp/rabbitmq.h"

#include <stdint.h>

/* The bytes of a string literal, which may hold NULs, without the one at its end. */
#define BYTES(literal) \
    ((amqp_bytes_t){.len = sizeof(literal) - 1, .bytes = (void *)(uintptr_t)(literal)})

#endif
