/*
 * The scanner and the stream: what is accepted, cJSON reads too, once it was tamed; taking white
 * space out changes no token; and a text cut in two anywhere is judged like the whole. And any
 * bytes are written as a string as cJSON writes them.
 */
#include "json/json.h"

#include "base/memory.h"
#include "base/report.h"
#include "json/canonical.h"
#include "json/decimal.h"
#include "json/scan.h"
#include "json/stream.h"
#include "json/writer.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static cJSON *parse_any(const char *text, size_t len)
{
    unsigned traits;
    size_t at;

    return json_check(text, len, &traits, &at) == NULL ? json_parse_scanned(text, len, traits)
                                                       : NULL;
}

static enum json_progress judge(const char *text, size_t len, size_t cut, size_t *end,
                                unsigned *traits)
{
    struct json_scan scan;
    size_t first = 0;
    size_t second = 0;
    enum json_progress progress;

    json_scan_start(&scan);
    progress = json_scan_feed(&scan, text, cut, &first);
    if (progress == JSON_UNFINISHED)
        progress = json_scan_feed(&scan, text + cut, len - cut, &second);
    if (progress == JSON_UNFINISHED)
        progress = json_scan_finish(&scan);
    assert((progress == JSON_FAULTY) == (scan.fault != NULL));
    *end = first + second;
    *traits = scan.traits;
    return progress;
}

static void check_cuts(const char *text, size_t len)
{
    size_t end;
    size_t other;
    unsigned traits;
    unsigned other_traits;
    enum json_progress whole = judge(text, len, 0, &end, &traits);

    for (size_t cut = 1; cut <= len && cut < 64; cut++) {
        assert(judge(text, len, cut, &other, &other_traits) == whole);
        assert(other == end && other_traits == traits);
    }
}

/* The same content, whatever the white space. */
static void check_canonical(const char *text, size_t len, const char *compact, size_t compact_len,
                            enum json_numbers numbers)
{
    char *one = json_canonical(text, len, "x", numbers);
    char *other = json_canonical(compact, compact_len, "x", numbers);

    assert(one != NULL && other != NULL && strcmp(one, other) == 0);
    cJSON_free(one);
    cJSON_free(other);
}

/*
 * Within these bounds a double holds every integer, and only there it stands without a text; and
 * what is written in 4 characters is not rounded to one.
 */
static void check_integers(const cJSON *tree)
{
    int64_t bound = INT64_C(1000000000000000);
    int64_t integer;

    assert(!cJSON_IsNumber(tree) || tree->valuestring != NULL ||
           (tree->valuedouble > -1e15 && tree->valuedouble < 1e15));
    if (json_integer(tree, -bound, bound, &integer))
        assert((double)integer == tree->valuedouble);
    else
        assert(!cJSON_IsNumber(tree) ||
               !(tree->valuedouble >= -1000 && tree->valuedouble <= 1000) ||
               tree->valuedouble != (double)(int)tree->valuedouble ||
               (tree->valuestring != NULL && strlen(tree->valuestring) > 4));
    for (const cJSON *child = tree->child; child != NULL; child = child->next)
        check_integers(child);
}

/* A number's canonical form is one of its own, and the integer that it says it is. */
static void check_number(const char *number, size_t len)
{
    char *canonical = xcalloc(DECIMAL_CANONICAL_MAX(len), 1);
    size_t canonical_len = decimal_canonical(number, len, canonical);
    char *again = xcalloc(DECIMAL_CANONICAL_MAX(canonical_len), 1);
    int64_t integer;
    int64_t other;

    assert(canonical_len < DECIMAL_CANONICAL_MAX(len));
    assert(decimal_canonical(canonical, canonical_len, again) == canonical_len);
    assert(memcmp(canonical, again, canonical_len) == 0);
    if (decimal_integer(number, len, &integer))
        assert(decimal_integer(canonical, canonical_len, &other) && integer == other);
    else
        assert(!decimal_integer(canonical, canonical_len, &other));
    free(canonical);
    free(again);
}

static void check_numbers(const cJSON *tree)
{
    if (cJSON_IsNumber(tree) && tree->valuestring != NULL)
        check_number(tree->valuestring, strlen(tree->valuestring));
    for (const cJSON *child = tree->child; child != NULL; child = child->next)
        check_numbers(child);
}

static void check_strict(const char *text, size_t len, unsigned traits)
{
    const char *reason;
    cJSON *tree = json_parse(text, len, &reason);

    assert((tree == NULL) == (reason != NULL));
    assert(tree == NULL || (traits & JSON_ODD_TEXT) == 0);
    cJSON_Delete(tree);
}

static void check_parse(const char *text, size_t len)
{
    unsigned traits;
    size_t at;
    const char *reason = json_check(text, len, &traits, &at);
    cJSON *tree = parse_any(text, len);
    cJSON *again;
    char *copy;
    size_t compact;

    assert(at <= len && (tree == NULL) == (reason != NULL));
    if (tree == NULL)
        return;
    check_strict(text, len, traits);
    check_integers(tree);
    check_numbers(tree);
    copy = malloc(len + 1);
    assert(copy != NULL);
    memcpy(copy, text, len);
    compact = json_compact(copy, len);
    assert(compact <= len && json_compact(copy, compact) == compact);
    again = parse_any(copy, compact);
    assert(again != NULL);
    cJSON_Delete(tree);
    cJSON_Delete(again);
    check_canonical(text, len, copy, compact, JSON_NUMBERS_AS_WRITTEN);
    check_canonical(text, len, copy, compact, JSON_NUMBERS_BY_VALUE);
    free(copy);
}

/* All that went in comes out, as a value, as refused, or as what may stand between. */
static void check_stream(const char *text, size_t len)
{
    int ends[2];
    struct json_stream *stream;
    struct json_piece piece;
    size_t out = 0;
    uint64_t number = 0;
    enum json_stream_event event;

    if (len > 32768 || pipe(ends) != 0)
        return;
    assert(write(ends[1], text, len) == (ssize_t)len);
    (void)close(ends[1]);
    stream = json_stream_new(ends[0], 64);
    while ((event = json_stream_next(stream, &piece)) != JSON_STREAM_END) {
        if (event == JSON_STREAM_EMPTY) {
            assert(json_stream_fill(stream));
            continue;
        }
        assert(piece.number == number || piece.number == number + 1);
        number = piece.number;
        assert(event != JSON_STREAM_VALUE ||
               (piece.len > 0 && piece.len <= 64 && *piece.text != '['));
        out += piece.len;
        assert(out <= len);
    }
    json_stream_free(stream);
    (void)close(ends[0]);
}

static void check_string(const char *bytes, size_t len)
{
    char *text = xcalloc(len + 1, 1);
    struct json_writer line;
    char *written;
    char *printed;
    cJSON *tree;

    memcpy(text, bytes, len);
    json_writer_start(&line);
    json_writer_string(&line, text);
    written = json_writer_end(&line);
    tree = cJSON_CreateString(text);
    printed = json_print(tree);
    assert(strcmp(written, printed) == 0);
    cJSON_free(printed);
    cJSON_Delete(tree);
    free(written);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;

    check_cuts(text, size);
    check_parse(text, size);
    check_stream(text, size);
    check_string(text, size);
    return 0;
}
