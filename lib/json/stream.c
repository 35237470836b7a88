#include "json/stream.h"

#include "base/memory.h"
#include "base/report.h"
#include "json/foreign.h"
#include "json/scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_SIZE ((size_t)64 * 1024)
#define RECORD_SEPARATOR '\x1E' /* before each value of a text sequence (RFC 7464) */

#define GUESSED_FROM 4 /* bytes that may start a value before it is known not to be one */
#define ARRAY_HELP "objects come one after the other; jq -c '.[]' takes it apart"

enum mode {
    START,     /* at the first byte */
    BETWEEN,   /* in white space before a value */
    WITHIN,    /* within a value */
    TOO_LARGE, /* within a value that has outgrown the limit */
    SKIPPING,  /* after a syntax error, up to a line that starts with '{' */
    FOREIGN    /* the rest of the input is of another format */
};

/* Where the stream is in an array at top level whose elements are taken. */
enum array {
    OUTSIDE,     /* of any */
    FIRST,       /* before its first element, or its end */
    AFTER_COMMA, /* before another element */
    AFTER_ELEMENT
};

struct json_stream {
    int fd;
    size_t max;
    char *buffer;
    uint64_t gone; /* bytes of the stream that are no longer in the buffer */
    size_t size;
    size_t start;   /* of the bytes that were not handed out */
    size_t scanned; /* of those that were not examined: start <= scanned <= filled */
    size_t filled;
    bool ended;
    const char *cut; /* the reason given to json_stream_end() */
    enum mode mode;
    struct json_scan scan;
    char refused[160]; /* a formatted reason */
    bool starts_array; /* the current value starts as an array */
    bool takes_arrays;
    const char *array_help;
    enum array array;
    bool is_sequence; /* a separator of a text sequence was found */
    bool line_start;  /* SKIPPING: the byte at scanned is the first of its line */
    uint64_t number;
    uint64_t line;       /* of the byte at scanned */
    uint64_t value_line; /* of the first byte of the current value */
};

struct json_stream *json_stream_new(int fd, size_t max)
{
    struct json_stream *stream = xcalloc(1, sizeof *stream);

    stream->fd = fd;
    stream->max = max;
    stream->size = READ_SIZE;
    stream->buffer = xmalloc(stream->size);
    stream->line = 1;
    stream->array_help = ARRAY_HELP;
    return stream;
}

void json_stream_set_arrays(struct json_stream *stream, bool is_taken, const char *help)
{
    stream->takes_arrays = is_taken;
    stream->array_help = help;
}

void json_stream_free(struct json_stream *stream)
{
    if (stream == NULL)
        return;
    free(stream->buffer);
    free(stream);
}

uint64_t json_stream_position(const struct json_stream *stream)
{
    return stream->gone + stream->start;
}

/* Marks count bytes as examined, and counts their lines. */
static void advance(struct json_stream *stream, size_t count)
{
    const char *from = stream->buffer + stream->scanned;
    const char *end = from + count;

    while ((from = memchr(from, '\n', (size_t)(end - from))) != NULL) {
        stream->line++;
        from++;
    }
    stream->scanned += count;
}

static void hand_out(struct json_stream *stream, struct json_piece *piece)
{
    *piece = (struct json_piece){.text = stream->buffer + stream->start,
                                 .len = stream->scanned - stream->start,
                                 .number = stream->number,
                                 .line = stream->value_line,
                                 .last = true,
                                 .traits = stream->scan.traits};
    stream->start = stream->scanned;
}

static void skip_space(struct json_stream *stream)
{
    size_t i = stream->scanned;

    for (; i < stream->filled && memchr(" \t\r\n\x1E", stream->buffer[i], 5) != NULL; i++)
        if (stream->buffer[i] == RECORD_SEPARATOR)
            stream->is_sequence = true;
    advance(stream, i - stream->scanned);
    stream->start = stream->scanned;
}

/* Skips refused input. Returns true if its end is in the buffer. */
static bool skip_refused(struct json_stream *stream)
{
    size_t i = stream->scanned;

    while (i < stream->filled && !(stream->line_start && stream->buffer[i] == '{') &&
           !(stream->is_sequence && stream->buffer[i] == RECORD_SEPARATOR)) {
        stream->line_start = stream->buffer[i] == '\n';
        i++;
    }
    advance(stream, i - stream->scanned);
    return i < stream->filled;
}

static enum json_stream_event refused_piece(struct json_stream *stream, struct json_piece *piece,
                                            const char *reason, bool last)
{
    hand_out(stream, piece);
    piece->reason = reason;
    piece->last = last;
    if (last)
        stream->mode = BETWEEN;
    if (last && stream->ended && stream->scanned == stream->filled)
        stream->array = OUTSIDE;
    return JSON_STREAM_REFUSED;
}

/* Returns why the value that is faulty is none; if the stream begins with it, by what the whole of
 * the input may be. */
static const char *fault_reason(struct json_stream *stream)
{
    const char *guess = NULL;

    if (stream->number == 1 && stream->scan.depth == 0 &&
        stream->scanned - stream->start <= GUESSED_FROM)
        guess = foreign_guess(stream->buffer + stream->start, stream->filled - stream->start);
    if (guess == NULL)
        return stream->scan.fault;
    (void)snprintf(stream->refused, sizeof stream->refused, "not JSON: it looks like %s", guess);
    return stream->refused;
}

static enum json_stream_event syntax_error(struct json_stream *stream, struct json_piece *piece,
                                           const char *reason)
{
    bool found;

    stream->value_line = stream->line;
    stream->mode = SKIPPING;
    if (stream->array != OUTSIDE)
        stream->array = AFTER_COMMA;
    /* A missing last bracket is noticed at the first byte of the next value: do not skip that. */
    stream->line_start =
        stream->scanned > stream->start && stream->buffer[stream->scanned - 1] == '\n';
    found = skip_refused(stream);
    return refused_piece(stream, piece, reason, found || stream->ended);
}

/* Refuses what stands where an array must go on or end. It goes on with a value whose comma is
 * missing, and ends with its bracket. */
static enum json_stream_event array_fault(struct json_stream *stream, struct json_piece *piece,
                                          const char *reason)
{
    char next = stream->scanned < stream->filled ? stream->buffer[stream->scanned] : '\0';

    json_scan_start(&stream->scan);
    stream->number++;
    stream->value_line = stream->line;
    if (next != '{' && next != ']')
        return syntax_error(stream, piece, reason);
    stream->array = next == ']' ? OUTSIDE : AFTER_COMMA;
    if (next == ']')
        advance(stream, 1);
    return refused_piece(stream, piece, reason, true);
}

static enum json_stream_event go_on_skipping(struct json_stream *stream, struct json_piece *piece)
{
    bool found = skip_refused(stream);

    if (!found && !stream->ended && stream->start == stream->scanned)
        return JSON_STREAM_EMPTY;
    return refused_piece(stream, piece, NULL, found || stream->ended);
}

/* Refuses all that is in the buffer. */
static enum json_stream_event all_refused(struct json_stream *stream, struct json_piece *piece,
                                          const char *reason)
{
    advance(stream, stream->filled - stream->scanned);
    if (reason == NULL && !stream->ended && stream->start == stream->scanned)
        return JSON_STREAM_EMPTY;
    return refused_piece(stream, piece, reason, stream->ended);
}

/* Returns why an array is refused. */
static const char *array_reason(struct json_stream *stream)
{
    if (stream->array != OUTSIDE)
        return "not a JSON object, but an array within an array";
    (void)snprintf(stream->refused, sizeof stream->refused, "not a JSON object, but an array: %s",
                   stream->array_help);
    return stream->refused;
}

static enum json_stream_event refuse_foreign(struct json_stream *stream, struct json_piece *piece,
                                             const struct foreign *format)
{
    stream->mode = FOREIGN;
    stream->number++;
    stream->value_line = stream->line;
    (void)snprintf(stream->refused, sizeof stream->refused, "not JSON, but %s: %s", format->what,
                   format->help);
    return all_refused(stream, piece, stream->refused);
}

static void start_value(struct json_stream *stream)
{
    json_scan_start(&stream->scan);
    stream->mode = WITHIN;
    stream->starts_array = stream->buffer[stream->scanned] == '[';
    stream->number++;
    stream->value_line = stream->line;
    if (stream->array != OUTSIDE)
        stream->array = AFTER_ELEMENT;
}

/*
 * Passes white space, and the brackets and commas of an array that is taken apart. Returns why the
 * array cannot go on with the next byte; NULL if it can, or the buffer is used up.
 */
static const char *pass_between(struct json_stream *stream)
{
    for (skip_space(stream); stream->scanned < stream->filled; skip_space(stream)) {
        char c = stream->buffer[stream->scanned];

        if (stream->array == OUTSIDE && c == '[' && stream->takes_arrays)
            stream->array = FIRST;
        else if (stream->array == AFTER_ELEMENT && c == ',')
            stream->array = AFTER_COMMA;
        else if ((stream->array == AFTER_ELEMENT || stream->array == FIRST) && c == ']')
            stream->array = OUTSIDE;
        else if (stream->array == AFTER_ELEMENT)
            return "a comma or a closing bracket is missing";
        else
            return stream->array == AFTER_COMMA && c == ']'
                       ? "a trailing comma: no value comes after it"
                       : NULL;
        advance(stream, 1);
    }
    return NULL;
}

/* Handles the end of the buffer between values. */
static enum json_stream_event end_between(struct json_stream *stream, struct json_piece *piece)
{
    if (!stream->ended)
        return JSON_STREAM_EMPTY;
    if (stream->array == OUTSIDE || stream->cut != NULL)
        return JSON_STREAM_END;
    return array_fault(stream, piece,
                       "the input ends within an array: its last bracket is missing");
}

static enum json_stream_event read_value(struct json_stream *stream, struct json_piece *piece)
{
    size_t taken = 0;
    enum json_progress progress = json_scan_feed(&stream->scan, stream->buffer + stream->scanned,
                                                 stream->filled - stream->scanned, &taken);

    advance(stream, taken);
    if (progress == JSON_UNFINISHED && stream->cut != NULL)
        return refused_piece(stream, piece, stream->mode == TOO_LARGE ? NULL : stream->cut, true);
    if (progress == JSON_UNFINISHED && stream->ended)
        progress = json_scan_finish(&stream->scan);
    if (progress == JSON_FAULTY)
        return syntax_error(stream, piece, stream->mode == TOO_LARGE ? NULL : fault_reason(stream));
    if (stream->mode == TOO_LARGE && progress == JSON_UNFINISHED &&
        stream->start == stream->scanned)
        return JSON_STREAM_EMPTY;
    if (stream->mode == TOO_LARGE)
        return refused_piece(stream, piece, NULL, progress == JSON_COMPLETE);
    if (stream->scanned - stream->start > stream->max) {
        stream->mode = TOO_LARGE;
        return refused_piece(stream, piece,
                             stream->starts_array ? array_reason(stream) : "too large",
                             progress == JSON_COMPLETE);
    }
    if (progress == JSON_UNFINISHED)
        return JSON_STREAM_EMPTY;
    if (stream->starts_array)
        return refused_piece(stream, piece, array_reason(stream), true);
    hand_out(stream, piece);
    stream->mode = BETWEEN;
    return JSON_STREAM_VALUE;
}

/* Examines the first bytes of the input. Returns false if there are too few. */
static bool take_start(struct json_stream *stream, const struct foreign **format)
{
    const char *bytes = stream->buffer + stream->start;
    size_t len = stream->filled - stream->start;

    if (!stream->ended && foreign_needs_more(bytes, len))
        return false;
    *format = foreign_format(bytes, len);
    if (*format == NULL)
        stream->start = stream->scanned += foreign_mark(bytes, len);
    stream->mode = BETWEEN;
    return true;
}

enum json_stream_event json_stream_next(struct json_stream *stream, struct json_piece *piece)
{
    const struct foreign *format = NULL;
    const char *fault;

    if (stream->mode == FOREIGN)
        return all_refused(stream, piece, NULL);
    if (stream->mode == SKIPPING)
        return go_on_skipping(stream, piece);
    if (stream->mode == START && !take_start(stream, &format))
        return JSON_STREAM_EMPTY;
    if (format != NULL)
        return refuse_foreign(stream, piece, format);
    if (stream->mode == BETWEEN) {
        fault = pass_between(stream);
        if (fault != NULL)
            return array_fault(stream, piece, fault);
        if (stream->scanned == stream->filled)
            return end_between(stream, piece);
        start_value(stream);
    }
    return read_value(stream, piece);
}

void json_stream_end(struct json_stream *stream, const char *reason)
{
    if (stream->ended)
        return;
    stream->ended = true;
    stream->cut = reason;
}

bool json_stream_fill(struct json_stream *stream)
{
    ssize_t got;

    if (stream->start > 0) {
        memmove(stream->buffer, stream->buffer + stream->start, stream->filled - stream->start);
        stream->gone += stream->start;
        stream->scanned -= stream->start;
        stream->filled -= stream->start;
        stream->start = 0;
    }
    if (stream->size - stream->filled < READ_SIZE / 2) {
        stream->size *= 2;
        stream->buffer = xrealloc(stream->buffer, stream->size);
    }
    do
        got = read(stream->fd, stream->buffer + stream->filled, stream->size - stream->filled);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == EAGAIN;
    if (got == 0)
        stream->ended = true;
    stream->filled += (size_t)got;
    return true;
}
