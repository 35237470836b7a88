#include "snapshot.h"

#include "fingerprint.h"
#include "recall.h"

#include "amqp/connection.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/stop.h"
#include "base/text.h"
#include "terminal/progress.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ARRIVE_MS 2000    /* that a message in the queue may take to arrive */
#define SPARING_WINDOW 32 /* letters that are handed out ahead at least, with snapshot_spare() */
#define WINDOW_BYTES ((size_t)32 << 20) /* of letters that are handed out ahead */

/* Letters in the order in which they were settled. */
struct settled {
    struct fingerprint *letters;
    size_t capacity;
    size_t first;
    size_t count;
};

struct snapshot {
    struct snapshot_settings settings;
    struct consumer *consumer;
    unsigned generation; /* of the connection on which it began */
    bool has_begun;
    bool is_lost;  /* and it has not begun on another one */
    size_t total;  /* letters that were there at the start */
    size_t left;   /* of them, still to be handed out on this connection */
    size_t wanted; /* of those handed out */

    /* On this connection: */
    struct settled kept;
    struct settled gone;  /* not surely seen by the broker */
    bool some_kept;       /* something that was handed out */
    bool some_came_again; /* so that no earlier connection holds any letter back */
    bool some_are_first;  /* some came that had not been handed out before, to anybody */

    struct recall *recall; /* of earlier connections */
    size_t sure;           /* letters that were removed, as the broker has surely seen */

    bool spares;     /* snapshot_spare() */
    size_t window;   /* letters to be handed out ahead */
    size_t prefetch; /* of the present subscription, */
    size_t held;     /* of which so many are kept */
    size_t handled;  /* since the last batch was handed out, */
    size_t bytes;    /* of so many in all, */
    int64_t since_ms;
};

/* ---- what was settled ---- */

static void add_settled(struct settled *settled, const struct fingerprint *letter)
{
    if (settled->first > 0 && 2 * settled->first >= settled->capacity) {
        memmove(settled->letters, settled->letters + settled->first,
                settled->count * sizeof *letter);
        settled->first = 0;
    }
    if (settled->first + settled->count == settled->capacity) {
        settled->capacity = settled->capacity == 0 ? 512 : 2 * settled->capacity;
        settled->letters = xrealloc(settled->letters, settled->capacity * sizeof *letter);
    }
    settled->letters[settled->first + settled->count++] = *letter;
}

static void move_to_recall(struct settled *settled, struct recall *recall, enum recalled what)
{
    for (size_t i = 0; i < settled->count; i++)
        recall_add(recall, &settled->letters[settled->first + i], what);
    settled->first = 0;
    settled->count = 0;
}

/*
 * Letters that arrived and were not handed out come again. Those that had come again by then are
 * what they were before: settled, perhaps, and expected once. All are taken out before any is put
 * back, since there may be some that are alike.
 */
static void recall_arrived(struct recall *recall, const struct delivery *arrived)
{
    struct recall *again = recall_new();

    for (; arrived != NULL; arrived = arrived->next) {
        struct fingerprint fingerprint = fingerprint_of(arrived);

        recall_add(again, &fingerprint,
                   arrived->redelivered ? recall_take(recall, &fingerprint) : RECALL_NEW);
    }
    recall_merge(recall, again);
    recall_free(again);
}

/* Of those that are gone, the broker has seen the oldest by now. */
static void note_seen(struct snapshot *snapshot)
{
    size_t unsure = consumer_unsure(snapshot->consumer);

    while (snapshot->gone.count > unsure) {
        snapshot->gone.first++;
        snapshot->gone.count--;
        snapshot->sure++;
    }
}

static void on_loss(void *context, const struct delivery *arrived)
{
    struct snapshot *snapshot = context;

    snapshot->is_lost = true;
    if (snapshot->settings.once != NULL)
        return;
    note_seen(snapshot);
    move_to_recall(&snapshot->kept, snapshot->recall, RECALL_KEPT);
    move_to_recall(&snapshot->gone, snapshot->recall, RECALL_GONE);
    recall_arrived(snapshot->recall, arrived);
    snapshot->some_kept = false;
}

/* Remembers what was done with a letter. If its connection is lost already, it comes again. */
static void remember(struct snapshot *snapshot, const struct delivery *delivery, enum recalled what)
{
    struct fingerprint fingerprint;

    if (snapshot->settings.once != NULL)
        return;
    fingerprint = fingerprint_of(delivery);
    if (!consumer_is_current(snapshot->consumer, delivery))
        recall_add(snapshot->recall, &fingerprint, what);
    else
        add_settled(what == RECALL_KEPT ? &snapshot->kept : &snapshot->gone, &fingerprint);
}

/* ---- its beginning and its end ---- */

struct snapshot *snapshot_new(const struct broker_options *options,
                              const struct snapshot_settings *settings)
{
    struct snapshot *snapshot = xcalloc(1, sizeof *snapshot);
    bool all_are_meant = selection_is_empty(settings->selection);
    bool is_limited = all_are_meant && settings->limit <= UINT16_MAX;
    struct consumer_settings consuming = {.queue = settings->queue,
                                          .declare = settings->declare,
                                          .max_body = SIZE_MAX,
                                          .on_loss = on_loss,
                                          .context = snapshot};

    snapshot->settings = *settings;
    snapshot->window = settings->window;
    if (is_limited && settings->limit < snapshot->window)
        snapshot->window = settings->limit;
    /* What is only looked at is all kept until the end. */
    if (settings->once != NULL)
        snapshot->window =
            is_limited && settings->limit < SNAPSHOT_WINDOW ? settings->limit : SNAPSHOT_WINDOW;
    snapshot->prefetch = snapshot->window;
    consuming.prefetch = (unsigned)snapshot->prefetch;
    snapshot->recall = recall_new();
    snapshot->consumer = consumer_new(options, &consuming);
    return snapshot;
}

void snapshot_spare(struct snapshot *snapshot)
{
    snapshot->spares = true;
    if (snapshot->settings.once != NULL || snapshot->window >= SPARING_WINDOW)
        return;
    snapshot->window =
        snapshot->settings.limit < SPARING_WINDOW ? snapshot->settings.limit : SPARING_WINDOW;
    snapshot->prefetch = snapshot->window;
    consumer_set_prefetch(snapshot->consumer, (unsigned)snapshot->prefetch);
}

void snapshot_free(struct snapshot *snapshot)
{
    if (snapshot == NULL)
        return;
    consumer_free(snapshot->consumer);
    recall_free(snapshot->recall);
    free(snapshot->kept.letters);
    free(snapshot->gone.letters);
    free(snapshot);
}

/* Of letters that are not there any more, some may have been removed by this run. */
static void report_missing(const struct snapshot *snapshot, size_t missing)
{
    size_t gone = recall_count(snapshot->recall, RECALL_GONE);

    if (missing > gone)
        report("%zu of %zu letters are no longer in '%s': somebody else has taken them, or the "
               "queue was "
               "deleted",
               missing - gone, snapshot->total, printable_text(snapshot->settings.queue));
}

/*
 * On a new connection. What no earlier one holds back is all there, and those that are gone and not
 * there were removed.
 */
static void begin(struct snapshot *snapshot)
{
    size_t waiting = consumer_waiting(snapshot->consumer);
    size_t rest;

    if (!snapshot->has_begun)
        snapshot->total = waiting;
    rest = snapshot->total > snapshot->sure ? snapshot->total - snapshot->sure : 0;
    snapshot->left = rest;
    if (waiting < rest && consumer_others(snapshot->consumer) == 0) {
        snapshot->left = waiting;
        report_missing(snapshot, rest - waiting);
    }
    snapshot->has_begun = true;
    snapshot->is_lost = false;
    snapshot->generation = connection_generation(consumer_connection(snapshot->consumer));
    snapshot->some_kept = false;
    snapshot->some_came_again = false;
    snapshot->some_are_first = false;
    snapshot->held = 0;
}

enum exit_code snapshot_open(struct snapshot *snapshot)
{
    enum exit_code code = consumer_open(snapshot->consumer);

    if (code == EXIT_OK)
        begin(snapshot);
    return code;
}

static enum exit_code after_reconnection(struct snapshot *snapshot)
{
    if (snapshot->settings.once != NULL) {
        report("the connection was lost: the %s is not complete", snapshot->settings.once);
        return EXIT_UNREACHABLE;
    }
    begin(snapshot);
    return EXIT_OK;
}

/* Has all come again that the earlier connections held, if anything has? */
static bool all_came_again(const struct snapshot *snapshot)
{
    return snapshot->has_begun && !snapshot->is_lost &&
           (snapshot->left == 0 || snapshot->some_are_first) &&
           (snapshot->some_came_again || consumer_others(snapshot->consumer) == 0);
}

bool snapshot_finish(struct snapshot *snapshot)
{
    bool seen;

    if (all_came_again(snapshot)) {
        snapshot->sure += recall_count(snapshot->recall, RECALL_GONE);
        recall_forget_gone(snapshot->recall);
    }
    seen = consumer_finish(snapshot->consumer);
    note_seen(snapshot);
    return seen;
}

size_t snapshot_unsure(const struct snapshot *snapshot)
{
    return snapshot->gone.count + recall_count(snapshot->recall, RECALL_GONE);
}

/* ---- how much is handed out ahead ---- */

/* From how long the last batch took. It grows step by step, since the next letters may be slower.
 */
static void reckon_window(struct snapshot *snapshot)
{
    int64_t took_ms = clock_monotonic_ms() - snapshot->since_ms;
    size_t most = 2 * snapshot->window;

    if (snapshot->handled == 0)
        return;
    if (took_ms > 0 && snapshot->handled * 1000 / (size_t)took_ms < most)
        most = snapshot->handled * 1000 / (size_t)took_ms;
    if (most > SNAPSHOT_WINDOW)
        most = SNAPSHOT_WINDOW;
    if (most * (snapshot->bytes / snapshot->handled) > WINDOW_BYTES)
        most = WINDOW_BYTES / (snapshot->bytes / snapshot->handled);
    snapshot->window = most == 0 ? 1 : most;
    snapshot->handled = 0;
    snapshot->bytes = 0;
    snapshot->since_ms = clock_monotonic_ms();
}

static void subscribe_for(struct snapshot *snapshot, size_t letters)
{
    consumer_set_prefetch(snapshot->consumer, (unsigned)letters);
    snapshot->prefetch = letters;
    snapshot->held = 0;
}

/*
 * No subscription to a quorum queue holds more than SNAPSHOT_WINDOW letters, whatever it asks for.
 * So once one is full of letters that are looked at, another one follows, for no more of them than
 * are still wanted.
 */
static void look_on(struct snapshot *snapshot)
{
    size_t need = SNAPSHOT_WINDOW;

    if (selection_is_empty(snapshot->settings.selection) &&
        snapshot->settings.limit - snapshot->wanted < need)
        need = snapshot->settings.limit - snapshot->wanted;
    if (snapshot->held >= snapshot->prefetch && need > 0)
        subscribe_for(snapshot, need);
}

void snapshot_adapt(struct snapshot *snapshot)
{
    size_t free = snapshot->prefetch > snapshot->held ? snapshot->prefetch - snapshot->held : 0;
    size_t need;

    if (snapshot->settings.once != NULL) {
        look_on(snapshot);
        return;
    }
    reckon_window(snapshot);
    /* What is known already takes no time. */
    need = snapshot->window + recall_count(snapshot->recall, RECALL_KEPT) +
           recall_count(snapshot->recall, RECALL_GONE);
    if (need > SNAPSHOT_WINDOW)
        need = SNAPSHOT_WINDOW;
    if (selection_is_empty(snapshot->settings.selection) && need > snapshot->settings.limit)
        need = snapshot->settings.limit;
    /* Not for every small change. */
    if (snapshot->spares ? free > 0 : 2 * free > need && free < 2 * need)
        return;
    subscribe_for(snapshot, need);
}

/* ---- handing out ---- */

/* Another consumer may be quicker: then fewer arrive than were counted. It may have them for a
 * while only. */
static enum exit_code do_not_come(struct snapshot *snapshot)
{
    size_t gone = recall_count(snapshot->recall, RECALL_GONE);
    size_t missing = snapshot->left > gone ? snapshot->left - gone : 0;

    snapshot->left = 0;
    if (missing == 0)
        return EXIT_OK;
    report("%zu of %zu letters did not come: somebody else may have them", missing,
           snapshot->total);
    return snapshot->settings.once == NULL ? EXIT_OK : EXIT_UNREACHABLE;
}

static bool nothing_is_expected(const struct recall *recall)
{
    return recall_count(recall, RECALL_NEW) + recall_count(recall, RECALL_KEPT) +
               recall_count(recall, RECALL_GONE) ==
           0;
}

static void keep(struct snapshot *snapshot, struct delivery *delivery)
{
    remember(snapshot, delivery, RECALL_KEPT);
    consumer_let_go(snapshot->consumer, delivery);
    snapshot->some_kept = true;
    snapshot->held++;
}

/* Removes one letter alone: others that were handed out before it may be unsettled. */
static void remove_one(struct snapshot *snapshot, struct delivery *delivery)
{
    remember(snapshot, delivery, RECALL_GONE);
    consumer_ack(snapshot->consumer, delivery);
}

/* A letter that was handled before a connection was lost is settled as it was then, and not handed
 * out. */
static bool is_settled_again(struct snapshot *snapshot, struct delivery *delivery)
{
    size_t expected = recall_count(snapshot->recall, RECALL_NEW);
    struct fingerprint fingerprint;
    enum recalled what;

    snapshot->some_are_first = snapshot->some_are_first || !delivery->redelivered;
    if (!delivery->redelivered || nothing_is_expected(snapshot->recall))
        return false;
    fingerprint = fingerprint_of(delivery);
    what = recall_take(snapshot->recall, &fingerprint);
    if (what != RECALL_NEW || recall_count(snapshot->recall, RECALL_NEW) < expected)
        snapshot->some_came_again = true;
    if (what == RECALL_KEPT)
        keep(snapshot, delivery);
    if (what == RECALL_GONE)
        remove_one(snapshot, delivery);
    return what != RECALL_NEW;
}

/* Is nothing more wanted? What was removed as the last that was may still come again, before all
 * others. */
static bool has_enough(const struct snapshot *snapshot)
{
    return snapshot->wanted >= snapshot->settings.limit &&
           (snapshot->some_are_first || recall_count(snapshot->recall, RECALL_GONE) == 0);
}

/* *arrived is 0 if nothing comes; *count is how many of what did are to be handed out. */
static enum exit_code take_some(struct snapshot *snapshot, struct delivery **batch, size_t max,
                                size_t *count, size_t *arrived)
{
    enum exit_code code = consumer_take(
        snapshot->consumer, batch, max < snapshot->left ? max : snapshot->left, arrived, ARRIVE_MS);

    if (code == EXIT_OK &&
        snapshot->generation != connection_generation(consumer_connection(snapshot->consumer)))
        code = after_reconnection(snapshot);
    for (size_t i = 0; i < *arrived && code == EXIT_OK; i++) {
        if (snapshot->left == 0) {
            consumer_let_go(snapshot->consumer, batch[i]);
            continue;
        }
        snapshot->left--;
        if (!is_settled_again(snapshot, batch[i]))
            batch[(*count)++] = batch[i];
    }
    return code;
}

enum exit_code snapshot_take(struct snapshot *snapshot, struct delivery **batch, size_t max,
                             size_t *count)
{
    enum exit_code code = EXIT_OK;
    size_t arrived = 1;

    *count = 0;
    while (code == EXIT_OK && *count == 0 && arrived > 0 && snapshot->left > 0 &&
           !has_enough(snapshot) && !stop_requested()) {
        snapshot_adapt(snapshot);
        code = take_some(snapshot, batch, max, count, &arrived);
    }
    snapshot->since_ms = clock_monotonic_ms();
    if (code == EXIT_OK && arrived == 0 && snapshot->left > 0 && !stop_requested())
        return do_not_come(snapshot);
    return code;
}

bool snapshot_wants(struct snapshot *snapshot, const struct dead_letter *letter)
{
    if (snapshot->wanted >= snapshot->settings.limit ||
        !selection_has(snapshot->settings.selection, letter))
        return false;
    snapshot->wanted++;
    return true;
}

static void count_handled(struct snapshot *snapshot, const struct delivery *delivery)
{
    snapshot->handled++;
    snapshot->bytes += delivery->used;
}

void snapshot_keep(struct snapshot *snapshot, struct delivery *delivery)
{
    count_handled(snapshot, delivery);
    keep(snapshot, delivery);
}

void snapshot_remove(struct snapshot *snapshot, struct delivery **batch, size_t count)
{
    bool one_by_one = snapshot->some_kept;

    for (size_t i = 0; i < count; i++) {
        count_handled(snapshot, batch[i]);
        if (one_by_one)
            remove_one(snapshot, batch[i]);
        else
            remember(snapshot, batch[i], RECALL_GONE);
    }
    if (!one_by_one)
        consumer_ack_batch(snapshot->consumer, batch, count);
    note_seen(snapshot);
}

void snapshot_remove_alone(struct snapshot *snapshot, struct delivery *delivery)
{
    count_handled(snapshot, delivery);
    remove_one(snapshot, delivery);
    note_seen(snapshot);
}

bool snapshot_is_lost(const struct snapshot *snapshot, const struct delivery *delivery)
{
    return !consumer_is_current(snapshot->consumer, delivery);
}

void snapshot_give_up(struct snapshot *snapshot, struct delivery *delivery)
{
    struct fingerprint fingerprint = fingerprint_of(delivery);

    recall_add(snapshot->recall, &fingerprint, RECALL_NEW);
    consumer_let_go(snapshot->consumer, delivery);
    snapshot->wanted--;
}

void snapshot_show_progress(const struct snapshot *snapshot)
{
    progress_set(snapshot->total - snapshot->left, snapshot->total);
}
