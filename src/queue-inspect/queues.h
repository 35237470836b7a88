/*
 * queues: the state of some queues: existence, depth and consumers by AMQP, and more by the
 * management API, if there is one.
 */
#ifndef QUEUE_INSPECT_QUEUES_H
#define QUEUE_INSPECT_QUEUES_H

#include "management.h"

#include "amqp/connection.h"
#include "amqp/queue.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* By the management API. A number that is not known is NaN, a text NULL. */
struct queue_details {
    double unacknowledged;
    double rate_in;  /* messages published to the queue per second, by the broker's statistics */
    double rate_out; /* messages delivered from it per second */
    double memory;   /* bytes */
    char *type;
    char *policy; /* NULL also if the queue has none */
    char *leader; /* the node of a quorum queue's leader, or of another queue; NULL also without */
    cJSON *members; /* the nodes of a quorum queue; NULL also of another queue */
    cJSON *online;  /* those of them that are up */
};

struct queue_view {
    const char *name;
    struct queue_depth depth;
    bool is_optional; /* it is shown only while it is there: queues_is_shown() */
    char *error;      /* if depth.refused is not EXIT_OK: the broker's words; NULL otherwise */
    struct queue_details details;
};

struct queues {
    struct connection *connection;
    struct management *management; /* or NULL */
    struct queue_view *views;
    size_t count;
    /* Private: when missing optional queues were looked for, by the monotonic clock; 0: never. */
    int64_t sought_ms;
};

/*
 * Prepares queues for the names up to a NULL, and for the optional ones; optional may be NULL.
 * Names, connection and management must stay valid. Free with queues_free().
 */
void queues_start(struct queues *queues, const char *const *names, const char *const *optional,
                  struct connection *connection, struct management *management);
void queues_free(struct queues *queues);

/*
 * Looks at each queue once, by AMQP. The connection must be up. Returns EXIT_OK also if the broker
 * does not let us look at some of them: their error is set. After a failure, which was reported,
 * the connection is down; EXIT_UNREACHABLE then means that it may be opened to try again.
 *
 * Each look for a queue that is not there is an error in the broker's log. So missing optional
 * queues are looked for once a minute at most, and the management API is asked first, if there is
 * one.
 */
enum exit_code queues_look(struct queues *queues);

/* Opens the connection and looks, until that succeeds. Returns EXIT_OK or another code, which is
 * final. */
enum exit_code queues_look_patiently(struct queues *queues);

/*
 * Looks closer at the queues that seemed to have neither messages nor consumers: one that does not
 * answer, for lack of a leader, gets an error, as if its node were down. Opens the connection again
 * if need be. Returns as queues_look_patiently().
 */
enum exit_code queues_look_closer(struct queues *queues);

/* Gets the details of each queue from the management API, if there is one. Fails as
 * management_get() does; details that it could not get are not known then. */
enum exit_code queues_ask(struct queues *queues);

/* Return how many nodes a quorum queue has, and how many of them are up; 0 if that is not known. */
size_t queues_members(const struct queue_details *details);
size_t queues_online(const struct queue_details *details);

/* Returns whether there is something to tell about a queue: an optional one must exist. */
bool queues_is_shown(const struct queue_view *view);

/* Returns the queue with this name, or NULL. */
const struct queue_view *queues_find(const struct queues *queues, const char *name);

/* Returns a word to print in place of the depth: "missing", "refused" (no right to it), "locked"
 * (exclusive to another connection) or "down" (its node is). Returns NULL if the depth is known. */
const char *queues_obstacle(const struct queue_depth *depth);

/* Returns the first queue that the broker does not let us look at, or NULL. */
const struct queue_view *queues_refused(const struct queues *queues);

/* Reports all such queues. Returns depth.refused of the first, or EXIT_OK if there are none. */
enum exit_code queues_report_refused(const struct queues *queues);

/*
 * Returns view as JSON; free with cJSON_Delete(). It has the members "queue", "exists" and, if the
 * queue exists, "ready" and "consumers"; with a management API also "unacknowledged", "rate_in",
 * "rate_out", "memory", "type", "policy", "leader", "members" and "online". If the broker does not
 * let us look, "error" replaces "ready" and "consumers", and "exists" is null if that is not known.
 */
cJSON *queues_json(const struct queues *queues, const struct queue_view *view);

#endif
