#include "tracker.h"

#include "metrics.h"
#include "outcome.h"

#include "amqp/connection.h"
#include "amqp/consumer.h"
#include "amqp/publisher.h"
#include "amqp/topology.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/output.h"
#include "base/stop.h"
#include "base/supervisor.h"
#include "engine/open.h"
#include "json/output.h"
#include "message/batch_span.h"
#include "message/death_publish.h"
#include "message/process_span.h"
#include "metrics/file.h"
#include "order/event.h"
#include "order/people.h"
#include "store/question.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_MS 1000   /* at most to wait for a delivery until orders are listed */
#define STUCK_MS 60000 /* until a dead letter that the broker did not take is tried again */

static const struct tracker_settings *settings;
static struct orders *store;
static struct consumer *consumer;
static struct publisher *publisher;

static struct delivery **batch;
static struct outcome *outcomes;      /* of the batch */
static struct order_outcome *records; /* of those that are to be recorded, in their order */
static size_t batch_count;

static struct delivery **stuck; /* malformed, and in no dead letter queue */
static size_t stuck_count;
static int64_t stuck_due_ms;

static long deliveries_left; /* negative: no limit */
static int silence_ms;       /* time since the last delivery */
static bool some_unlisted;   /* perhaps */

/* ---- recording ---- */

static void read_batch(void)
{
    int64_t now_ms = clock_utc_ms();

    for (size_t i = 0; i < batch_count; i++)
        outcome_open(&outcomes[i], batch[i], now_ms);
}

static enum exit_code record_batch(void)
{
    enum exit_code code = EXIT_OK;
    size_t count = 0;

    for (size_t i = 0; i < batch_count; i++)
        if (outcomes[i].kind == OUTCOME_TO_RECORD)
            records[count++] = outcomes[i].record;
    if (count > 0)
        code = store->operations->record(store, records, count);
    count = 0;
    for (size_t i = 0; i < batch_count; i++)
        if (outcomes[i].kind == OUTCOME_TO_RECORD)
            outcomes[i].record = records[count++];
    return code;
}

/* ---- telling ---- */

static enum exit_code print_outcome(const struct outcome *outcome)
{
    char *line = outcome_print(outcome);
    enum exit_code code = output_json_text(line, strlen(line));

    free(line);
    return code;
}

static enum exit_code tell_recorded(const struct outcome *outcome)
{
    const char *status = order_status_name(outcome->record.status);

    switch (outcome->record.standing) {
    case OUTCOME_HAS_NO_ORDER:
        log_event(REPORT_WARNING, outcome->order_id, "[track] unknown order: %s is %s",
                  outcome->order_id, status);
        return EXIT_OK;
    case OUTCOME_IS_KNOWN:
        log_event(REPORT_INFO, outcome->order_id, "[track] known already: %s is %s",
                  outcome->order_id, status);
        return EXIT_OK;
    case OUTCOME_IS_NEW:
        log_event(REPORT_INFO, outcome->order_id, "[track] recorded: %s is %s", outcome->order_id,
                  status);
        return print_outcome(outcome);
    }
    return EXIT_OK;
}

/* order_id and reason are safe to be shown. */
static enum exit_code tell_batch(void)
{
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < batch_count && code == EXIT_OK; i++) {
        const struct outcome *outcome = &outcomes[i];

        if (outcome->kind != OUTCOME_MALFORMED)
            metrics_outcome(outcome);
        if (outcome->kind == OUTCOME_TO_RECORD)
            code = tell_recorded(outcome);
        else if (outcome->kind == OUTCOME_OF_NOBODY)
            log_event(REPORT_WARNING, outcome->order_id, "[track] unknown order: %s is %s",
                      outcome->order_id, order_status_name(outcome->record.status));
        else if (outcome->kind == OUTCOME_OTHER)
            log_event(REPORT_WARNING, NULL, "[track] ignored a message: %s", outcome->fault.reason);
    }
    report_flush();
    return code == EXIT_OK ? output_flush() : code;
}

/* ---- dead letters ---- */

/* Sets *moved to whether the broker has confirmed it. */
static enum exit_code move(const struct delivery *delivery, const char *reason, bool *moved)
{
    enum publish_result result = PUBLISH_REFUSED;
    enum exit_code code = death_publish(publisher, OUTCOME_QUEUE, delivery, reason, &result);

    *moved = code == EXIT_OK && result == PUBLISH_CONFIRMED;
    if (*moved) {
        metrics_moved();
        log_event(REPORT_WARNING, NULL, "[track] moved to %s: %s", DEAD_LETTER_QUEUE, reason);
    } else if (code == EXIT_OK)
        report("cannot move a message to '%s': %s; it stays in '%s'", DEAD_LETTER_QUEUE,
               publisher_reason(publisher), OUTCOME_QUEUE);
    return code;
}

/* Moves the malformed of the batch. Those that stay are stuck, and NULL in batch. */
static enum exit_code move_malformed(void)
{
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < batch_count && code == EXIT_OK; i++) {
        bool moved = true;

        if (outcomes[i].kind == OUTCOME_MALFORMED)
            code = move(batch[i], outcomes[i].fault.reason, &moved);
        if (code != EXIT_OK || moved)
            continue;
        stuck[stuck_count++] = batch[i];
        stuck_due_ms = clock_monotonic_ms() + STUCK_MS;
        batch[i] = NULL;
    }
    return code;
}

/* Tries again what is stuck, if it is time. What comes again over a new connection is let go. */
static enum exit_code retry_stuck(void)
{
    enum exit_code code = EXIT_OK;
    size_t kept = 0;
    bool is_due = clock_monotonic_ms() >= stuck_due_ms;

    for (size_t i = 0; i < stuck_count; i++) {
        struct delivery *delivery = stuck[i];
        struct outcome outcome;
        bool moved = false;

        if (!consumer_is_current(consumer, delivery)) {
            consumer_let_go(consumer, delivery);
            continue;
        }
        if (is_due && code == EXIT_OK) {
            outcome_open(&outcome, delivery, 0);
            code = move(delivery, outcome.fault.reason, &moved);
            outcome_close(&outcome);
        }
        if (moved)
            consumer_ack(consumer, delivery);
        else
            stuck[kept++] = delivery;
    }
    stuck_count = kept;
    if (is_due)
        stuck_due_ms = clock_monotonic_ms() + STUCK_MS;
    return code;
}

/* ---- the batch ---- */

static void end_spans(void)
{
    for (size_t i = 0; i < batch_count; i++) {
        struct outcome *outcome = &outcomes[i];
        bool is_dead = outcome->kind == OUTCOME_MALFORMED;

        if (batch[i] == NULL)
            continue;
        process_span_end(outcome->span, batch[i], OUTCOME_QUEUE,
                         outcome->order_id[0] == '\0' ? NULL : outcome->order_id,
                         is_dead ? "malformed" : NULL, is_dead ? outcome->fault.reason : NULL);
        outcome->span = NULL;
    }
}

/* One acknowledgement covers all that came before, which must not be the case of what is stuck. */
static void acknowledge(void)
{
    end_spans();
    if (stuck_count == 0) {
        consumer_ack_batch(consumer, batch, batch_count);
        return;
    }
    for (size_t i = 0; i < batch_count; i++)
        if (batch[i] != NULL)
            consumer_ack(consumer, batch[i]);
}

static enum exit_code list_some(void)
{
    return question_list(store, people_read, &some_unlisted);
}

static enum exit_code record_in_span(void)
{
    struct span *span = batch_span_start(batch_count);
    enum exit_code code = record_batch();

    if (span == NULL)
        return code;
    for (size_t i = 0; i < batch_count; i++)
        batch_span_add(span, outcomes[i].span);
    batch_span_end(span, OUTCOME_QUEUE, batch_count);
    return code;
}

static enum exit_code handle(void)
{
    int64_t began_us = metrics_clock_us();
    enum exit_code code;

    read_batch();
    code = record_in_span();
    if (code == EXIT_OK) {
        metrics_recorded(batch_count, began_us);
        code = tell_batch();
    }
    if (code == EXIT_OK)
        code = move_malformed();
    /* Otherwise it comes again. */
    if (code == EXIT_OK)
        acknowledge();
    for (size_t i = 0; i < batch_count; i++)
        outcome_close(&outcomes[i]);
    return code == EXIT_OK ? list_some() : code;
}

/* ---- the loop ---- */

static bool goes_on(void)
{
    return !stop_requested() && deliveries_left != 0 &&
           (settings->idle_ms < 0 || silence_ms < settings->idle_ms);
}

/* Waits for deliveries, unless orders are to be listed. */
static enum exit_code take(void)
{
    size_t max = settings->prefetch - stuck_count;
    int timeout_ms = some_unlisted ? 0 : LOOK_MS;
    enum exit_code code = EXIT_OK;

    if (settings->idle_ms >= 0 && settings->idle_ms - silence_ms < timeout_ms)
        timeout_ms = settings->idle_ms - silence_ms;
    if (deliveries_left >= 0 && deliveries_left < (long)max)
        max = (size_t)deliveries_left;
    batch_count = 0;
    if (max > 0)
        code = consumer_take(consumer, batch, max, &batch_count, timeout_ms);
    else
        connection_wait(consumer_connection(consumer), -1, timeout_ms);
    if (code != EXIT_OK)
        return code;
    silence_ms = batch_count > 0 ? 0 : silence_ms + timeout_ms;
    if (deliveries_left > 0)
        deliveries_left -= (long)batch_count;
    return EXIT_OK;
}

static enum exit_code work(void)
{
    enum exit_code code = EXIT_OK;

    while (code == EXIT_OK && goes_on()) {
        metrics_stuck(stuck_count);
        metrics_measure(store);
        metrics_file_step();
        supervisor_progress();
        code = take();
        if (code == EXIT_OK && batch_count > 0)
            code = handle();
        else if (code == EXIT_OK && !stop_requested())
            code = list_some();
        if (code == EXIT_OK && stuck_count > 0)
            code = retry_stuck();
        publisher_service(publisher);
        store->operations->idle(store);
    }
    while (code == EXIT_OK && some_unlisted && !stop_requested())
        code = list_some();
    return code;
}

enum exit_code tracker_run(void)
{
    enum exit_code code = work();
    bool is_away =
        code == EXIT_UNREACHABLE || (code == EXIT_STORE && store->operations->may_pass(store));

    /* Asked to stop while the broker or the database was away: that is a clean end. */
    if (is_away && stop_requested())
        code = EXIT_OK;
    if (stuck_count > 0)
        code = first_failure(code, EXIT_REFUSED);
    return first_failure(code, consumer_end(consumer));
}

/* ---- the whole ---- */

enum exit_code tracker_open(const struct tracker_settings *given)
{
    const struct store_patience patience = {.attempts = given->options->retries,
                                            .delay_s = given->options->retry_delay};
    /* One byte more than an event may have, so that a larger one is noticed. */
    const struct consumer_settings consumer_settings = {.queue = OUTCOME_QUEUE,
                                                        .declare = topology_declare_outcomes,
                                                        .prefetch = given->prefetch,
                                                        .max_body = EVENT_MAX_SIZE + 1};
    enum exit_code code = metrics_open();

    if (code == EXIT_OK)
        code = engine_open_orders(NULL, ORDERS_TRACK, &patience, &store);
    if (code != EXIT_OK)
        return code;
    settings = given;
    deliveries_left = given->count;
    some_unlisted = true;
    batch = xcalloc(given->prefetch, sizeof(*batch));
    outcomes = xcalloc(given->prefetch, sizeof *outcomes);
    records = xcalloc(given->prefetch, sizeof *records);
    stuck = xcalloc(given->prefetch, sizeof(*stuck));
    consumer = consumer_new(given->options, &consumer_settings);
    publisher = publisher_new(given->options,
                              &(struct publisher_settings){.declare = topology_declare_dead_letters,
                                                           .repair = topology_declare,
                                                           .nacked = NACKED_IS_SKIPPED});
    return EXIT_OK;
}

void tracker_close(void)
{
    metrics_file_close();
    if (store != NULL)
        store->operations->close(store);
    consumer_free(consumer);
    publisher_free(publisher);
    free(batch);
    free(outcomes);
    free(records);
    free(stuck);
}
