#include "json/stream.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX 40 /* bytes of a value */

/* Adds what the stream hands out, a line each: "value NUMBER LINE TEXT", or "refused ..." with the
 * reason in the first piece. */
static void tell(FILE *out, enum json_stream_event event, const struct json_piece *piece)
{
    (void)fprintf(out, "%s %d %d [%.*s]", event == JSON_STREAM_VALUE ? "value" : "refused",
                  (int)piece->number, (int)piece->line, (int)piece->len, piece->text);
    if (piece->reason != NULL)
        (void)fprintf(out, " %s", piece->reason);
    (void)fprintf(out, piece->last ? "\n" : " ...\n");
}

static bool takes_arrays;

/* Returns all that comes of an input, to be freed. */
static char *read_all(const char *text, size_t len, const char *cut)
{
    int fd = unit_input(text, len);
    struct json_stream *stream = json_stream_new(fd, MAX);
    char *told = NULL;
    size_t told_len;
    FILE *out = open_memstream(&told, &told_len);
    enum json_stream_event event;
    struct json_piece piece;

    if (takes_arrays)
        json_stream_set_arrays(stream, true, "");
    while ((event = json_stream_next(stream, &piece)) != JSON_STREAM_END) {
        if (event != JSON_STREAM_EMPTY)
            tell(out, event, &piece);
        else
            CHECK(json_stream_fill(stream));
        if (event == JSON_STREAM_EMPTY && cut != NULL)
            json_stream_end(stream, cut);
    }
    EQUAL(json_stream_position(stream), len);
    (void)fclose(out);
    json_stream_free(stream);
    (void)close(fd);
    return told;
}

struct input {
    const char *text;
    const char *told;
};

static void check_inputs(const struct input *inputs, size_t count, const char *cut)
{
    for (size_t i = 0; i < count; i++) {
        char *told = read_all(inputs[i].text, strlen(inputs[i].text), cut);

        unit_row(inputs[i].text);
        SAME(told, inputs[i].told);
        free(told);
    }
}

static void hands_out_values(void)
{
    static const struct input inputs[] = {
        {"", ""},
        {" \n ", ""},
        {"{\"a\":1}", "value 1 1 [{\"a\":1}]\n"},
        {"{}\n{}\n", "value 1 1 [{}]\nvalue 2 2 [{}]\n"},
        {"{}{}", "value 1 1 [{}]\nvalue 2 1 [{}]\n"},
        {"{\n\"a\":\n1}\n \n{}", "value 1 1 [{\n\"a\":\n1}]\nvalue 2 5 [{}]\n"},
        {"12 true", "value 1 1 [12]\nvalue 2 1 [true]\n"},
        {"\xEF\xBB\xBF{}", "value 1 1 [{}]\n"},
        {"\x1E{}\n\x1E{}\n", "value 1 1 [{}]\nvalue 2 2 [{}]\n"},
    };

    check_inputs(inputs, COUNT(inputs), NULL);
}

static void goes_on_after_a_syntax_error(void)
{
    static const struct input inputs[] = {
        {"{\"a\":x}\n{}", "refused 1 1 [{\"a\":x}\n] no JSON value starts like this\n"
                          "value 2 2 [{}]\n"},
        {"{x\n y\n{}", "refused 1 1 [{x\n y\n] an object's key must be a string, in double quotes\n"
                       "value 2 3 [{}]\n"},
        /* The value before lacks its last bracket, and the next is sound. */
        {"{\"a\":1,\n{}\n", "refused 1 2 [{\"a\":1,\n] an object's key must be a string, in double "
                            "quotes\nvalue 2 2 [{}]\n"},
        {"\x1E{x\x1E{}", "refused 1 1 [{x] an object's key must be a string, in double quotes\n"
                         "value 2 1 [{}]\n"},
        {"{\"a\"", "refused 1 1 [{\"a\"] the input ends within a value\n"},
    };

    check_inputs(inputs, COUNT(inputs), NULL);
}

static void refuses_arrays_and_what_is_too_large(void)
{
#define LARGE "{\"a\":\"45678901234567890123456789012345678\"}"
#define ARRAY                                                                                  \
    "not a JSON object, but an array: objects come one after the other; jq -c '.[]' takes it " \
    "apart"
    static const struct input inputs[] = {
        {"[1]{}", "refused 1 1 [[1]] " ARRAY "\nvalue 2 1 [{}]\n"},
        {LARGE " {}", "refused 1 1 [" LARGE "] too large\nvalue 2 1 [{}]\n"},
        {"[\"" LARGE, "refused 1 1 [[\"{\"] a comma or a closing bracket is missing\n"},
    };

    EQUAL(strlen(LARGE), MAX + 3);
    check_inputs(inputs, 2, NULL);
}

static void takes_arrays_apart(void)
{
    static const struct input inputs[] = {
        {"[]", ""},
        {"[{}]", "value 1 1 [{}]\n"},
        {"[\n{}\n,\n12 ] {}[{}]",
         "value 1 2 [{}]\nvalue 2 4 [12]\nvalue 3 4 [{}]\nvalue 4 4 [{}]\n"},
        {"[{},]", "value 1 1 [{}]\nrefused 2 1 []] a trailing comma: no value comes after it\n"},
        {"[{}\n{}]{}", "value 1 1 [{}]\nrefused 2 2 [] a comma or a closing bracket is missing\n"
                       "value 3 2 [{}]\nvalue 4 2 [{}]\n"},
        {"[{} x,\n{}]",
         "value 1 1 [{}]\nrefused 2 1 [x,\n] a comma or a closing bracket is missing\n"
         "value 3 2 [{}]\n"},
        {"[{},",
         "value 1 1 [{}]\nrefused 2 1 [] the input ends within an array: its last bracket is "
         "missing\n"},
        {"[{x},\n{}]", "refused 1 1 [{x},\n] an object's key must be a string, in double quotes\n"
                       "value 2 2 [{}]\n"},
        {"[{x}]", "refused 1 1 [{x}]] an object's key must be a string, in double quotes ...\n"
                  "refused 1 1 []\n"},
        {"[[1],{}]", "refused 1 1 [[1]] not a JSON object, but an array within an array\n"
                     "value 2 1 [{}]\n"},
        {"[" LARGE ",{}]", "refused 1 1 [" LARGE "] too large\nvalue 2 1 [{}]\n"},
        {"[,{}]", "refused 1 1 [,{}]] no JSON value starts like this: there are no commas between "
                  "values, as in CSV ...\nrefused 1 1 []\n"},
    };

    takes_arrays = true;
    check_inputs(inputs, COUNT(inputs), NULL);
    check_inputs((struct input[]){{"[{},", "value 1 1 [{}]\n"}}, 1, "a stop");
    takes_arrays = false;
}

/* What comes in many reads: larger than the buffer, and than the limit. */
static void refuses_a_large_value_in_pieces(void)
{
    enum { SIZE = 200000 };
    char *text = calloc(SIZE + 8, 1);
    int fd;
    struct json_stream *stream;
    struct json_piece piece = {0};
    size_t refused = 0;
    int reasons = 0;
    enum json_stream_event event;

    if (!CHECK(text != NULL))
        return;
    memset(text, 'x', SIZE);
    text[0] = '"';
    text[SIZE - 1] = '"';
    (void)strcat(text, "{}");
    fd = unit_input(text, SIZE + 2);
    stream = json_stream_new(fd, MAX);
    do {
        event = json_stream_next(stream, &piece);
        if (event == JSON_STREAM_EMPTY) {
            CHECK(json_stream_fill(stream));
        } else if (event == JSON_STREAM_REFUSED) {
            refused += piece.len;
            reasons += piece.reason != NULL;
            EQUAL(piece.number, 1);
            EQUAL(piece.last, refused == SIZE);
        }
    } while (event == JSON_STREAM_EMPTY || event == JSON_STREAM_REFUSED);
    EQUAL(refused, SIZE);
    EQUAL(reasons, 1);
    EQUAL(event, JSON_STREAM_VALUE);
    EQUAL(piece.number, 2);
    json_stream_free(stream);
    (void)close(fd);
    free(text);
}

static void refuses_other_formats_whole(void)
{
    static const struct input inputs[] = {
        {"\x1F\x8Bx {}\n{}", "refused 1 1 [\x1F\x8Bx {}\n{}] not JSON, but gzip data: gzip -dc "
                             "unpacks it ...\nrefused 1 1 []\n"},
        {"#!", "refused 1 1 [#!] not JSON, but a script: its output is wanted, not its text ...\n"
               "refused 1 1 []\n"},
        {"\x1F", "refused 1 1 [\x1F] not JSON: it looks like binary data\n"},
        {"user,qty\nu-1,2\n",
         "refused 1 1 [user,qty\nu-1,2\n] not JSON: it looks like CSV ...\nrefused 1 1 []\n"},
        {"true,qty\n{}", "value 1 1 [true]\nrefused 2 1 [,qty\n] no JSON value starts like this: "
                         "there are no commas between values, as in CSV\nvalue 3 2 [{}]\n"},
    };

    check_inputs(inputs, COUNT(inputs), NULL);
}

static void ends_when_it_is_told_to(void)
{
    static const struct input inputs[] = {
        {"{} {}", "value 1 1 [{}]\nvalue 2 1 [{}]\n"},
        {"{} {\"a\"", "value 1 1 [{}]\nrefused 2 1 [{\"a\"] a stop\n"},
        {"12", "refused 1 1 [12] a stop\n"},
    };

    check_inputs(inputs, COUNT(inputs), "a stop");
}

static void tells_of_a_descriptor_that_cannot_be_read(void)
{
    struct json_stream *stream = json_stream_new(-1, MAX);

    CHECK(!json_stream_fill(stream));
    json_stream_free(stream);
    json_stream_free(NULL);
}

int main(void)
{
    RUN(hands_out_values);
    RUN(goes_on_after_a_syntax_error);
    RUN(refuses_arrays_and_what_is_too_large);
    RUN(takes_arrays_apart);
    RUN(refuses_a_large_value_in_pieces);
    RUN(refuses_other_formats_whole);
    RUN(ends_when_it_is_told_to);
    RUN(tells_of_a_descriptor_that_cannot_be_read);
    return unit_end();
}
