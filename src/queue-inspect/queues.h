/*
 * survey: what is known of some queues at one time: by AMQP whether they are there, their depth and
 * their consumers; by the management API, if there is one, more.
 */
#ifndef QUEUE_INSPECT_QUEUES_H
#define QUEUE_INSPECT_QUEUES_H

#include "management.h"

#include "amqp/connection.h"
#include "amqp/queue.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

/* By the management API. A number that it does not say is NaN, a text NULL. */
struct queue_details {
    double unacknowledged;
    double
        rate_in; /* messages a second that were published to the queue, as the broker reckons it */
    double rate_out; /* and that were delivered from it */
    double memory;   /* bytes */
    char *type;
    char *policy; /* NULL too if it has none */
};

struct queue_view {
    const char *name;
    struct queue_depth depth;
    char *error; /* NULL, or what the broker says that does not let us look at the queue:
                    depth.refused */
    struct queue_details details;
};

struct queues {
    struct connection *connection;
    struct management *management; /* or NULL */
    struct queue_view *views;
    size_t count;
};

/* Of the queues named up to a NULL. Names, connection and management must outlive it. */
void queues_start(struct queues *survey, const char *const *names, struct connection *connection,
                  struct management *management);
void queues_free(struct queues *survey);

/*
 * Looks at all queues by AMQP, once: the connection must be up. A queue that the broker does not
 * let us look at is no failure, and keeps nobody from looking at the others. After a failure the
 * connection is down, which was reported; EXIT_UNREACHABLE means open it and try again.
 */
enum exit_code queues_look(struct queues *survey);

/* The same, on as many connections as that takes. Any code but EXIT_OK is final. */
enum exit_code queues_look_patiently(struct queues *survey);

/*
 * Asks the management API, if there is one, for the details. As silent as management_get(); what it
 * could not get is not known any more.
 */
enum exit_code queues_ask(struct queues *survey);

/* The queue of that name, or NULL. */
const struct queue_view *queues_find(const struct queues *survey, const char *name);

/*
 * A word that stands in place of the depth: "missing", "refused" (no right to it), "locked"
 * (another connection's own) or "down" (its node is). NULL if the depth is known.
 */
const char *queues_obstacle(const struct queue_depth *depth);

/* The first queue that the broker did not let us look at, or NULL. */
const struct queue_view *queues_refused(const struct queues *survey);

/*
 * Reports each queue that the broker did not let us look at, and why. Returns the code of the
 * first, or EXIT_OK.
 */
enum exit_code queues_report_refused(const struct queues *survey);

/*
 * {"queue", "exists", "ready", "consumers"}, the last two if it exists, and, with the management
 * API,
 * {"unacknowledged", "rate_in", "rate_out", "memory", "type", "policy"}. Of a queue that the broker
 * did not let us look at, {"queue", "exists", "error"}, exists being null if even that is not
 * known, and what the management API says.
 */
cJSON *queues_json(const struct queues *survey, const struct queue_view *view);

#endif
