#include "backlog.h"

#include "base/clock.h"
#include "fingerprint.h"
#include "amqp/connection.h"
#include "terminal/progress.h"
#include "recall.h"
#include "base/stop.h"
#include "base/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ARRIVE_MS 2000                  /* that a message in the queue may take to arrive */
#define SPARING_WINDOW 32               /* letters that are handed out ahead at least, with backlog_spare() */
#define WINDOW_BYTES ((size_t)32 << 20) /* of letters that are handed out ahead */

/* Letters in the order in which they were settled. */
struct settled {
    struct fingerprint *letters;
    size_t capacity;
    size_t first;
    size_t count;
};

struct backlog {
    struct backlog_settings settings;
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

    bool spares;     /* backlog_spare() */
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
        memmove(settled->letters, settled->letters + settled->first, settled->count * sizeof *letter);
        settled->first = 0;
    }
    if (settled->first + settled->count == settled->capacity) {
        settled->capacity = settled->capacity == 0 ? 512 : 2 * settled->capacity;
        settled->letters = need_realloc(settled->letters, settled->capacity * sizeof *letter);
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
 * Letters that arrived and were not handed out come again. Those that had come again by then are what they were before:
 * settled, perhaps, and expected once. All are taken out before any is put back, since there may be some that are alike.
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
static void note_seen(struct backlog *backlog)
{
    size_t unsure = consumer_unsure(backlog->consumer);

    while (backlog->gone.count > unsure) {
        backlog->gone.first++;
        backlog->gone.count--;
        backlog->sure++;
    }
}

static void on_loss(void *context, const struct delivery *arrived)
{
    struct backlog *backlog = context;

    backlog->is_lost = true;
    if (backlog->settings.once != NULL)
        return;
    note_seen(backlog);
    move_to_recall(&backlog->kept, backlog->recall, RECALL_KEPT);
    move_to_recall(&backlog->gone, backlog->recall, RECALL_GONE);
    recall_arrived(backlog->recall, arrived);
    backlog->some_kept = false;
}

/* Remembers what was done with a letter. If its connection is lost already, it comes again. */
static void remember(struct backlog *backlog, const struct delivery *delivery, enum recalled what)
{
    struct fingerprint fingerprint;

    if (backlog->settings.once != NULL)
        return;
    fingerprint = fingerprint_of(delivery);
    if (!consumer_is_current(backlog->consumer, delivery))
        recall_add(backlog->recall, &fingerprint, what);
    else
        add_settled(what == RECALL_KEPT ? &backlog->kept : &backlog->gone, &fingerprint);
}

/* ---- its beginning and its end ---- */

struct backlog *backlog_new(const struct broker_options *options, const struct backlog_settings *settings)
{
    struct backlog *backlog = need_calloc(1, sizeof *backlog);
    bool all_are_meant = selection_is_empty(settings->selection);
    bool is_limited = all_are_meant && settings->limit <= UINT16_MAX;
    struct consumer_settings consuming = {.queue = settings->queue,
                                          .declare = settings->declare,
                                          .max_body = SIZE_MAX,
                                          .on_loss = on_loss,
                                          .context = backlog};

    backlog->settings = *settings;
    backlog->window = settings->window;
    if (is_limited && settings->limit < backlog->window)
        backlog->window = settings->limit;
    /* What is only looked at is all kept until the end. */
    if (settings->once != NULL)
        backlog->window = is_limited && settings->limit < BACKLOG_WINDOW ? settings->limit : BACKLOG_WINDOW;
    backlog->prefetch = backlog->window;
    consuming.prefetch = (unsigned)backlog->prefetch;
    backlog->recall = recall_new();
    backlog->consumer = consumer_new(options, &consuming);
    return backlog;
}

void backlog_spare(struct backlog *backlog)
{
    backlog->spares = true;
    if (backlog->settings.once != NULL || backlog->window >= SPARING_WINDOW)
        return;
    backlog->window = backlog->settings.limit < SPARING_WINDOW ? backlog->settings.limit : SPARING_WINDOW;
    backlog->prefetch = backlog->window;
    consumer_set_prefetch(backlog->consumer, (unsigned)backlog->prefetch);
}

void backlog_free(struct backlog *backlog)
{
    if (backlog == NULL)
        return;
    consumer_free(backlog->consumer);
    recall_free(backlog->recall);
    free(backlog->kept.letters);
    free(backlog->gone.letters);
    free(backlog);
}

/* Of letters that are not there any more, some may have been removed by this run. */
static void report_missing(const struct backlog *backlog, size_t missing)
{
    size_t gone = recall_count(backlog->recall, RECALL_GONE);

    if (missing > gone)
        report("%zu of %zu letters are no longer in '%s': somebody else has taken them, or the queue was "
               "deleted",
               missing - gone, backlog->total, printable_text(backlog->settings.queue));
}

/*
 * On a new connection. What no earlier one holds back is all there, and those that are gone and not there
 * were removed.
 */
static void begin(struct backlog *backlog)
{
    size_t waiting = consumer_waiting(backlog->consumer);
    size_t rest;

    if (!backlog->has_begun)
        backlog->total = waiting;
    rest = backlog->total > backlog->sure ? backlog->total - backlog->sure : 0;
    backlog->left = rest;
    if (waiting < rest && consumer_others(backlog->consumer) == 0) {
        backlog->left = waiting;
        report_missing(backlog, rest - waiting);
    }
    backlog->has_begun = true;
    backlog->is_lost = false;
    backlog->generation = connection_generation(consumer_connection(backlog->consumer));
    backlog->some_kept = false;
    backlog->some_came_again = false;
    backlog->some_are_first = false;
    backlog->held = 0;
}

enum exit_code backlog_open(struct backlog *backlog)
{
    enum exit_code code = consumer_open(backlog->consumer);

    if (code == EXIT_OK)
        begin(backlog);
    return code;
}

static enum exit_code after_reconnection(struct backlog *backlog)
{
    if (backlog->settings.once != NULL) {
        report("the connection was lost: the %s is not complete", backlog->settings.once);
        return EXIT_UNREACHABLE;
    }
    begin(backlog);
    return EXIT_OK;
}

/* Has all come again that the earlier connections held, if anything has? */
static bool all_came_again(const struct backlog *backlog)
{
    return backlog->has_begun && !backlog->is_lost && (backlog->left == 0 || backlog->some_are_first) &&
           (backlog->some_came_again || consumer_others(backlog->consumer) == 0);
}

bool backlog_finish(struct backlog *backlog)
{
    bool seen;

    if (all_came_again(backlog)) {
        backlog->sure += recall_count(backlog->recall, RECALL_GONE);
        recall_forget_gone(backlog->recall);
    }
    seen = consumer_finish(backlog->consumer);
    note_seen(backlog);
    return seen;
}

size_t backlog_unsure(const struct backlog *backlog)
{
    return backlog->gone.count + recall_count(backlog->recall, RECALL_GONE);
}

/* ---- how much is handed out ahead ---- */

/* From how long the last batch took. It grows step by step, since the next letters may be slower. */
static void reckon_window(struct backlog *backlog)
{
    int64_t took_ms = clock_monotonic_ms() - backlog->since_ms;
    size_t most = 2 * backlog->window;

    if (backlog->handled == 0)
        return;
    if (took_ms > 0 && backlog->handled * 1000 / (size_t)took_ms < most)
        most = backlog->handled * 1000 / (size_t)took_ms;
    if (most > BACKLOG_WINDOW)
        most = BACKLOG_WINDOW;
    if (most * (backlog->bytes / backlog->handled) > WINDOW_BYTES)
        most = WINDOW_BYTES / (backlog->bytes / backlog->handled);
    backlog->window = most == 0 ? 1 : most;
    backlog->handled = 0;
    backlog->bytes = 0;
    backlog->since_ms = clock_monotonic_ms();
}

static void subscribe_for(struct backlog *backlog, size_t letters)
{
    consumer_set_prefetch(backlog->consumer, (unsigned)letters);
    backlog->prefetch = letters;
    backlog->held = 0;
}

/*
 * No subscription to a quorum queue holds more than BACKLOG_WINDOW letters, whatever it asks for. So once one is full
 * of letters that are looked at, another one follows, for no more of them than are still wanted.
 */
static void look_on(struct backlog *backlog)
{
    size_t need = BACKLOG_WINDOW;

    if (selection_is_empty(backlog->settings.selection) && backlog->settings.limit - backlog->wanted < need)
        need = backlog->settings.limit - backlog->wanted;
    if (backlog->held >= backlog->prefetch && need > 0)
        subscribe_for(backlog, need);
}

void backlog_adapt(struct backlog *backlog)
{
    size_t free = backlog->prefetch > backlog->held ? backlog->prefetch - backlog->held : 0;
    size_t need;

    if (backlog->settings.once != NULL) {
        look_on(backlog);
        return;
    }
    reckon_window(backlog);
    /* What is known already takes no time. */
    need = backlog->window + recall_count(backlog->recall, RECALL_KEPT) +
           recall_count(backlog->recall, RECALL_GONE);
    if (need > BACKLOG_WINDOW)
        need = BACKLOG_WINDOW;
    if (selection_is_empty(backlog->settings.selection) && need > backlog->settings.limit)
        need = backlog->settings.limit;
    /* Not for every small change. */
    if (backlog->spares ? free > 0 : 2 * free > need && free < 2 * need)
        return;
    subscribe_for(backlog, need);
}

/* ---- handing out ---- */

/* Another consumer may be quicker: then fewer arrive than were counted. It may have them for a while only. */
static enum exit_code do_not_come(struct backlog *backlog)
{
    size_t gone = recall_count(backlog->recall, RECALL_GONE);
    size_t missing = backlog->left > gone ? backlog->left - gone : 0;

    backlog->left = 0;
    if (missing == 0)
        return EXIT_OK;
    report("%zu of %zu letters did not come: somebody else may have them", missing, backlog->total);
    return backlog->settings.once == NULL ? EXIT_OK : EXIT_UNREACHABLE;
}

static bool nothing_is_expected(const struct recall *recall)
{
    return recall_count(recall, RECALL_NEW) + recall_count(recall, RECALL_KEPT) +
               recall_count(recall, RECALL_GONE) ==
           0;
}

static void keep(struct backlog *backlog, struct delivery *delivery)
{
    remember(backlog, delivery, RECALL_KEPT);
    consumer_let_go(backlog->consumer, delivery);
    backlog->some_kept = true;
    backlog->held++;
}

/* Removes one letter alone: others that were handed out before it may be unsettled. */
static void remove_one(struct backlog *backlog, struct delivery *delivery)
{
    remember(backlog, delivery, RECALL_GONE);
    consumer_ack(backlog->consumer, delivery);
}

/* A letter that was handled before a connection was lost is settled as it was then, and not handed out. */
static bool is_settled_again(struct backlog *backlog, struct delivery *delivery)
{
    size_t expected = recall_count(backlog->recall, RECALL_NEW);
    struct fingerprint fingerprint;
    enum recalled what;

    backlog->some_are_first = backlog->some_are_first || !delivery->redelivered;
    if (!delivery->redelivered || nothing_is_expected(backlog->recall))
        return false;
    fingerprint = fingerprint_of(delivery);
    what = recall_take(backlog->recall, &fingerprint);
    if (what != RECALL_NEW || recall_count(backlog->recall, RECALL_NEW) < expected)
        backlog->some_came_again = true;
    if (what == RECALL_KEPT)
        keep(backlog, delivery);
    if (what == RECALL_GONE)
        remove_one(backlog, delivery);
    return what != RECALL_NEW;
}

/* Is nothing more wanted? What was removed as the last that was may still come again, before all others. */
static bool has_enough(const struct backlog *backlog)
{
    return backlog->wanted >= backlog->settings.limit &&
           (backlog->some_are_first || recall_count(backlog->recall, RECALL_GONE) == 0);
}

/* *arrived is 0 if nothing comes; *count is how many of what did are to be handed out. */
static enum exit_code take_some(struct backlog *backlog, struct delivery **batch, size_t max, size_t *count,
                                size_t *arrived)
{
    enum exit_code code = consumer_take(backlog->consumer, batch, max < backlog->left ? max : backlog->left,
                                        arrived, ARRIVE_MS);

    if (code == EXIT_OK &&
        backlog->generation != connection_generation(consumer_connection(backlog->consumer)))
        code = after_reconnection(backlog);
    for (size_t i = 0; i < *arrived && code == EXIT_OK; i++) {
        if (backlog->left == 0) {
            consumer_let_go(backlog->consumer, batch[i]);
            continue;
        }
        backlog->left--;
        if (!is_settled_again(backlog, batch[i]))
            batch[(*count)++] = batch[i];
    }
    return code;
}

enum exit_code backlog_take(struct backlog *backlog, struct delivery **batch, size_t max, size_t *count)
{
    enum exit_code code = EXIT_OK;
    size_t arrived = 1;

    *count = 0;
    while (code == EXIT_OK && *count == 0 && arrived > 0 && backlog->left > 0 && !has_enough(backlog) &&
           !stop_requested()) {
        backlog_adapt(backlog);
        code = take_some(backlog, batch, max, count, &arrived);
    }
    backlog->since_ms = clock_monotonic_ms();
    if (code == EXIT_OK && arrived == 0 && backlog->left > 0 && !stop_requested())
        return do_not_come(backlog);
    return code;
}

bool backlog_wants(struct backlog *backlog, const struct letter *letter)
{
    if (backlog->wanted >= backlog->settings.limit || !selection_has(backlog->settings.selection, letter))
        return false;
    backlog->wanted++;
    return true;
}

static void count_handled(struct backlog *backlog, const struct delivery *delivery)
{
    backlog->handled++;
    backlog->bytes += delivery->used;
}

void backlog_keep(struct backlog *backlog, struct delivery *delivery)
{
    count_handled(backlog, delivery);
    keep(backlog, delivery);
}

void backlog_remove(struct backlog *backlog, struct delivery **batch, size_t count)
{
    bool one_by_one = backlog->some_kept;

    for (size_t i = 0; i < count; i++) {
        count_handled(backlog, batch[i]);
        if (one_by_one)
            remove_one(backlog, batch[i]);
        else
            remember(backlog, batch[i], RECALL_GONE);
    }
    if (!one_by_one)
        consumer_ack_batch(backlog->consumer, batch, count);
    note_seen(backlog);
}

void backlog_remove_alone(struct backlog *backlog, struct delivery *delivery)
{
    count_handled(backlog, delivery);
    remove_one(backlog, delivery);
    note_seen(backlog);
}

bool backlog_is_lost(const struct backlog *backlog, const struct delivery *delivery)
{
    return !consumer_is_current(backlog->consumer, delivery);
}

void backlog_give_up(struct backlog *backlog, struct delivery *delivery)
{
    struct fingerprint fingerprint = fingerprint_of(delivery);

    recall_add(backlog->recall, &fingerprint, RECALL_NEW);
    consumer_let_go(backlog->consumer, delivery);
    backlog->wanted--;
}

void backlog_show_progress(const struct backlog *backlog)
{
    progress_set(backlog->total - backlog->left, backlog->total);
}
