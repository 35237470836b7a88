/*
 * outlet: a descriptor to be written to that others may share, or have made non-blocking, and whose
 * reader may be slow.
 *
 * Its flags are left alone. A reader that takes nothing is waited for with wait.h: connections are
 * kept alive, and a stop (stop.h) is heeded. What is written to a pipe or a terminal goes in pieces
 * of at most PIPE_BUF bytes, which a pipe takes whole or not at all: shorter lines are never cut,
 * nor mixed with those of others who write to it.
 */
#ifndef BASE_OUTLET_H
#define BASE_OUTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define OUTLET_SIZE ((size_t)64 * 1024)

/* How long the reader may take nothing, once a stop was asked for, before it is given up. */
#define OUTLET_PATIENCE_MS 1000

struct outlet {
    int descriptor;
    bool is_known; /* private, like all below: kind and own are */
    enum { OUTLET_FILE, OUTLET_SOCKET, OUTLET_PIPE } kind;
    int own; /* the same pipe or terminal, opened once more as non-blocking; -1 if that cannot be
                had */
    size_t len;
    char bytes[OUTLET_SIZE];
};

/*
 * Opens the file at path, to be appended to; makes it, readable by its owner alone, if it is not
 * there. A pipe that nobody reads from yet is waited for until a stop is asked for. False, with
 * errno, if it cannot be opened.
 */
bool outlet_open(struct outlet *outlet, const char *path);

/*
 * Adds text. Writes whole lines once there is no more room. False, with errno, if writing failed,
 * with ECANCELED if the reader was given up; what was not written by then is forgotten.
 */
bool outlet_add(struct outlet *outlet, const char *text, size_t len);

/* Writes all that was added. Fails as outlet_add() does. */
bool outlet_flush(struct outlet *outlet);

/*
 * Flushes, and writes text. *written is how many bytes of it were: all of them, unless it fails as
 * outlet_add() does.
 */
bool outlet_write(struct outlet *outlet, const char *text, size_t len, size_t *written);

/*
 * Writes the start of text in one call, of which as much as possible, without waiting where that
 * can be had; what was added before is not looked at. Returns what write() does: -1 with EAGAIN if
 * the reader takes nothing now.
 */
ssize_t outlet_write_some(struct outlet *outlet, const char *text, size_t len);

/* Waits until the reader takes something, or a stop is asked for. */
void outlet_await_reader(const struct outlet *outlet);

/* The descriptor by which a signal handler may write without being held up, as far as there is one.
 */
int outlet_descriptor(struct outlet *outlet);

/* The reason, for messages, for which one of these has just failed. */
const char *outlet_reason(void);

/* Flushes, and closes. False, with errno, if either failed. */
bool outlet_close(struct outlet *outlet);

#endif
