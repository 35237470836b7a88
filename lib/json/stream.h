/*
 * json_stream: reads a stream of JSON values from a descriptor, as jq does: pretty-printed or a
 * line each, with or without white space between them. Skips a byte order mark at the start, and
 * the separators of a JSON text sequence (RFC 7464).
 *
 * Invalid input does not end the stream; it is refused. After a syntax error the stream continues
 * at the next line that starts with '{', in a text sequence also at the next separator. A value
 * that is too large is refused up to its end, and so is an array at top level, unless arrays are
 * taken apart. Input whose first bytes are of another format (foreign.h) is refused as a whole.
 * Refused bytes are handed out in pieces, so that memory stays bounded.
 */
#ifndef JSON_STREAM_H
#define JSON_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_stream;

enum json_stream_event {
    JSON_STREAM_VALUE,   /* a complete value, not an array, that json_check() (json.h) accepts */
    JSON_STREAM_REFUSED, /* a piece of refused input */
    JSON_STREAM_EMPTY,   /* the buffer is used up: call json_stream_fill() */
    JSON_STREAM_END      /* the descriptor is at its end */
};

struct json_piece {
    const char *text; /* the bytes as they came; valid until the next call on the stream */
    size_t len;
    uint64_t number; /* of this value or refusal in the stream, from 1 */
    uint64_t line;   /* where it starts, from 1; for a syntax error, the line of the error */
    /* The first piece of a refusal: the reason, valid as long as text. NULL otherwise. */
    const char *reason;
    bool last;       /* of a refusal: no further piece follows */
    unsigned traits; /* of a value: enum json_trait (json/scan.h) */
};

/*
 * Starts a stream that reads from fd, which the caller closes after json_stream_free(). Values of
 * more than max bytes are refused.
 */
struct json_stream *json_stream_new(int fd, size_t max);

/*
 * Says what becomes of an array at top level. If is_taken, its elements are values of the stream,
 * which may be as large as others; an array in it is refused. Otherwise it is refused, and the
 * reason ends in help, a constant that says what to do about it; before the call it names jq.
 */
void json_stream_set_arrays(struct json_stream *stream, bool is_taken, const char *help);

/* Frees stream, which may be NULL. */
void json_stream_free(struct json_stream *stream);

/* Returns how many bytes of the stream were handed out or skipped. */
uint64_t json_stream_position(const struct json_stream *stream);

/* Returns what the buffer holds next; sets *piece for a value and a refusal. Never reads. */
enum json_stream_event json_stream_next(struct json_stream *stream, struct json_piece *piece);

/*
 * Reads once from the descriptor into the buffer. Blocks if the descriptor does; a non-blocking one
 * that has no data adds none. At the end of the file json_stream_next() returns the rest, then
 * JSON_STREAM_END. Returns false, with errno set, if reading failed.
 */
bool json_stream_fill(struct json_stream *stream);

/*
 * Ends the stream as if the descriptor were at its end; no effect after that end. A value that has
 * been read in part is refused with reason, which must stay valid.
 */
void json_stream_end(struct json_stream *stream, const char *reason);

#endif
