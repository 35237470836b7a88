#include "metrics.h"

#include "amqp/connection_metrics.h"
#include "base/clock.h"
#include "base/uuid.h"
#include "metrics/file.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum result { RESULT_TOLD, RESULT_REPEAT, RESULT_UNEXPECTED, RESULT_DEAD, RESULT_COUNT };

static uint64_t results[RESULT_COUNT];
static uint64_t dead_letters[3]; /* malformed, attempts, command */
static uint64_t waits;
static uint64_t doubts;
static uint64_t failures;
static struct histogram batches = {.scale = &histogram_counts};
static struct histogram claimed = {.scale = &histogram_seconds};
static struct histogram told = {.scale = &histogram_ages};
static struct histogram placed_to_told = {.scale = &histogram_ages};
static const struct hand *in_hand;
static int64_t measured_ms;  /* monotonic clock; 0: never */
static int64_t ledger_bytes; /* 0: not known */

/* ---- counting ---- */

int64_t metrics_clock_us(void)
{
    return metrics_file_is_on() ? clock_monotonic_us() : 0;
}

static void count_dead(const struct notification *notification)
{
    results[RESULT_DEAD]++;
    dead_letters[notification->verdict == VERDICT_MALFORMED ? 0
                 : notification->verdict == VERDICT_SPENT   ? 1
                                                            : 2]++;
}

static void count_told(const struct notification *notification, int64_t now_ms, int64_t now_utc_ms)
{
    int64_t placed_ms;

    results[RESULT_TOLD]++;
    histogram_observe(&told, (now_ms - notification->taken_ms) * 1000);
    if (uuid_text_time(notification->order_id, &placed_ms))
        histogram_observe(&placed_to_told, (now_utc_ms - placed_ms) * 1000);
}

static void count(const struct notification *notification, int64_t now_ms, int64_t now_utc_ms)
{
    if (notification->outcome == OUTCOME_DEAD)
        count_dead(notification);
    else if (notification->verdict == VERDICT_REPEAT)
        results[RESULT_REPEAT]++;
    else if (notification->verdict == VERDICT_OTHER)
        results[RESULT_UNEXPECTED]++;
    else if (notification->verdict == VERDICT_TELL && notification->outcome == OUTCOME_DONE)
        count_told(notification, now_ms, now_utc_ms);
}

void metrics_handled(struct notification *const handled[], size_t handled_count)
{
    int64_t now_ms;
    int64_t now_utc_ms;

    if (!metrics_file_is_on())
        return;
    now_ms = clock_monotonic_ms();
    now_utc_ms = clock_utc_ms();
    for (size_t i = 0; i < handled_count; i++)
        count(handled[i], now_ms, now_utc_ms);
}

void metrics_waits(void)
{
    waits++;
}

void metrics_in_doubt(void)
{
    doubts++;
}

void metrics_failed(void)
{
    failures++;
}

void metrics_claimed(size_t claimed_count, int64_t began_us)
{
    if (began_us == 0)
        return;
    histogram_observe(&batches, (int64_t)claimed_count);
    histogram_observe(&claimed, clock_monotonic_us() - began_us);
}

void metrics_measure(struct notified *notified)
{
    if (!metrics_file_wants(measured_ms))
        return;
    (void)notified->operations->measure(notified, &ledger_bytes);
    measured_ms = clock_monotonic_ms();
}

/* ---- text ---- */

static void print(const struct metrics_text *text)
{
    static const char *const result_names[] = {"told", "repeat", "unexpected", "dead_letter"};
    static const char *const letter_names[] = {"malformed", "attempts", "command"};

    metrics_counters(text, "notifications_total",
                     "Deliveries by what became of them; repeat: the customer was told before.",
                     "result", result_names, results, COUNT(results));
    metrics_counters(text, "dead_letters_total",
                     "Messages that were moved to the dead letters, by reason.", "reason",
                     letter_names, dead_letters, COUNT(dead_letters));
    metrics_counter(text, "command_failures_total", "Commands of --exec that failed.", failures);
    metrics_counter(text, "in_doubt_total",
                    "Customers who may have been told before, by a worker that has ended.", doubts);
    metrics_counter(text, "waits_total", "Orders that another worker had claimed.", waits);
    metrics_histogram(text, "batch_deliveries", "Deliveries that were handled in one turn.",
                      &batches);
    metrics_histogram(text, "claim_seconds",
                      "How long it took to record one turn and to claim the next.", &claimed);
    metrics_histogram(text, "tell_seconds", "From the delivery of an event to telling of it.",
                      &told);
    metrics_histogram(text, "placed_to_told_seconds",
                      "From placing an order to telling its customer, if its order_id tells when "
                      "it was placed.",
                      &placed_to_told);
    metrics_gauge(text, "in_flight", "Deliveries in hand.",
                  text->is_last || in_hand == NULL ? 0 : (int64_t)hand_count(in_hand));
    if (ledger_bytes != 0)
        metrics_gauge(text, "ledger_bytes",
                      "Size of the record of who was told, without the log of a file.",
                      ledger_bytes);
    connection_print_metrics(text);
}

enum exit_code metrics_open(void)
{
    return metrics_file_open("notify_worker", print);
}

void metrics_of(const struct hand *hand)
{
    in_hand = hand;
}
