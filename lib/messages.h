/*
 * messages: those of a queue, or those on their way through an exchange, on standard output as envelopes.
 *
 * Nothing is taken from anybody. Codes are those of link_open() and of output.h, and EXIT_TOPOLOGY if there is
 * no such queue or exchange.
 */
#ifndef MESSAGES_H
#define MESSAGES_H

#include "link_options.h"
#include "report.h"
#include "tap.h"

#include <stddef.h>

/*
 * Prints the first messages of a queue, count at most. They are delivered and let go again: they keep their
 * place, and are marked as redelivered.
 */
enum exit_code messages_peek(const struct link_options *options, const char *queue, size_t count);

/*
 * Prints what comes out of the tap, for timeout_s seconds, or until a stop is asked for if that is negative.
 * After a lost connection it goes on, and says so.
 */
enum exit_code messages_follow(const struct link_options *options, const struct tap *tap, int timeout_s);

#endif
