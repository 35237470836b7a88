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

/* The names of headers, as they stand before the values. */
#define NAME_A \
    "\x01"     \
    "a"
#define NAME_B \
    "\x01"     \
    "b"
#define NAME_C \
    "\x01"     \
    "c"

#endif
