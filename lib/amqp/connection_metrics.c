#include "amqp/connection_metrics.h"

#include "amqp/connection.h"

#include <stdio.h>

static const char *labels_of(const struct connection_history *history)
{
    static char labels[64];

    (void)snprintf(labels, sizeof labels, "purpose=\"%s\"", history->purpose);
    return labels;
}

static void put_up(void *context, const struct connection_history *history)
{
    const struct metrics_text *text = context;

    metrics_sample(text, "broker_connection_up", labels_of(history),
                   history->is_up && !text->is_last);
}

static void put_blocked(void *context, const struct connection_history *history)
{
    const struct metrics_text *text = context;

    metrics_sample(text, "broker_connection_blocked", labels_of(history),
                   history->is_blocked && !text->is_last);
}

static void put_reconnects(void *context, const struct connection_history *history)
{
    metrics_sample(context, "broker_reconnects_total", labels_of(history), history->reopened);
}

static void put_blocked_time(void *context, const struct connection_history *history)
{
    metrics_sample_ms(context, "broker_blocked_seconds_total", labels_of(history),
                      history->blocked_ms);
}

void connection_print_metrics(const struct metrics_text *text)
{
    /* The visits change nothing of it. */
    void *context = (void *)text;

    metrics_head(text, "broker_connection_up", "gauge", "1 while connected to the broker.");
    connection_each(put_up, context);
    metrics_head(text, "broker_connection_blocked", "gauge",
                 "1 while the broker, short of memory or disk, takes no messages.");
    connection_each(put_blocked, context);
    metrics_head(text, "broker_reconnects_total", "counter",
                 "How often a connection was opened again.");
    connection_each(put_reconnects, context);
    metrics_head(text, "broker_blocked_seconds_total", "counter",
                 "For how long the broker took no messages.");
    connection_each(put_blocked_time, context);
}
