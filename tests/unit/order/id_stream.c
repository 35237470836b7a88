#include "order/id_stream.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ID "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"

/* Reads on until there is a piece, or the end. */
static enum id_stream_event next(struct id_stream *stream, struct id_piece *piece)
{
    enum id_stream_event event;

    while ((event = id_stream_next(stream, piece)) == ID_STREAM_EMPTY)
        if (!CHECK(id_stream_fill(stream)))
            return ID_STREAM_END;
    return event;
}

static void reads_ids_however_they_are_written(void)
{
    static const char text[] = "\xEF\xBB\xBF" ID "\r\n\n  any text \n\"" ID
                               "\"\n{\"order_id\":\"a\",\"status\":\"PLACED\"}"
                               "{\n  \"order_id\": \"b\",\n  \"reason\": \"late\"\n}\nlast";
    static const struct {
        const char *id;
        const char *reason;
        uint64_t line;
    } rows[] = {{ID, NULL, 1},  {"any text", NULL, 3}, {ID, NULL, 4},
                {"a", NULL, 5}, {"b", "late", 5},      {"last", NULL, 9}};
    int fd = unit_input(text, sizeof text - 1);
    struct id_stream *stream = id_stream_new(fd, ID_STREAM_ORDERS);
    struct id_piece piece;

    for (size_t i = 0; i < COUNT(rows); i++) {
        unit_row(rows[i].id);
        if (!EQUAL(next(stream, &piece), ID_STREAM_ID))
            continue;
        SAME(piece.id, rows[i].id);
        SAME(piece.reason, rows[i].reason);
        EQUAL(piece.line, rows[i].line);
        EQUAL(piece.number, i + 1);
    }
    unit_row(NULL);
    EQUAL(next(stream, &piece), ID_STREAM_END);
    id_stream_free(stream);
    (void)close(fd);
}

static void refuses_a_line_and_goes_on(void)
{
    static const struct {
        const char *text;
        const char *refusal;
    } rows[] = {
        {"\x1b[2J", "neither an order id nor a JSON object"},
        {"\"\"", "neither an order id nor a JSON object"},
        {"[\"a\"]",
         "neither an order id nor a JSON object, but an array: jq -c '.[]' takes it apart"},
        {"{}", "order_id is missing"},
        {"{\"order_id\":7}",
         "order_id is not a string of 1 to 128 bytes without control characters"},
        {"{\"order_id\":\"a\\u0000\"}",
         "order_id is not a string of 1 to 128 bytes without control characters"},
        {"{\"order_id\":\"a\",\"order_id\":\"b\"}", "order_id is there twice"},
        {"{\"order_id\":\"a\",\"reason\":\"x\",\"reason\":\"y\"}", "reason is there twice"},
        {"{\"order_id\":\"a\",\"reason\":[]}",
         "reason is not a string of 1 to 256 bytes without control characters"},
        {"{\"order_id\" \"a\"}", "a colon is missing after a key"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[256];
        int fd;
        struct id_stream *stream;
        struct id_piece piece;

        (void)strcpy(text, rows[i].text);
        (void)strcat(text, "\nnext");
        fd = unit_input(text, strlen(text));
        stream = id_stream_new(fd, ID_STREAM_ORDERS);
        unit_row(rows[i].text);
        if (EQUAL(next(stream, &piece), ID_STREAM_REFUSED))
            SAME(piece.refusal, rows[i].refusal);
        if (EQUAL(next(stream, &piece), ID_STREAM_ID))
            SAME(piece.id, "next");
        EQUAL(piece.line, 2);
        id_stream_free(stream);
        (void)close(fd);
    }
}

static void keeps_little_of_a_line_without_an_end(void)
{
    size_t len = (size_t)8 << 20;
    char *text = malloc(len);
    int fd;
    struct id_stream *stream;
    struct id_piece piece;

    if (!CHECK(text != NULL))
        return;
    (void)memset(text, 'x', len);
    (void)memcpy(text + len - 5, "\nnext", 5);
    fd = unit_input(text, len);
    stream = id_stream_new(fd, ID_STREAM_ORDERS);
    if (EQUAL(next(stream, &piece), ID_STREAM_REFUSED))
        SAME(piece.refusal, "more than 1 MiB without an end");
    if (EQUAL(next(stream, &piece), ID_STREAM_ID))
        SAME(piece.id, "next");
    EQUAL(next(stream, &piece), ID_STREAM_END);
    id_stream_free(stream);
    (void)close(fd);
    free(text);
}

/* What was read in part is not taken for an id when a stop ends the input. */
static void refuses_what_is_cut_off(void)
{
    static const char *const rows[] = {ID, "{\"order_id\":"};

    for (size_t i = 0; i < COUNT(rows); i++) {
        int fd = unit_input(rows[i], strlen(rows[i]));
        struct id_stream *stream = id_stream_new(fd, ID_STREAM_ORDERS);
        struct id_piece piece;

        unit_row(rows[i]);
        (void)id_stream_fill(stream);
        EQUAL(id_stream_next(stream, &piece), ID_STREAM_EMPTY);
        id_stream_end(stream, "asked to stop");
        if (EQUAL(id_stream_next(stream, &piece), ID_STREAM_REFUSED))
            SAME(piece.refusal, "asked to stop");
        EQUAL(id_stream_next(stream, &piece), ID_STREAM_END);
        id_stream_free(stream);
        (void)close(fd);
    }
}

static void reads_skus(void)
{
    static const struct {
        const char *text;
        const char *sku; /* NULL: refused, */
        const char *refusal;
    } rows[] = {
        {"veggie burger", "veggie burger", NULL},
        {"{\"sku\":\"s\",\"on_hand\":5,\"reason\":7}", "s", NULL},
        {"[\"a\"]", NULL,
         "neither a sku nor a JSON object, but an array: jq -c '.[]' takes it apart"},
        {"\t\x1b", NULL, "neither a sku nor a JSON object"},
        {"{\"order_id\":\"a\"}", NULL, "sku is missing"},
        {"{\"sku\":\"\"}", NULL,
         "sku is not a string of 1 to 256 bytes without control characters"},
        {"{\"sku\":\"a\",\"sku\":\"b\"}", NULL, "sku is there twice"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        int fd = unit_input(rows[i].text, strlen(rows[i].text));
        struct id_stream *stream = id_stream_new(fd, ID_STREAM_SKUS);
        struct id_piece piece;

        unit_row(rows[i].text);
        EQUAL(next(stream, &piece), rows[i].sku != NULL ? ID_STREAM_ID : ID_STREAM_REFUSED);
        if (rows[i].sku != NULL)
            SAME(piece.id, rows[i].sku);
        SAME(piece.refusal, rows[i].refusal);
        id_stream_free(stream);
        (void)close(fd);
    }
}

int main(void)
{
    RUN(reads_ids_however_they_are_written);
    RUN(refuses_a_line_and_goes_on);
    RUN(keeps_little_of_a_line_without_an_end);
    RUN(refuses_what_is_cut_off);
    RUN(reads_skus);
    return unit_end();
}
