/*
 * json_stream: a stream of JSON values from a descriptor, as jq reads them: pretty-printed or a
 * line each, with or without white space between. A byte order mark at its start is skipped, and so
 * are the separators of a sequence by RFC 7464.
 *
 * What is not JSON does not end the stream. After a syntax error it goes on at the next line that
 * starts with '{', in a sequence also at the next separator; a value that is too large is read to
 * its end, and so is an array, which no program takes. Input that is by its first bytes of another
 * format (foreign.h) is refused as a whole. In each case the refused bytes are handed out, in
 * pieces, so that nothing need be held in memory that the limit does not allow.
 */
#ifndef JSON_STREAM_H
#define JSON_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_stream;

enum json_stream_event {
    JSON_STREAM_VALUE, /* a value that is no array, complete, and as json_check() (json.h) wants it
                        */
    JSON_STREAM_REFUSED, /* other input, or a value that is too large: the first piece, or a further
                            one */
    JSON_STREAM_EMPTY,   /* nothing more in the buffer: json_stream_fill() */
    JSON_STREAM_END      /* the descriptor gave all it had */
};

struct json_piece {
    const char *text; /* the bytes as they came; valid until the next call */
    size_t len;
    uint64_t number; /* of this value or refusal in the stream, from 1 */
    uint64_t line;   /* on which it starts, from 1; of a syntax error, the line of the error */
    const char
        *reason;     /* of a refusal, in its first piece, as long as the text; NULL in all others */
    bool last;       /* of a refusal: no further piece follows */
    unsigned traits; /* of a value: enum json_trait (json/scan.h) */
};

/* Reads from fd, which stays the caller's. max is the largest value in bytes. */
struct json_stream *json_stream_new(int fd, size_t max);
void json_stream_free(struct json_stream *stream);

/* How many bytes of the stream were handed out, or skipped. */
uint64_t json_stream_position(const struct json_stream *stream);

/* What the buffer holds next. Never reads. */
enum json_stream_event json_stream_next(struct json_stream *stream, struct json_piece *piece);

/*
 * One read() from the descriptor; waits if that does, and adds nothing if the descriptor is
 * non-blocking and has nothing to be read. False, with errno, if it failed. An end of file is no
 * failure: json_stream_next() then gives what is left, and JSON_STREAM_END after it.
 */
bool json_stream_fill(struct json_stream *stream);

/*
 * Ends the stream, unless it has ended: no more is read. json_stream_next() gives what was read; a
 * value that was read in part is refused for reason, which must outlive the stream.
 */
void json_stream_end(struct json_stream *stream, const char *reason);

#endif
