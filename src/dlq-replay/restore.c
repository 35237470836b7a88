#include "restore.h"

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

/* Takes in what was read, up to a batch. False at the end of it all. */
static bool gather(struct json_stream *stream, struct batch *batch)
{
    struct json_piece piece;
    size_t bytes = 0;

    while (batch_has_room(batch) && bytes < BATCH_BYTES) {
        switch (json_stream_next(stream, &piece)) {
        case JSON_STREAM_VALUE:
            batch_add(batch, &piece);
            break;
        case JSON_STREAM_REFUSED:
            /* Of one that comes in several, only the first piece says why. */
            if (piece.reason != NULL)
                batch_add(batch, &piece);
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

/* False, with errno, if that failed. */
static bool read_on(struct json_stream *stream, int fd, struct publisher *publisher)
{
    while (!wait_is_ready(fd, POLLIN) && !stop_requested()) {
        connection_wait(publisher_connection(publisher), fd, -1);
        publisher_service(publisher);
    }
    return stop_requested() || json_stream_fill(stream);
}

/* What was read as whole letters is no longer where it came from: each has a fate. */
static void give_up_rest(struct json_stream *stream, struct batch *batch)
{
    bool goes_on = true;

    while (goes_on) {
        goes_on = gather(stream, batch) && batch_count(batch) > 0;
        if (batch_count(batch) > 0 &&
            batch_give_up(batch, "the broker cannot be reached") != EXIT_OK)
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
            code = batch_restore(batch);
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
