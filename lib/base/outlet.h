/*
 * outlet: buffered writing to a descriptor whose reader may be slow and whose flags may be shared.
 *
 * The descriptor's flags are never changed: other processes that inherited it would see that. A
 * reader that takes nothing is waited for with wait_for() (wait.h), so that connections stay alive
 * meanwhile, until a stop is requested (stop.h) and the reader then takes nothing for
 * OUTLET_PATIENCE_MS: it is given up.
 *
 * An outlet that never waits keeps what its reader does not take, for the next call, and drops the
 * oldest lines once the buffer is full. After a stop was requested it waits as others do.
 *
 * Data for a pipe or a terminal is written in pieces of at most PIPE_BUF bytes, of whole lines
 * where possible. A pipe takes such a piece at once or not at all, so that no line of up to
 * PIPE_BUF bytes is torn apart or mixed with the lines of another writer.
 */
#ifndef BASE_OUTLET_H
#define BASE_OUTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define OUTLET_SIZE ((size_t)64 * 1024)

/* How long a reader may take nothing after a stop was requested before it is given up. */
#define OUTLET_PATIENCE_MS 1000

/* Set descriptor and zero the rest, or call outlet_open(). */
struct outlet {
    int descriptor;
    bool never_waits; /* only outlet_add() and outlet_flush() may be used */
    size_t dropped;   /* lines; may be set to 0 */
    bool is_known;    /* private, like all below: kind and own are set */
    enum { OUTLET_FILE, OUTLET_SOCKET, OUTLET_PIPE } kind;
    int own; /* the same pipe or terminal, opened anew as non-blocking; -1 if that is impossible */
    size_t len;
    char bytes[OUTLET_SIZE];
};

/*
 * Opens the file at path for appending; creates it with mode 0600 if it does not exist. If it is a
 * named pipe without a reader, waits for one until a stop is requested. Returns false, with errno
 * set, if it cannot be opened. Close with outlet_close().
 */
bool outlet_open(struct outlet *outlet, const char *path);

/*
 * Appends text[0..len) to the buffer; writes whole lines once the buffer is full. Returns false if
 * writing failed, with errno set: ECANCELED if the reader was given up. Buffered data that was not
 * written by then is discarded.
 */
bool outlet_add(struct outlet *outlet, const char *text, size_t len);

/* Writes all buffered data, or what the reader takes if the outlet never waits. Fails as
 * outlet_add() does. */
bool outlet_flush(struct outlet *outlet);

/*
 * Writes all buffered data, then text[0..len). Sets *written to the number of bytes of text that
 * were written: len on success, perhaps fewer on failure. Fails as outlet_add() does.
 */
bool outlet_write(struct outlet *outlet, const char *text, size_t len, size_t *written);

/*
 * Writes as much of text[0..len) as one system call takes, without blocking if that is possible;
 * ignores the buffer. Returns what write() returns: -1 with EAGAIN if the reader takes nothing now.
 */
ssize_t outlet_write_some(struct outlet *outlet, const char *text, size_t len);

/* Returns a descriptor for signal handlers to write to: non-blocking if that is possible. */
int outlet_descriptor(struct outlet *outlet);

/* Returns why one of the functions above has just failed, from errno. Valid until the next call. */
const char *outlet_reason(void);

/* Writes all buffered data and closes. Returns false, with errno set, if either failed. */
bool outlet_close(struct outlet *outlet);

#endif
