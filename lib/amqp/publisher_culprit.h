/*
 * publisher_culprit: finds the message because of which the broker closed the channel or the
 * connection.
 *
 * The broker does not say which message it objects to. Every message that was in flight becomes a
 * suspect. Suspects are published again one at a time, each once the one before has its result, and
 * nothing else is published meanwhile. The one that is alone in flight when the broker closes again
 * is the culprit: its result is PUBLISH_REFUSED, with the broker's reason.
 *
 * A closing that is doubtful (connection_exception_is_doubtful()) must happen twice with the same
 * message alone in flight, and counts as a failed attempt, like any other loss of the connection.
 * Other closings do not: each either makes suspects of messages that were not or gives a message
 * its result, so the search comes to an end.
 */
#ifndef AMQP_PUBLISHER_CULPRIT_H
#define AMQP_PUBLISHER_CULPRIT_H

#include "amqp/connection.h"
#include "amqp/publisher_window.h"

#include <stddef.h>

struct culprit {
    struct window *window;
    struct connection *connection;
    size_t suspects; /* a search is under way unless this is 0 */
};

/* Starts or continues the search after the broker has closed: to be called while the messages that
 * were in flight still count as such. */
void culprit_search(struct culprit *culprit);

/* Returns the suspect to be published now. NULL if there is none, or the first is in flight. */
struct slot *culprit_next(const struct culprit *culprit);

/* Notes that a message, suspect or not, needs not be published alone any more. */
void culprit_clear(struct culprit *culprit, struct slot *slot);

#endif
