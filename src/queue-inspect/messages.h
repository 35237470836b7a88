/*
 * messages: prints the messages of a queue, or those that pass an exchange, as envelopes.
 *
 * No message is taken from a consumer. Return codes, all reported, are those of connection_open()
 * and output_line(), EXIT_TOPOLOGY if the queue or exchange does not exist, and those below.
 */
#ifndef QUEUE_INSPECT_MESSAGES_H
#define QUEUE_INSPECT_MESSAGES_H

#include "management.h"
#include "tap.h"

#include "amqp/broker_options.h"
#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Prints the first messages of a queue, count at most (peek.h), and reports what that has cost if
 * the broker counts their deliveries; force: even if that uses up a limited number of them.
 * management may be NULL. Returns EXIT_TOPOLOGY if peeking would change the queue (queue_traits.h),
 * and EXIT_UNREACHABLE if some messages did not arrive. After a lost connection it does not start
 * again, so that no message is printed twice.
 */
enum exit_code messages_peek(const struct broker_options *options, struct management *management,
                             const char *queue, size_t count, bool force);

/*
 * Prints what arrives in the tap, for timeout_s seconds or, if that is negative, until a stop is
 * requested. If tap has no keys, finds them first and returns what tap_find_keys() returns;
 * management may be NULL. After a lost connection it reports that messages may be missing, and goes
 * on.
 */
enum exit_code messages_follow(const struct broker_options *options, struct management *management,
                               struct tap *tap, int timeout_s);

#endif
