#include "order/id_stream.h"

#include "base/memory.h"
#include "base/report.h"
#include "base/stop.h"
#include "base/text.h"
#include "json/json.h"
#include "json/scan.h"
#include "order/event.h"
#include "order/order.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_SIZE ((size_t)64 * 1024)
/* Stored orders are read, too. */
#define MAX_SIZE (EVENT_MAX_SIZE + FIRST_SIZE)

/* How ids of a kind are written, and what is said of those that are not. */
struct naming {
    const char *member;
    size_t max; /* bytes */
    const char *neither;
    const char *array;
    const char *twice;
    const char *missing;
    const char *invalid;
};

#define BUT_AN_ARRAY ", but an array: jq -c '.[]' takes it apart"

static const struct naming namings[] = {
    [ID_STREAM_ORDERS] = {"order_id", ORDER_MAX_ID, "neither an order id nor a JSON object",
                          "neither an order id nor a JSON object" BUT_AN_ARRAY,
                          "order_id is there twice", "order_id is missing",
                          "order_id is not a string of 1 to 128 bytes without control characters"},
    [ID_STREAM_SKUS] = {"sku", ORDER_MAX_TEXT, "neither a sku nor a JSON object",
                        "neither a sku nor a JSON object" BUT_AN_ARRAY, "sku is there twice",
                        "sku is missing",
                        "sku is not a string of 1 to 256 bytes without control characters"}};

struct id_stream {
    int fd;
    enum id_stream_kind kind;
    char *buffer; /* with room for a NUL after size bytes */
    size_t size;
    size_t start; /* of the bytes that were not handed out */
    size_t filled;
    bool ended;
    bool is_skipping; /* up to the end of the line */
    const char *cut;  /* the reason given to id_stream_end() */
    cJSON *tree;      /* of the last object */
    uint64_t number;
    uint64_t line; /* of the byte at start */
};

struct id_stream *id_stream_new(int fd, enum id_stream_kind kind)
{
    struct id_stream *stream = xcalloc(1, sizeof *stream);

    stream->fd = fd;
    stream->kind = kind;
    stream->size = FIRST_SIZE;
    stream->buffer = xmalloc(stream->size + 1);
    stream->line = 1;
    return stream;
}

void id_stream_free(struct id_stream *stream)
{
    if (stream == NULL)
        return;
    cJSON_Delete(stream->tree);
    free(stream->buffer);
    free(stream);
}

/* ---- the buffer ---- */

static void make_room(struct id_stream *stream)
{
    stream->filled -= stream->start;
    memmove(stream->buffer, stream->buffer + stream->start, stream->filled);
    stream->start = 0;
    if (stream->filled < stream->size)
        return;
    stream->size *= 2;
    stream->buffer = xrealloc(stream->buffer, stream->size + 1);
}

bool id_stream_fill(struct id_stream *stream)
{
    ssize_t got;

    make_room(stream);
    do
        got = read(stream->fd, stream->buffer + stream->filled, stream->size - stream->filled);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK;
    stream->ended = stream->ended || got == 0;
    stream->filled += (size_t)got;
    return true;
}

void id_stream_end(struct id_stream *stream, const char *reason)
{
    if (stream->ended)
        return;
    stream->ended = true;
    stream->cut = reason;
}

bool id_stream_read_on(struct id_stream *stream)
{
    stop_or_readable(stream->fd);
    if (stop_requested()) {
        id_stream_end(stream, "asked to stop before it ended");
        return true;
    }
    if (id_stream_fill(stream))
        return true;
    report_errno("cannot read standard input");
    id_stream_end(stream, "not read to its end");
    return false;
}

static char *rest(const struct id_stream *stream, size_t *len)
{
    *len = stream->filled - stream->start;
    return stream->buffer + stream->start;
}

static void advance(struct id_stream *stream, size_t count)
{
    for (; count > 0; count--)
        if (stream->buffer[stream->start++] == '\n')
            stream->line++;
}

/* Skips the rest of a line that was refused. Returns false if it is not in the buffer. */
static bool skip_line(struct id_stream *stream)
{
    size_t len;
    const char *text = rest(stream, &len);
    const char *end = memchr(text, '\n', len);

    stream->is_skipping = end == NULL && !stream->ended;
    advance(stream, end == NULL ? len : (size_t)(end - text));
    return !stream->is_skipping;
}

static void skip_space(struct id_stream *stream)
{
    size_t len;
    const char *text = rest(stream, &len);
    size_t count = 0;

    if (stream->number == 0 && len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        count = 3;
    while (count < len && memchr(" \t\r\n", text[count], 4) != NULL)
        count++;
    advance(stream, count);
}

/* ---- pieces ---- */

static enum id_stream_event refuse(struct id_piece *piece, const char *refusal)
{
    piece->refusal = refusal;
    return ID_STREAM_REFUSED;
}

/* Handles what does not end in the buffer. */
static enum id_stream_event await_end(struct id_stream *stream, struct id_piece *piece,
                                      const char *refusal)
{
    if (!stream->ended && stream->filled - stream->start < MAX_SIZE) {
        stream->number--;
        return ID_STREAM_EMPTY;
    }
    (void)skip_line(stream);
    if (!stream->ended)
        return refuse(piece, "more than 1 MiB without an end");
    stream->start = stream->filled;
    return refuse(piece, stream->cut != NULL ? stream->cut : refusal);
}

static enum id_stream_event take_id(const struct naming *naming, struct id_piece *piece, char *text,
                                    size_t len)
{
    if (*text == '[')
        return refuse(piece, naming->array);
    if (len >= 2 && text[0] == '"' && text[len - 1] == '"') {
        text++;
        len -= 2;
    }
    if (!text_is_printable(text, len, naming->max))
        return refuse(piece, naming->neither);
    text[len] = '\0';
    piece->id = text;
    return ID_STREAM_ID;
}

static enum id_stream_event next_line(struct id_stream *stream, struct id_piece *piece)
{
    size_t len;
    char *text = rest(stream, &len);
    const char *end = memchr(text, '\n', len);

    if (end == NULL && (!stream->ended || stream->cut != NULL))
        return await_end(stream, piece, NULL);
    if (end != NULL)
        len = (size_t)(end - text);
    /* With its line break, which the NUL after the id may replace. */
    advance(stream, end == NULL ? len : len + 1);
    while (len > 0 && memchr(" \t\r", text[len - 1], 3) != NULL)
        len--;
    return take_id(&namings[stream->kind], piece, text, len);
}

static enum id_stream_event take_reason(struct id_piece *piece, const cJSON *tree)
{
    const cJSON *reason;

    if (!json_member_once(tree, "reason", &reason))
        return refuse(piece, "reason is there twice");
    piece->reason = cJSON_GetStringValue(reason);
    if (reason != NULL && !cJSON_IsNull(reason) &&
        (piece->reason == NULL ||
         !text_is_printable(piece->reason, strlen(piece->reason), ORDER_MAX_TEXT)))
        return refuse(piece, "reason is not a string of 1 to 256 bytes without control characters");
    return ID_STREAM_ID;
}

static enum id_stream_event take_members(enum id_stream_kind kind, struct id_piece *piece,
                                         const cJSON *tree)
{
    const struct naming *naming = &namings[kind];
    const cJSON *id;

    if (!json_member_once(tree, naming->member, &id))
        return refuse(piece, naming->twice);
    if (id == NULL)
        return refuse(piece, naming->missing);
    piece->id = cJSON_GetStringValue(id);
    if (piece->id == NULL || !text_is_printable(piece->id, strlen(piece->id), naming->max))
        return refuse(piece, naming->invalid);
    return kind == ID_STREAM_ORDERS ? take_reason(piece, tree) : ID_STREAM_ID;
}

static enum id_stream_event next_object(struct id_stream *stream, struct id_piece *piece)
{
    struct json_scan scan;
    size_t len;
    size_t taken;
    const char *text = rest(stream, &len);

    json_scan_start(&scan);
    switch (json_scan_feed(&scan, text, len, &taken)) {
    case JSON_UNFINISHED:
        return await_end(stream, piece, "the JSON object was cut off");
    case JSON_FAULTY:
        advance(stream, taken);
        (void)skip_line(stream);
        return refuse(piece, scan.fault);
    default:
        stream->tree = json_parse_scanned(text, taken, scan.traits);
        advance(stream, taken);
        return take_members(stream->kind, piece, stream->tree);
    }
}

enum id_stream_event id_stream_next(struct id_stream *stream, struct id_piece *piece)
{
    cJSON_Delete(stream->tree);
    stream->tree = NULL;
    if (stream->is_skipping && !skip_line(stream))
        return ID_STREAM_EMPTY;
    skip_space(stream);
    if (stream->start == stream->filled)
        return stream->ended ? ID_STREAM_END : ID_STREAM_EMPTY;
    *piece = (struct id_piece){.number = ++stream->number, .line = stream->line};
    return stream->buffer[stream->start] == '{' ? next_object(stream, piece)
                                                : next_line(stream, piece);
}
