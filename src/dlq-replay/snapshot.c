#include "snapshot.h"

#include "fingerprint.h"
#include "prefetch.h"
#include "recall.h"

#include "amqp/connection.h"
#include "base/memory.h"
#include "base/stop.h"
#include "base/text.h"
#include "terminal/progress.h"

#include <stdint.h>
#include <stdlib.h>

#define ARRIVE_MS 2000 /* that a message in the queue may take to arrive */

struct snapshot {
    struct snapshot_settings settings;
    struct consumer *consumer;
    unsigned generation; /* of the current connection */
    bool has_begun;
    bool is_lost;  /* the connection is lost, and there is no other one yet */
    size_t total;  /* letters that were in the queue at the start */
    size_t left;   /* of them, still to be handed out on the current connection */
    size_t wanted; /* letters that were handed out and are selected */

    /* On the current connection: */
    struct settled_letters kept;
    struct settled_letters gone; /* acknowledged; the broker may not have seen it yet */
    bool some_kept;              /* some letters that were handed out are kept */
    bool some_came_again;        /* which shows that no earlier connection holds letters back */
    bool some_are_first;         /* some letters were not redelivered: nobody had got them before */

    struct recall *recall; /* letters of earlier connections, which may come again */
    size_t sure;           /* letters that were acknowledged, as the broker has surely seen */

    struct prefetch prefetch;
};

/* ---- letters that were settled ---- */

/*
 * Adds letters that had arrived and were not handed out: they come again, as RECALL_NEW. One that
 * was itself a second coming keeps its earlier standing, KEPT or GONE. All are taken out of recall
 * before any is put back, since some may be alike.
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

/* The broker sees acknowledgements in their order: the newest are unsure. */
static void note_seen(struct snapshot *snapshot)
{
    snapshot->sure +=
        settled_letters_keep_newest(&snapshot->gone, consumer_unsure(snapshot->consumer));
}

static void on_loss(void *context, const struct delivery *arrived)
{
    struct snapshot *snapshot = context;

    snapshot->is_lost = true;
    if (snapshot->settings.once != NULL)
        return;
    note_seen(snapshot);
    settled_letters_move(&snapshot->kept, snapshot->recall, RECALL_KEPT);
    settled_letters_move(&snapshot->gone, snapshot->recall, RECALL_GONE);
    recall_arrived(snapshot->recall, arrived);
    snapshot->some_kept = false;
}

/* Remembers what was done with a letter, which comes again if its connection is lost. */
static void remember(struct snapshot *snapshot, const struct delivery *delivery, enum recalled what)
{
    struct fingerprint fingerprint;

    if (snapshot->settings.once != NULL)
        return;
    fingerprint = fingerprint_of(delivery);
    if (!consumer_is_current(snapshot->consumer, delivery))
        recall_add(snapshot->recall, &fingerprint, what);
    else
        settled_letters_add(what == RECALL_KEPT ? &snapshot->kept : &snapshot->gone, &fingerprint);
}

/* ---- start and end ---- */

/* Returns how many letters may be wanted in all; SIZE_MAX if some may not be selected. */
static size_t most_wanted(const struct snapshot *snapshot)
{
    return selection_is_empty(snapshot->settings.selection) ? snapshot->settings.limit : SIZE_MAX;
}

/* The prefetch of letters that are only looked at does not adapt: all are kept until the end. */
static size_t first_prefetch(const struct snapshot *snapshot)
{
    size_t prefetch = snapshot->settings.once != NULL ? PREFETCH_MAX : snapshot->settings.prefetch;

    return most_wanted(snapshot) < prefetch ? most_wanted(snapshot) : prefetch;
}

struct snapshot *snapshot_new(const struct broker_options *options,
                              const struct snapshot_settings *settings)
{
    struct snapshot *snapshot = xcalloc(1, sizeof *snapshot);
    struct consumer_settings consuming = {.queue = settings->queue,
                                          .declare = settings->declare,
                                          .max_body = SIZE_MAX,
                                          .counts = true,
                                          .on_loss = on_loss,
                                          .context = snapshot};

    snapshot->settings = *settings;
    consuming.prefetch = (unsigned)first_prefetch(snapshot);
    snapshot->recall = recall_new();
    snapshot->consumer = consumer_new(options, &consuming);
    prefetch_start(&snapshot->prefetch, snapshot->consumer, consuming.prefetch);
    return snapshot;
}

void snapshot_spare(struct snapshot *snapshot)
{
    if (snapshot->settings.once == NULL)
        prefetch_spare(&snapshot->prefetch, snapshot->settings.limit);
}

void snapshot_free(struct snapshot *snapshot)
{
    if (snapshot == NULL)
        return;
    consumer_free(snapshot->consumer);
    recall_free(snapshot->recall);
    settled_letters_free(&snapshot->kept);
    settled_letters_free(&snapshot->gone);
    free(snapshot);
}

/* Reports letters that are missing from the queue and were not removed by this run. */
static void report_missing(const struct snapshot *snapshot, size_t missing)
{
    size_t gone = recall_count(snapshot->recall, RECALL_GONE);

    if (missing > gone)
        report("%zu of %zu letters are no longer in '%s': somebody else has taken them, or the "
               "queue was deleted",
               missing - gone, snapshot->total, printable_text(snapshot->settings.queue));
}

/* Begins on a new connection. If no other consumer holds letters back, all that are left are in the
 * queue now; of those that this run has acknowledged, the missing ones were removed. */
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
    snapshot->prefetch.held = 0;
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

/* Returns whether all letters that earlier connections held have come again, or are removed. */
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

/* ---- handing out ---- */

void snapshot_adapt(struct snapshot *snapshot)
{
    size_t known =
        recall_count(snapshot->recall, RECALL_KEPT) + recall_count(snapshot->recall, RECALL_GONE);

    if (snapshot->settings.once == NULL)
        prefetch_adapt(&snapshot->prefetch, known, most_wanted(snapshot));
    else
        prefetch_look_on(&snapshot->prefetch, most_wanted(snapshot) - snapshot->wanted);
}

/* Ends a snapshot of which the rest does not arrive: another consumer has it, perhaps for a while
 * only. */
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
    snapshot->prefetch.held++;
}

/* Removes one letter, also if others that were handed out before it are unsettled. */
static void remove_one(struct snapshot *snapshot, struct delivery *delivery)
{
    remember(snapshot, delivery, RECALL_GONE);
    consumer_ack(snapshot->consumer, delivery);
}

/* If the letter comes again and was handled before, settles it as then, and returns true. Otherwise
 * it is to be handed out. */
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

/* Returns whether no more letters are wanted. Letters that were removed, and may come again, come
 * before all others: until one comes for the first time, they are waited for. */
static bool has_enough(const struct snapshot *snapshot)
{
    return snapshot->wanted >= snapshot->settings.limit &&
           (snapshot->some_are_first || recall_count(snapshot->recall, RECALL_GONE) == 0);
}

/* Takes what has arrived. *arrived is 0 if nothing comes; *count is how many of the letters are to
 * be handed out. */
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
    prefetch_time_batch(&snapshot->prefetch);
    if (code == EXIT_OK && arrived == 0 && snapshot->left > 0 && !stop_requested())
        return do_not_come(snapshot);
    return code;
}

bool snapshot_wants(struct snapshot *snapshot, struct dead_letter *letter)
{
    if (snapshot->wanted >= snapshot->settings.limit ||
        !selection_has(snapshot->settings.selection, letter))
        return false;
    snapshot->wanted++;
    return true;
}

void snapshot_keep(struct snapshot *snapshot, struct delivery *delivery)
{
    prefetch_note_handled(&snapshot->prefetch, delivery->used);
    keep(snapshot, delivery);
}

void snapshot_remove(struct snapshot *snapshot, struct delivery **batch, size_t count)
{
    bool one_by_one = snapshot->some_kept;

    for (size_t i = 0; i < count; i++) {
        prefetch_note_handled(&snapshot->prefetch, batch[i]->used);
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
    prefetch_note_handled(&snapshot->prefetch, delivery->used);
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
