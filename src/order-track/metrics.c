#include "metrics.h"

#include "amqp/connection_metrics.h"
#include "base/clock.h"
#include "metrics/file.h"
#include "store/orders.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum result {
    RESULT_RESERVED,
    RESULT_FAILED,
    RESULT_CANCELLED,
    RESULT_HANDED_OVER,
    RESULT_KNOWN,
    RESULT_UNKNOWN_ORDER,
    RESULT_IGNORED,
    RESULT_COUNT
};

static uint64_t results[RESULT_COUNT];
static uint64_t moved;
static size_t stuck;
static struct histogram batches = {.scale = &histogram_counts};
static struct histogram recorded = {.scale = &histogram_seconds};
static struct histogram reached_to_recorded = {.scale = &histogram_ages};
static int64_t measured_ms; /* monotonic clock; 0: never */
static int64_t store_bytes; /* 0: not known */
static int64_t now_utc_ms;  /* when the last batch was recorded; 0 without a file */

int64_t metrics_clock_us(void)
{
    return metrics_file_is_on() ? clock_monotonic_us() : 0;
}

void metrics_recorded(size_t count, int64_t began_us)
{
    if (began_us == 0)
        return;
    now_utc_ms = clock_utc_ms();
    histogram_observe(&batches, (int64_t)count);
    histogram_observe(&recorded, clock_monotonic_us() - began_us);
}

static enum result result_of(const struct outcome *outcome)
{
    static const enum result of[] = {[ORDER_RESERVED] = RESULT_RESERVED,
                                     [ORDER_FAILED] = RESULT_FAILED,
                                     [ORDER_CANCELLED] = RESULT_CANCELLED,
                                     [ORDER_HANDED_OVER] = RESULT_HANDED_OVER};

    if (outcome->kind == OUTCOME_OTHER)
        return RESULT_IGNORED;
    if (outcome->kind == OUTCOME_OF_NOBODY || outcome->record.standing == OUTCOME_HAS_NO_ORDER)
        return RESULT_UNKNOWN_ORDER;
    return outcome->record.standing == OUTCOME_IS_KNOWN ? RESULT_KNOWN : of[outcome->record.status];
}

void metrics_outcome(const struct outcome *outcome)
{
    enum result result;

    if (now_utc_ms == 0)
        return;
    result = result_of(outcome);
    results[result]++;
    if (result < RESULT_KNOWN)
        histogram_observe(&reached_to_recorded, (now_utc_ms - outcome->record.at) * 1000);
}

void metrics_moved(void)
{
    moved++;
}

void metrics_stuck(size_t count)
{
    stuck = count;
}

void metrics_measure(struct orders *store)
{
    if (!metrics_file_wants(measured_ms))
        return;
    (void)store->operations->measure(store, &store_bytes);
    measured_ms = clock_monotonic_ms();
}

static void print(const struct metrics_text *text)
{
    static const char *const result_names[] = {
        "reserved", "failed", "cancelled", "handed_over", "known", "unknown_order", "ignored"};
    static const char *const letter_names[] = {"malformed"};

    metrics_counters(text, "outcomes_total",
                     "Events by what was recorded of them; known: recorded before.", "result",
                     result_names, results, COUNT(results));
    metrics_counters(text, "dead_letters_total",
                     "Messages that were moved to the dead letters, by reason.", "reason",
                     letter_names, &moved, 1);
    metrics_histogram(text, "batch_deliveries", "Deliveries that were recorded together.",
                      &batches);
    metrics_histogram(text, "record_seconds", "How long it took to record a batch.", &recorded);
    metrics_histogram(text, "reached_to_recorded_seconds",
                      "From what became of an order, by its event, to recording it.",
                      &reached_to_recorded);
    metrics_gauge(text, "stuck_messages",
                  "Malformed messages in hand that the broker did not take as dead letters.",
                  (int64_t)stuck);
    if (store_bytes != 0)
        metrics_gauge(text, "store_bytes",
                      "Size of the store of orders, without the log of a file.", store_bytes);
    connection_print_metrics(text);
}

enum exit_code metrics_open(void)
{
    return metrics_file_open("order_track", print);
}
