/* For ptsname(). */
#define _XOPEN_SOURCE 700 /* NOLINT */

#include "base/outlet.h"

#include "base/clock.h"
#include "base/stop.h"
#include "base/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_STEP_MS 50

/* ---- the kind of descriptor ---- */

/*
 * An inherited descriptor shares its flags with other processes; one that is opened anew does not.
 * poll() and then write() would not do: another writer may fill the pipe in between, and write()
 * then blocks.
 */
static int open_again(int descriptor)
{
    char path[32];

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/* Not the master of a pseudoterminal: opening its name gives the master of another terminal. */
static bool is_terminal(int descriptor)
{
    return isatty(descriptor) == 1 && ptsname(descriptor) == NULL;
}

static void get_to_know(struct outlet *outlet)
{
    struct stat info;

    if (outlet->is_known)
        return;
    outlet->is_known = true;
    outlet->own = -1;
    outlet->kind = OUTLET_FILE;
    if (fstat(outlet->descriptor, &info) != 0)
        return;
    if (S_ISSOCK(info.st_mode))
        outlet->kind = OUTLET_SOCKET;
    else if (S_ISFIFO(info.st_mode) || is_terminal(outlet->descriptor))
        outlet->kind = OUTLET_PIPE;
    if (outlet->kind == OUTLET_PIPE)
        outlet->own = open_again(outlet->descriptor);
}

int outlet_descriptor(struct outlet *outlet)
{
    get_to_know(outlet);
    return outlet->own >= 0 ? outlet->own : outlet->descriptor;
}

static bool is_pipe(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISFIFO(info.st_mode);
}

bool outlet_open(struct outlet *outlet, const char *path)
{
    int flags = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    int fd = open(path, flags, S_IRUSR | S_IWUSR);

    while (fd < 0 && errno == ENXIO && is_pipe(path) && !stop_requested()) {
        wait_for(-1, 0, OPEN_STEP_MS, true);
        fd = open(path, flags, S_IRUSR | S_IWUSR);
    }
    memset(outlet, 0, sizeof *outlet);
    outlet->descriptor = fd;
    return fd >= 0;
}

/* ---- writing ---- */

/* Returns the length of the whole lines at the start of text. */
static size_t whole_lines(const char *text, size_t len)
{
    while (len > 0 && text[len - 1] != '\n')
        len--;
    return len;
}

static size_t piece_of(const char *text, size_t len)
{
    size_t lines;

    if (len <= PIPE_BUF)
        return len;
    lines = whole_lines(text, PIPE_BUF);
    return lines > 0 ? lines : PIPE_BUF;
}

ssize_t outlet_write_some(struct outlet *outlet, const char *text, size_t len)
{
    get_to_know(outlet);
    if (outlet->kind == OUTLET_FILE)
        return write(outlet->descriptor, text, len);
    if (outlet->kind == OUTLET_SOCKET)
        return send(outlet->descriptor, text, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (outlet->own >= 0)
        return write(outlet->own, text, piece_of(text, len));
    if (!wait_is_ready(outlet->descriptor, POLLOUT)) {
        errno = EAGAIN;
        return -1;
    }
    return write(outlet->descriptor, text, piece_of(text, len));
}

/*
 * Waits until writing may succeed. Returns false, with ECANCELED in errno, if the reader is to be
 * given up. *since_ms, 0 at first, is when it was first found to take nothing after a stop.
 */
static bool be_patient(const struct outlet *outlet, int64_t *since_ms)
{
    int64_t now;

    if (!stop_requested()) {
        wait_for(outlet->descriptor, POLLOUT, -1, true);
        return true;
    }
    now = clock_monotonic_ms();
    if (*since_ms == 0)
        *since_ms = now;
    if (now - *since_ms >= OUTLET_PATIENCE_MS) {
        errno = ECANCELED;
        return false;
    }
    wait_for(outlet->descriptor, POLLOUT, (int)(*since_ms + OUTLET_PATIENCE_MS - now), false);
    return true;
}

/* Sets *done to the number of bytes written, also on failure: all of them on success, unless the
 * outlet never waits. */
static bool write_all(struct outlet *outlet, const char *text, size_t len, size_t *done)
{
    int64_t stalled_since_ms = 0;

    *done = 0;
    while (*done < len) {
        ssize_t got = outlet_write_some(outlet, text + *done, len - *done);

        if (got >= 0) {
            *done += (size_t)got;
            stalled_since_ms = 0;
        } else if (errno == EAGAIN) {
            if (outlet->never_waits && !stop_requested())
                return true;
            if (!be_patient(outlet, &stalled_since_ms))
                return false;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

/* Takes bytes[from..to) out of the buffer. */
static void cut_out(struct outlet *outlet, size_t from, size_t to)
{
    memmove(outlet->bytes + from, outlet->bytes + to, outlet->len - to);
    outlet->len -= to - from;
}

/* Writes the first len bytes of the buffer. */
static bool write_first(struct outlet *outlet, size_t len)
{
    size_t done;
    bool written = write_all(outlet, outlet->bytes, len, &done);

    if (written)
        cut_out(outlet, 0, done);
    else
        outlet->len = 0;
    return written;
}

/* Drops whole lines, but not the first, part of which may be written; or all if there is no other.
 */
static void drop_lines(struct outlet *outlet)
{
    const char *first = memchr(outlet->bytes, '\n', outlet->len);
    size_t from = first == NULL ? outlet->len : (size_t)(first - outlet->bytes) + 1;
    size_t to = whole_lines(outlet->bytes, outlet->len);

    if (from >= to) {
        from = 0;
        to = outlet->len;
    }
    for (size_t i = from; i < to; i++)
        outlet->dropped += outlet->bytes[i] == '\n';
    cut_out(outlet, from, to);
}

bool outlet_add(struct outlet *outlet, const char *text, size_t len)
{
    while (len > OUTLET_SIZE - outlet->len) {
        size_t part = OUTLET_SIZE - outlet->len;
        size_t lines = whole_lines(outlet->bytes, outlet->len);

        if (lines == 0) {
            memcpy(outlet->bytes + outlet->len, text, part);
            outlet->len += part;
            text += part;
            len -= part;
            lines = outlet->len;
        }
        if (!write_first(outlet, lines))
            return false;
        if (outlet->never_waits && len > OUTLET_SIZE - outlet->len)
            drop_lines(outlet);
    }
    memcpy(outlet->bytes + outlet->len, text, len);
    outlet->len += len;
    return true;
}

bool outlet_write(struct outlet *outlet, const char *text, size_t len, size_t *written)
{
    *written = 0;
    return outlet_flush(outlet) && write_all(outlet, text, len, written);
}

bool outlet_flush(struct outlet *outlet)
{
    return write_first(outlet, outlet->len);
}

const char *outlet_reason(void)
{
    static char text[64];

    if (errno != ECANCELED)
        return strerror(errno);
    (void)snprintf(text, sizeof text, "asked to stop, and its reader has taken nothing for %d ms",
                   OUTLET_PATIENCE_MS);
    return text;
}

bool outlet_close(struct outlet *outlet)
{
    bool written = outlet_flush(outlet);
    int kept = errno;

    if (outlet->is_known && outlet->own >= 0)
        (void)close(outlet->own);
    outlet->own = -1;
    /* A network file system may report a failed write only here. */
    if (close(outlet->descriptor) != 0)
        return false;
    errno = kept;
    return written;
}
