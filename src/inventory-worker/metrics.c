#include "metrics.h"

#include "amqp/connection_metrics.h"
#include "base/clock.h"
#include "base/uuid.h"
#include "metrics/file.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum outcome {
    OUTCOME_RESERVED,
    OUTCOME_FAILED,
    OUTCOME_RELEASED,
    OUTCOME_HANDED_OVER,
    OUTCOME_CANCELLED, /* before it came */
    OUTCOME_COUNT
};

static uint64_t outcomes[OUTCOME_COUNT];
static uint64_t failures[FAILURE_COUNT];
static uint64_t duplicates;
static uint64_t dead_letters[2]; /* malformed, of another type */
static uint64_t published[2];    /* confirmed, refused */
static struct histogram batches = {.scale = &histogram_counts};
static struct histogram recorded = {.scale = &histogram_seconds};
static struct histogram confirmed = {.scale = &histogram_seconds};
static struct histogram placed_to_decided = {.scale = &histogram_ages};

static const struct hand *in_hand;
static struct ledger_size size;
static int64_t now_us; /* monotonic clock; 0 without a file */
static int64_t now_utc_ms;
static int64_t measured_ms; /* monotonic clock; 0: never */
static int64_t tried_ms;    /* likewise: to measure it */

/* ---- counting ---- */

int64_t metrics_clock_us(void)
{
    return metrics_file_is_on() ? clock_monotonic_us() : 0;
}

void metrics_note_time(void)
{
    if (!metrics_file_is_on())
        return;
    now_us = clock_monotonic_us();
    now_utc_ms = clock_utc_ms();
}

static void observe_age(const char *order_id)
{
    int64_t placed_ms;

    if (uuid_text_time(order_id, &placed_ms))
        histogram_observe(&placed_to_decided, (now_utc_ms - placed_ms) * 1000);
}

static void count_outcome(const struct task *task)
{
    static const enum outcome of[] = {[LEDGER_RESERVED] = OUTCOME_RESERVED,
                                      [LEDGER_FAILED] = OUTCOME_FAILED,
                                      [LEDGER_RELEASED] = OUTCOME_RELEASED,
                                      [LEDGER_HANDED_OVER] = OUTCOME_HANDED_OVER};
    enum outcome outcome = of[task->announcement.outcome];

    outcomes[outcome]++;
    if (outcome == OUTCOME_FAILED)
        failures[task->failure]++;
    if (task->delivery != NULL && (outcome == OUTCOME_RESERVED || outcome == OUTCOME_FAILED))
        observe_age(task->announcement.order_id);
}

void metrics_decided(const struct task *task)
{
    if (now_us == 0)
        return;
    if (task->kind == TASK_REJECT)
        dead_letters[task->is_other_type]++;
    else if (task->kind == TASK_IGNORE && task->failure == FAILURE_CANCELLED)
        outcomes[OUTCOME_CANCELLED]++;
    else if (task->kind == TASK_IGNORE)
        duplicates++;
    else if (!task->announcement.is_logged)
        count_outcome(task);
}

void metrics_published(const struct task *task)
{
    if (now_us == 0)
        return;
    published[task->refused]++;
    if (!task->refused)
        histogram_observe(&confirmed, now_us - task->published_us);
}

void metrics_recorded(size_t count, int64_t began_us)
{
    if (began_us == 0)
        return;
    histogram_observe(&batches, (int64_t)count);
    histogram_observe(&recorded, clock_monotonic_us() - began_us);
}

void metrics_measure(struct ledger *ledger, bool at_once)
{
    if (!metrics_file_is_on() || (!at_once && !metrics_file_wants(tried_ms)))
        return;
    if (ledger->operations->measure(ledger, &size))
        measured_ms = clock_monotonic_ms();
    tried_ms = clock_monotonic_ms();
}

/* ---- text ---- */

static void print_decisions(const struct metrics_text *text)
{
    static const char *const outcome_names[] = {"reserved", "failed", "released", "handed_over",
                                                "cancelled"};
    static const char *const failure_names[] = {"unknown", "quantity", "stock", "level",
                                                "cancelled"};
    static const char *const letter_names[] = {"malformed", "type"};

    metrics_counters(
        text, "orders_total",
        "Orders by what was decided about them, as logged; cancelled: before they came.", "outcome",
        outcome_names, outcomes, COUNT(outcomes));
    metrics_counters(text, "failures_total",
                     "Orders that failed, by reason: quantity over --max-qty, too few in stock, no "
                     "stock level, cancelled; unknown: another run has decided it.",
                     "reason", failure_names, failures, COUNT(failures));
    metrics_counter(text, "duplicates_total",
                    "Deliveries that changed nothing: of an order that was handled, or of a "
                    "cancellation of one that has ended.",
                    duplicates);
    metrics_counters(text, "dead_letters_total", "Messages that were rejected, by reason.",
                     "reason", letter_names, dead_letters, COUNT(dead_letters));
    metrics_histogram(text, "batch_deliveries", "Deliveries that were recorded together.",
                      &batches);
    metrics_histogram(text, "record_seconds", "How long it took to decide and record a batch.",
                      &recorded);
    metrics_histogram(text, "placed_to_decided_seconds",
                      "From placing an order to its decision, if its order_id tells when it was "
                      "placed.",
                      &placed_to_decided);
}

static void print_events(const struct metrics_text *text)
{
    static const char *const names[] = {"confirmed", "refused"};

    metrics_counters(text, "events_total", "Events that were published, by the broker's answer.",
                     "result", names, published, COUNT(published));
    metrics_histogram(text, "confirm_seconds", "From publishing an event to the broker's confirm.",
                      &confirmed);
    metrics_gauge(text, "in_flight",
                  "Deliveries in hand, and events on their way without a delivery.",
                  text->is_last ? 0 : (int64_t)in_hand->count);
}

/* The age grows while nobody can measure it. */
static int64_t outbox_age_ms(void)
{
    return size.owed == 0 ? 0 : size.oldest_age_ms + clock_monotonic_ms() - measured_ms;
}

static void print_ledger(const struct metrics_text *text)
{
    if (measured_ms == 0)
        return;
    metrics_gauge(text, "outbox_events",
                  "Events in the ledger that are owed, by whomever; 10000 stands for more.",
                  size.owed);
    metrics_gauge_ms(text, "outbox_age_seconds", "Since the oldest of them was recorded.",
                     outbox_age_ms());
    metrics_gauge(text, "ledger_orders",
                  "Orders in the ledger, from its first entry to its last: some between them may "
                  "have been forgotten.",
                  size.orders);
    metrics_gauge(text, "ledger_bytes", "Size of the ledger, without the log of a file.",
                  size.bytes);
}

static void print(const struct metrics_text *text)
{
    print_decisions(text);
    print_events(text);
    print_ledger(text);
    connection_print_metrics(text);
}

enum exit_code metrics_open(const struct hand *hand)
{
    in_hand = hand;
    return metrics_file_open("inventory_worker", print);
}
