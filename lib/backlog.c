#include "backlog.h"

#include "link.h"
#include "progress.h"
#include "stop.h"
#include "text.h"

#include <stdint.h>
#include <stdlib.h>

#define ARRIVE_MS 2000 /* that a message in the queue may take to arrive */

struct backlog {
    struct backlog_settings settings;
    struct consumer *consumer;
    unsigned generation; /* of the connection on which it began */
    bool has_begun;
    size_t total;   /* letters that were there at the start */
    size_t left;    /* of them, still to be handed out */
    size_t wanted;  /* of those handed out */
    size_t removed; /* of those wanted */
    bool some_kept; /* on this connection, something that was handed out */
};

struct backlog *backlog_new(const struct link_options *options, const struct backlog_settings *settings)
{
    struct backlog *backlog = need_calloc(1, sizeof *backlog);
    bool all_are_meant = selection_is_empty(settings->selection);
    const struct consumer_settings consuming = {
        .queue = settings->queue,
        .declare = settings->declare,
        /* Letters that are kept stay unacknowledged, and must not hold back others. */
        .prefetch = all_are_meant && settings->limit <= UINT16_MAX ? (unsigned)settings->limit : 0,
        .max_body = SIZE_MAX};

    backlog->settings = *settings;
    backlog->consumer = consumer_new(options, &consuming);
    return backlog;
}

void backlog_free(struct backlog *backlog)
{
    if (backlog == NULL)
        return;
    consumer_free(backlog->consumer);
    free(backlog);
}

/* On a new connection, from the first. */
static void begin(struct backlog *backlog)
{
    size_t waiting = consumer_waiting(backlog->consumer);

    if (!backlog->has_begun)
        backlog->total = waiting;
    backlog->has_begun = true;
    backlog->generation = link_generation(consumer_link(backlog->consumer));
    backlog->left = backlog->total < waiting ? backlog->total : waiting;
    backlog->wanted = backlog->removed;
    backlog->some_kept = false;
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

/* Another consumer may be quicker: then fewer arrive than were counted. It may have them for a while only. */
static enum exit_code do_not_come(const struct backlog *backlog)
{
    report("%zu of %zu letters did not come: somebody else may have them", backlog->left, backlog->total);
    return backlog->settings.once == NULL ? EXIT_OK : EXIT_UNREACHABLE;
}

enum exit_code backlog_take(struct backlog *backlog, struct delivery **batch, size_t max, size_t *count)
{
    enum exit_code code;

    *count = 0;
    if (backlog->left == 0 || backlog->wanted >= backlog->settings.limit || stop_requested())
        return EXIT_OK;
    code =
        consumer_take(backlog->consumer, batch, max < backlog->left ? max : backlog->left, count, ARRIVE_MS);
    if (code == EXIT_OK && backlog->generation != link_generation(consumer_link(backlog->consumer)))
        code = after_reconnection(backlog);
    if (code != EXIT_OK)
        return code;
    if (*count == 0 && backlog->left > 0 && !stop_requested())
        return do_not_come(backlog);
    if (*count > backlog->left)
        *count = backlog->left;
    backlog->left -= *count;
    return EXIT_OK;
}

bool backlog_wants(struct backlog *backlog, const struct letter *letter)
{
    if (backlog->wanted >= backlog->settings.limit || !selection_has(backlog->settings.selection, letter))
        return false;
    backlog->wanted++;
    return true;
}

void backlog_keep(struct backlog *backlog, struct delivery *delivery)
{
    consumer_let_go(backlog->consumer, delivery);
    backlog->some_kept = true;
}

void backlog_remove(struct backlog *backlog, struct delivery **batch, size_t count)
{
    bool is_current = true;

    for (size_t i = 0; i < count; i++)
        is_current = is_current && consumer_is_current(backlog->consumer, batch[i]);
    if (is_current)
        backlog->removed += count;
    if (!backlog->some_kept)
        consumer_ack_batch(backlog->consumer, batch, count);
    for (size_t i = 0; i < count && backlog->some_kept; i++)
        consumer_ack(backlog->consumer, batch[i]);
}

void backlog_show_progress(const struct backlog *backlog)
{
    progress_set(backlog->total - backlog->left, backlog->total);
}

bool backlog_finish(struct backlog *backlog)
{
    return consumer_finish(backlog->consumer);
}
