/*
 * messages: those of a queue, or those on their way through an exchange, on standard output as
 * envelopes.
 *
 * Nothing is taken from anybody. Codes are those of connection_open() and of output.h, and
 * EXIT_TOPOLOGY if there is no such queue or exchange.
 */
#ifndef QUEUE_INSPECT_MESSAGES_H
#define QUEUE_INSPECT_MESSAGES_H

#include "management.h"
#include "tap.h"

#include "amqp/broker_options.h"
#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>

struct peek_settings {
    const char *queue;
    size_t count; /* the first so many messages */
    bool force;   /* even if that uses up deliveries of which there is a limit */
};

/*
 * Prints the first messages of a queue (peek.h), unless a look would change something:
 * EXIT_TOPOLOGY then. What a look at a quorum queue has cost is reported. management may be NULL.
 * EXIT_UNREACHABLE, reported, also if some of them did not come: after a lost connection it does
 * not begin again, so that nothing is printed twice.
 */
enum exit_code messages_peek(const struct broker_options *options, struct management *management,
                             const struct peek_settings *settings);

/* prints */
enum exit_code messages_follow(const struct broker_options *options, struct management *management,
                               struct tap *tap, int timeout_s);

#endif
