#include "restore.h"

#include "send.h"

#include "amqp/connection.h"
#include "base/stop.h"
#include "base/text.h"
#include "base/wait.h"
#include "json/stream.h"
#include "terminal/progress.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

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

/* Decides that an envelope is restored into its own queue, or into that of the rules. */
static void decide(struct decision *decision, const struct replay_rules *rules,
                   const struct json_piece *piece)
{
    struct envelope *envelope = &decision->envelope;
    struct dead_letter *letter = &decision->letter;
    char fault[ENVELOPE_FAULT_SIZE];

    decision_start(decision, rules);
    decision->fate.number = piece->number;
    if (piece->reason != NULL) {
        refuse(decision, piece, piece->reason);
        return;
    }
    if (!envelope_read_checked(envelope, piece->text, piece->len, piece->traits, &decision->pool,
                               fault)) {
        refuse(decision, piece, fault);
        return;
    }
    history_read(&envelope->properties, &letter->history);
    dead_letter_check_other(letter, envelope->body, envelope->body_tree);
    decision->fate.replays = letter->history.replays;
    decision->properties = &envelope->properties;
    decision->body = envelope->body;
    decision_set(decision, FATE_RESTORED, "");
    if (rules->to_queue != NULL)
        decision_set_target(decision, "", rules->to_queue);
    else if (envelope->queue != NULL)
        decision_set_target(decision, "", envelope->queue);
    else
        refuse(decision, piece, "it does not say which queue it is of");
}

/* ---- all of them ---- */

/* Adds what was read, up to a batch. Returns false at the end of the stream. */
static bool gather(struct json_stream *stream, struct batch *batch)
{
    struct json_piece piece;
    size_t bytes = 0;

    while (batch_has_room(batch) && bytes < BATCH_BYTES) {
        switch (json_stream_next(stream, &piece)) {
        case JSON_STREAM_VALUE:
            decide(batch_add(batch), batch->settings.rules, &piece);
            break;
        case JSON_STREAM_REFUSED:
            if (piece.reason != NULL)
                decide(batch_add(batch), batch->settings.rules, &piece);
            break;
        case JSON_STREAM_EMPTY:
            return true;
        case JSON_STREAM_END:
            return false;
        }
        bytes += piece.len;
    }
    return true;
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
static void give_up_rest(struct json_stream *stream, struct batch *batch)
{
    bool goes_on = true;

    while (goes_on) {
        goes_on = gather(stream, batch) && batch_count(batch) > 0;
        send_not_from(batch, batch->first, "the broker cannot be reached");
        if (batch_count(batch) > 0 && batch_conclude(batch, EXIT_OK, true) != EXIT_OK)
            return;
    }
}

static enum exit_code restore(const char *path, int fd, struct batch *batch,
                              struct publisher *publisher)
{
    struct json_stream *stream = json_stream_new(fd, ENVELOPE_MAX);
    enum exit_code code = EXIT_OK;
    bool goes_on = true;

    while (code == EXIT_OK && goes_on) {
        size_t count;

        goes_on = gather(stream, batch);
        count = batch_count(batch);
        if (count > 0) {
            /* At full speed a batch takes so little time that a stop can wait for it. */
            code = batch_conclude(batch, send_part(batch, batch->settings.rate > 0), true);
        } else if (stop_requested()) {
            goes_on = false;
        } else if (goes_on && !read_on(stream, fd, publisher)) {
            report_errno("cannot read '%s'", printable_text(path));
            code = EXIT_INPUT;
        }
        progress_advance(count);
    }
    if (code == EXIT_UNREACHABLE)
        give_up_rest(stream, batch);
    json_stream_free(stream);
    return code;
}

enum exit_code restore_run(const char *path, struct batch *batch, struct publisher *publisher)
{
    bool is_input = strcmp(path, "-") == 0;
    int fd = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    enum exit_code code = EXIT_INPUT;

    if (fd < 0)
        report_errno("cannot open '%s'", printable_text(path));
    else
        code = restore(path, fd, batch, publisher);
    if (fd >= 0 && !is_input)
        (void)close(fd);
    return code;
}
