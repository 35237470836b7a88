/*
 * metrics: what this program has done since its start, counted, and as text for Prometheus.
 *
 * There is one set of counters for the program. Durations are differences of clock_monotonic_us(),
 * in microseconds; the text has seconds.
 */
#ifndef ORDER_HTTP_METRICS_H
#define ORDER_HTTP_METRICS_H

#include "metrics/text.h"
#include "place/placement.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- connections ---- */

/* Why a connection was refused or cut off. */
enum metrics_cut {
    METRICS_CUT_FULL,    /* as many are open as may be, in all */
    METRICS_CUT_ADDRESS, /* or of this address */
    METRICS_CUT_HEADER,  /* its header was not complete in time */
    METRICS_CUT_BODY,    /* nor its body */
    METRICS_CUT_ANSWER   /* it did not take the answer in time */
};

void metrics_connection_opened(void);
void metrics_connection_closed(void);
void metrics_connection_cut(enum metrics_cut why);

/* Adds bytes that came from clients and went to them. */
void metrics_bytes(uint64_t received, uint64_t sent);

/* ---- requests ---- */

/* Shows requests of a route and method as 0 until there are some: a counter that appears with its
 * first value hides that from Prometheus. Route and method must stay. */
void metrics_request_expected(const char *route, const char *method);

/* Counts a request as in flight until metrics_request_ended(). */
void metrics_request_began(void);

/*
 * Counts a request. route is the pattern of its path, such as "/order/{order_id}", a constant; NULL
 * if it has none. status is that of the answer; 0 if the client left before.
 */
void metrics_request_ended(const char *route, const char *method, unsigned status,
                           int64_t duration);

/* ---- orders ---- */

enum metrics_outcome {
    METRICS_PLACED,  /* the answer said PLACED */
    METRICS_PENDING, /* or PENDING */
    METRICS_REFUSED  /* not an order, or other content under a known id: nothing was stored */
};

void metrics_order(enum metrics_outcome outcome);

/* Adds the time from the commit that stored an order to its answer. */
void metrics_answered(int64_t duration);

/* ---- text ---- */

/* What is looked up when the text is made. */
struct metrics_now {
    bool broker_is_connected;
    bool broker_is_blocked;
    bool store_is_readable;
    int64_t pending;             /* orders in the store, of all programs; if it is readable */
    struct placement *placement; /* or NULL */
};

/* Returns all in the text format of Prometheus, version 0.0.4; free it with free(). */
char *metrics_text(const struct metrics_now *now, size_t *len);

#endif
