/*
 * id_stream: reads which orders, or which skus, are meant from a descriptor, as other programs name
 * them: one on a line, with or without quotes; or a JSON object with a member order_id, or sku, on
 * one line or several. So receipts, stored orders and events name their orders, too, and stock
 * levels their skus.
 *
 * Invalid input does not end the stream: it is refused up to the end of its line.
 */
#ifndef ORDER_ID_STREAM_H
#define ORDER_ID_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct id_stream;

enum id_stream_event {
    ID_STREAM_ID,
    ID_STREAM_REFUSED,
    ID_STREAM_EMPTY, /* the buffer is used up: call id_stream_fill() */
    ID_STREAM_END    /* the descriptor is at its end */
};

/* What a stream names. */
enum id_stream_kind { ID_STREAM_ORDERS, ID_STREAM_SKUS };

/* All texts are valid until the next call on the stream. */
struct id_piece {
    const char *id;      /* of an id: printable, of 1 to ORDER_MAX_ID bytes, of a sku
                            ORDER_MAX_TEXT */
    const char *reason;  /* that came along with an order: printable, of 1 to ORDER_MAX_TEXT bytes;
                            or NULL */
    const char *refusal; /* of what was refused: why, fit to be shown */
    uint64_t number;     /* of this id or refusal in the stream, from 1 */
    uint64_t line;       /* where it starts, from 1 */
};

/* Starts a stream that reads from fd, which the caller closes after id_stream_free(). */
struct id_stream *id_stream_new(int fd, enum id_stream_kind kind);

/* Frees stream, which may be NULL. */
void id_stream_free(struct id_stream *stream);

/* Returns what the buffer holds next; sets *piece for an id and a refusal. Never reads. */
enum id_stream_event id_stream_next(struct id_stream *stream, struct id_piece *piece);

/*
 * Reads once from the descriptor into the buffer. Blocks if the descriptor does; a non-blocking one
 * that has no data adds none. At the end of the file id_stream_next() returns the rest, then
 * ID_STREAM_END. Returns false, with errno set, if reading failed.
 */
bool id_stream_fill(struct id_stream *stream);

/*
 * For standard input: waits until there is some, and reads once. If a stop is requested meanwhile,
 * ends the stream. Returns false if reading failed, which was reported, and has ended the stream.
 */
bool id_stream_read_on(struct id_stream *stream);

/* Ends the stream as if the descriptor were at its end. What has been read in part, a line without
 * a line break among it, is refused with reason, which must stay valid. */
void id_stream_end(struct id_stream *stream, const char *reason);

#endif
