#include "restore.h"

#include "filter.h"
#include "send.h"

#include "amqp/connection.h"
#include "base/clock.h"
#include "base/stop.h"
#include "base/text.h"
#include "base/wait.h"
#include "json/json.h"
#include "json/stream.h"
#include "process/coprocess.h"
#include "terminal/progress.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define GATHER_MS 1000 /* that the first letter of a batch waits for the others */
#define BATCH_BYTES ((size_t)16 << 20)
#define ENVELOPE_MAX ((size_t)512 << 20)

/* ---- one letter ---- */

static void refuse(struct decision *decision, const struct json_piece *piece, const char *reason)
{
    report("letter %lu, line %lu: %s", (unsigned long)piece->number, (unsigned long)piece->line,
           reason);
    decision_set(decision, FATE_REFUSED, reason);
    decision->is_no_letter = true;
}

static const char *queue_for(const struct decision *decision, const struct replay_rules *rules)
{
    if (rules->to_queue != NULL)
        return rules->to_queue;
    return decision->envelope.queue != NULL ? decision->envelope.queue : decision->source.queue;
}

/* Reads an envelope, or refuses what is none. */
static bool read_letter(struct decision *decision, const struct json_piece *piece)
{
    struct envelope *source = &decision->source;
    struct dead_letter *letter = &decision->letter;
    char fault[ENVELOPE_FAULT_SIZE];

    decision->fate.number = piece->number;
    if (piece->reason != NULL) {
        refuse(decision, piece, piece->reason);
        return false;
    }
    if (!envelope_read_checked(source, piece->text, piece->len, piece->traits, &decision->pool,
                               fault)) {
        refuse(decision, piece, fault);
        return false;
    }
    history_read(&source->properties, &letter->history);
    dead_letter_check_other(letter, source->body, source->body_tree);
    decision->fate.replays = letter->history.replays;
    decision->properties = &source->properties;
    decision->body = source->body;
    return true;
}

/* The filter sees the envelope as it is in the file, with what the worker would say now. */
static enum exit_code ask_filter(struct decision *decision, const struct replay_rules *rules,
                                 bool *sends)
{
    cJSON *tree = decision->source.tree;

    cJSON_DeleteItemFromObjectCaseSensitive(tree, "error");
    json_add_text(tree, "error", dead_letter_check(&decision->letter)->error);
    return filter_ask(decision, rules, tree, sends);
}

/* Decides that a letter is restored into its own queue, or into that of the rules, unless the
 * filter decides otherwise. Returns EXIT_OK, or what filter_ask() returns. */
static enum exit_code decide(struct decision *decision, const struct replay_rules *rules,
                             const struct json_piece *piece)
{
    enum exit_code code = EXIT_OK;
    bool sends = true;
    const char *queue;

    if (rules->filter != NULL)
        code = ask_filter(decision, rules, &sends);
    if (code != EXIT_OK || !sends)
        return code;
    queue = queue_for(decision, rules);
    if (queue == NULL) {
        refuse(decision, piece, "it does not say which queue it is of");
        return EXIT_OK;
    }
    decision_set(decision, FATE_RESTORED, "");
    decision_set_target(decision, "", queue);
    return EXIT_OK;
}

/* ---- all of them ---- */

struct restoring {
    const struct restore_settings *settings;
    struct batch *batch;
    struct json_stream *stream;
    size_t wanted;       /* letters so far */
    bool has_ended;      /* nothing more is to be read */
    bool needs_input;    /* all that was read is in batches */
    enum exit_code code; /* of the filter */
};

/* Adds a letter to the batch if it is wanted, and decides about it. */
static void add(struct restoring *restoring, const struct json_piece *piece)
{
    const struct restore_settings *settings = restoring->settings;
    const struct replay_rules *rules = restoring->batch->settings.rules;
    struct decision *decision = batch_add(restoring->batch);

    decision_start(decision, rules);
    if (!read_letter(decision, piece))
        return;
    if (!selection_has(settings->selection, &decision->letter)) {
        batch_take_back(restoring->batch);
        return;
    }
    restoring->wanted++;
    restoring->code = decide(decision, rules, piece);
    restoring->has_ended = restoring->code != EXIT_OK || restoring->wanted >= settings->limit;
}

/* Adds what was read, up to a batch; with a slow filter, what it answers within a second. */
static void gather(struct restoring *restoring)
{
    struct json_piece piece;
    int64_t until_ms = clock_monotonic_ms() + GATHER_MS;
    size_t bytes = 0;

    restoring->needs_input = false;
    while (!restoring->has_ended && batch_has_room(restoring->batch) && bytes < BATCH_BYTES &&
           clock_monotonic_ms() < until_ms) {
        switch (json_stream_next(restoring->stream, &piece)) {
        case JSON_STREAM_VALUE:
            add(restoring, &piece);
            break;
        case JSON_STREAM_REFUSED:
            if (piece.reason != NULL)
                add(restoring, &piece);
            break;
        case JSON_STREAM_EMPTY:
            restoring->needs_input = true;
            return;
        case JSON_STREAM_END:
            restoring->has_ended = true;
            break;
        }
        bytes += piece.len;
    }
}

/* Waits for input, and reads it. Returns false, with errno set, if that failed. */
static bool read_on(struct json_stream *stream, int fd, struct publisher *publisher)
{
    while (!wait_is_ready(fd, POLLIN) && !stop_requested()) {
        connection_wait(publisher_connection(publisher), fd, -1);
        publisher_service(publisher);
    }
    return stop_requested() || json_stream_fill(stream);
}

/* Prints the letters that were read, and cannot be published, as left: none of them is lost sight
 * of. */
static void give_up_rest(struct restoring *restoring)
{
    struct batch *batch = restoring->batch;

    while (!restoring->has_ended && !restoring->needs_input) {
        gather(restoring);
        send_not_from(batch, batch->first, "the broker cannot be reached");
        if (batch_count(batch) > 0 && batch_conclude(batch, EXIT_OK, true) != EXIT_OK)
            return;
    }
}

/* Leaves all of a batch in the file, since the filter has failed: perhaps earlier answers belong to
 * other letters, too. */
static enum exit_code leave_to_filter(struct batch *batch, enum exit_code code)
{
    for (size_t i = batch->first; i < batch->end; i++)
        if (!batch->decisions[i].is_no_letter)
            decision_set(&batch->decisions[i], FATE_LEFT, "the filter has failed");
    return batch_conclude(batch, code, true);
}

static enum exit_code send_batch(struct restoring *restoring)
{
    struct batch *batch = restoring->batch;
    enum exit_code code = restoring->code;

    if (code == EXIT_OK && batch->settings.rules->filter != NULL)
        code = coprocess_check(batch->settings.rules->filter);
    if (code != EXIT_OK)
        return leave_to_filter(batch, code);
    /* At full speed a batch takes so little time that a stop can wait for it. */
    return batch_conclude(batch, send_part(batch, batch->settings.rate > 0), true);
}

static enum exit_code restore(struct restoring *restoring, int fd)
{
    const struct restore_settings *settings = restoring->settings;
    enum exit_code code = EXIT_OK;
    bool goes_on = true;

    while (code == EXIT_OK && goes_on) {
        size_t count;

        gather(restoring);
        count = batch_count(restoring->batch);
        goes_on = !restoring->has_ended;
        if (count > 0) {
            code = send_batch(restoring);
        } else if (stop_requested()) {
            goes_on = false;
        } else if (restoring->needs_input && !read_on(restoring->stream, fd, settings->publisher)) {
            report_errno("cannot read '%s'", printable_text(settings->path));
            code = EXIT_INPUT;
        }
        progress_advance(count);
    }
    if (code == EXIT_UNREACHABLE)
        give_up_rest(restoring);
    return code;
}

enum exit_code restore_run(const struct restore_settings *settings, struct batch *batch)
{
    bool is_input = strcmp(settings->path, "-") == 0;
    int fd = is_input ? STDIN_FILENO : open(settings->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct restoring restoring = {.settings = settings, .batch = batch};
    enum exit_code code;

    if (fd < 0) {
        report_errno("cannot open '%s'", printable_text(settings->path));
        return EXIT_INPUT;
    }
    restoring.stream = json_stream_new(fd, ENVELOPE_MAX);
    code = restore(&restoring, fd);
    json_stream_free(restoring.stream);
    if (!is_input)
        (void)close(fd);
    return code;
}
