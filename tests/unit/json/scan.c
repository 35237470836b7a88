#include "json/scan.h"

#include "unit.h"

#include <stdio.h>
#include <string.h>

/* Scans text whole, or byte by byte. Returns what came of it, after the end of the input. */
static enum json_progress scan(struct json_scan *scan, const char *text, size_t len, bool in_bytes,
                               size_t *taken)
{
    enum json_progress progress = JSON_UNFINISHED;
    size_t now = 0;

    *taken = 0;
    json_scan_start(scan);
    if (!in_bytes) {
        progress = json_scan_feed(scan, text, len, taken);
    } else {
        while (*taken < len && progress == JSON_UNFINISHED) {
            progress = json_scan_feed(scan, text + *taken, 1, &now);
            *taken += now;
        }
    }
    return progress == JSON_UNFINISHED ? json_scan_finish(scan) : progress;
}

static void takes_what_rfc_8259_allows(void)
{
    static const struct {
        const char *text;
        unsigned traits;
    } values[] = {
        {"{}", 0},
        {"[]", 0},
        {"\"\"", 0},
        {"true", 0},
        {"false", 0},
        {"null", 0},
        {"0", 0},
        {"-0", 0},
        {"10", 0},
        {" \t\r\n1", 0},
        {"[ 1 , 2 ]", 0},
        {"[[],{},[{}]]", 0},
        {"{ \"a\" : 1 , \"b\" : [ true , null ] }", 0},
        {"{\"a\":1,\"a\":2}", 0},
        {"123456789012345", 0},
        {"1234567890123456", JSON_INEXACT},
        {"1.0", JSON_INEXACT},
        {"-0.5", JSON_INEXACT},
        {"1e5", JSON_INEXACT},
        {"1E+5", JSON_INEXACT},
        {"0e-1", JSON_INEXACT},
        {"1.25e10", JSON_INEXACT},
        {"[1,1.5]", JSON_INEXACT},
        /* 63 and 64 characters. */
        {"111111111122222222223333333333444444444455555555556666666666777", JSON_INEXACT},
        {"1111111111222222222233333333334444444444555555555566666666667777",
         JSON_INEXACT | JSON_LONG_NUMBER},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", 0},
        {"\"\\u0041\\u00e9\\uFFFF\"", 0},
        {"\"\\u0001\"", 0},
        {"\"\\u0000\"", JSON_ODD_TEXT},
        {"\"\\uD834\\uDD1E\"", 0},
        {"\"\\uD834\\uDD1E\\uD834\\uDD1E\"", 0},
        {"\"\\uD834\"", JSON_ODD_TEXT},
        {"\"\\uD834x\"", JSON_ODD_TEXT},
        {"\"\\uD834\\n\"", JSON_ODD_TEXT},
        {"\"\\uD834\\u0041\"", JSON_ODD_TEXT},
        {"\"\\uD834\\uD834\\uDD1E\"", JSON_ODD_TEXT},
        {"\"\\uDD1E\"", JSON_ODD_TEXT},
        {"\"\\uDD1E\\uD834\"", JSON_ODD_TEXT},
        {"\"\x7F\"", 0},
        {"\"\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF\"", 0},
        {"\"\xF0\x90\x80\x80\xF4\x8F\xBF\xBF\"", 0},
    };
    struct json_scan state;
    size_t taken;

    for (size_t i = 0; i < COUNT(values); i++)
        for (int in_bytes = 0; in_bytes <= 1; in_bytes++) {
            unit_row(values[i].text);
            EQUAL(scan(&state, values[i].text, strlen(values[i].text), in_bytes, &taken),
                  JSON_COMPLETE);
            EQUAL(taken, strlen(values[i].text));
            EQUAL(state.traits, values[i].traits);
            SAME(state.fault, NULL);
        }
}

#define NO_START "no JSON value starts like this"

/* Where the byte stands that must not be there, and why. */
static void refuses_what_rfc_8259_does_not_allow(void)
{
    static const struct {
        const char *text;
        size_t at;
        const char *fault;
    } values[] = {
        {"", 0, "the input ends within a value"},
        {" ", 1, "the input ends within a value"},
        {"{", 1, "the input ends within a value"},
        {"[1,", 3, "the input ends within a value"},
        {"\"a", 2, "the input ends within a value"},
        {"\"a\\", 3, "the input ends within a value"},
        {"\"\\u00", 5, "the input ends within a value"},
        {"\"\xC3", 2, "the input ends within a value"},
        {"tru", 3, "the input ends within a value"},
        {"-", 1, "the input ends within a value"},
        {"1.", 2, "the input ends within a value"},
        {"1e", 2, "the input ends within a value"},
        {"1e+", 3, "the input ends within a value"},
        {"[1", 2, "the input ends within a value"},
        {"x", 0, NO_START},
        {"+1", 0, NO_START},
        {".5", 0, NO_START},
        {"tRue", 1, NO_START},
        {"nul1", 3, NO_START},
        {"]", 0, NO_START},
        {"}", 0, NO_START},
        {",", 0, NO_START ": there are no commas between values, as in CSV"},
        {"'a'", 0, NO_START ": strings stand in double quotes"},
        {"// a", 0, NO_START ": JSON has no comments"},
        {"# a", 0, NO_START ": JSON has no comments"},
        {"[1,]", 3, "a trailing comma: no value comes after it"},
        {"{\"a\":}", 5, NO_START ": a comma or a colon has no value after it"},
        {"[,1]", 1, NO_START ": a comma or a colon has no value after it"},
        {"NaN", 0, NO_START ": JSON has neither NaN nor Infinity nor None"},
        {"Infinity", 0, NO_START ": JSON has neither NaN nor Infinity nor None"},
        {"\xEF\xBB\xBF{}", 0, "a byte order mark, or other text, where a value should start"},
        {"[1 2]", 3, "a comma or a closing bracket is missing"},
        {"{\"a\":1 \"b\":2}", 7, "a comma or a closing bracket is missing"},
        {"{\"a\" 1}", 5, "a colon is missing after a key"},
        {"{a:1}", 1, "an object's key must be a string, in double quotes"},
        {"{1:1}", 1, "an object's key must be a string, in double quotes"},
        {"{\"a\":1,}", 7, "a trailing comma: no member comes after it"},
        {"[1}", 2, "unexpected '}'"},
        {"{\"a\":1]", 6, "unexpected ']'"},
        {"\"\n\"", 1, "a string has a raw control character"},
        {"\"a\x1F\"", 2, "a string has a raw control character"},
        {"\"\\uD834\n\"", 7, "a string has a raw control character"},
        {"\"\\x41\"", 2, "a string has an unknown escape"},
        {"\"\\'\"", 2, "a string has an unknown escape"},
        {"\"\\uD834\\x\"", 8, "a string has an unknown escape"},
        {"\"\\u12g4\"", 5, "a \\u escape needs four hexadecimal digits"},
        {"\"\\u-123\"", 3, "a \\u escape needs four hexadecimal digits"},
        {"\"\x80\"", 1, "a string is not UTF-8"},
        {"\"\xC1\xBF\"", 1, "a string is not UTF-8"},
        {"\"\xF5\x80\x80\x80\"", 1, "a string is not UTF-8"},
        {"\"\xC3(\"", 2, "a string is not UTF-8"},
        {"\"\xE0\x9F\xBF\"", 2, "a string is not UTF-8"},
        {"\"\xED\xA0\x80\"", 2, "a string is not UTF-8"},
        {"\"\xF0\x8F\xBF\xBF\"", 2, "a string is not UTF-8"},
        {"\"\xF4\x90\x80\x80\"", 2, "a string is not UTF-8"},
        {"\"\xE2\x89\xC0\"", 3, "a string is not UTF-8"},
        {"01", 1, "a number has a leading zero"},
        {"-01", 2, "a number has a leading zero"},
        {"-a", 1, "a number is not complete"},
        {"[-]", 2, "a number is not complete"},
        {"[1.]", 3, "a number is not complete"},
        {"1.e1", 2, "a number is not complete"},
        {"[1e]", 3, "a number is not complete"},
        {"1e+-1", 3, "a number is not complete"},
    };
    struct json_scan state;
    size_t taken;

    for (size_t i = 0; i < COUNT(values); i++)
        for (int in_bytes = 0; in_bytes <= 1; in_bytes++) {
            unit_row(values[i].text);
            EQUAL(scan(&state, values[i].text, strlen(values[i].text), in_bytes, &taken),
                  JSON_FAULTY);
            EQUAL(taken, values[i].at);
            SAME(state.fault, values[i].fault);
        }
}

static void refuses_a_nul(void)
{
    struct json_scan state;
    size_t taken;

    EQUAL(scan(&state, "\"a\0\"", 4, false, &taken), JSON_FAULTY);
    SAME(state.fault, "a string has a raw control character");
    EQUAL(scan(&state, "\"\\\0\"", 4, false, &taken), JSON_FAULTY);
    SAME(state.fault, "a string has an unknown escape");
    EQUAL(scan(&state, "1\0", 2, false, &taken), JSON_COMPLETE);
    EQUAL(taken, 1);
}

static void ends_a_value_where_it_ends(void)
{
    static const struct {
        const char *text;
        size_t length;
    } values[] = {
        {"{} {}", 2}, {"[1]2", 3}, {"\"a\"\"b\"", 3}, {"true false", 4}, {"12 34", 2},
        {"1.5,", 3},  {"0]", 1},   {"1e3}", 3},       {"truefalse", 4},
    };
    struct json_scan state;
    size_t taken;

    for (size_t i = 0; i < COUNT(values); i++) {
        unit_row(values[i].text);
        EQUAL(scan(&state, values[i].text, strlen(values[i].text), false, &taken), JSON_COMPLETE);
        EQUAL(taken, values[i].length);
    }
}

static void has_a_number_complete_only_at_the_end(void)
{
    struct json_scan state;
    size_t taken;

    json_scan_start(&state);
    EQUAL(json_scan_feed(&state, "12", 2, &taken), JSON_UNFINISHED);
    EQUAL(taken, 2);
    EQUAL(json_scan_feed(&state, "3", 1, &taken), JSON_UNFINISHED);
    EQUAL(json_scan_feed(&state, " ", 1, &taken), JSON_COMPLETE);
    EQUAL(taken, 0);
}

/* Arrays or objects, one within the other. */
static void nest(char *text, unsigned depth, bool objects)
{
    *text = '\0';
    for (unsigned i = 0; i < depth; i++)
        (void)strcat(text, objects ? "{\"a\":" : "[");
    (void)strcat(text, "1");
    for (unsigned i = 0; i < depth; i++)
        (void)strcat(text, objects ? "}" : "]");
}

static void ends_nesting_at_a_depth(void)
{
    char text[(JSON_MAX_DEPTH + 1) * 6 + 2];
    struct json_scan state;
    size_t taken;

    for (int objects = 0; objects <= 1; objects++) {
        nest(text, JSON_MAX_DEPTH, objects);
        EQUAL(scan(&state, text, strlen(text), false, &taken), JSON_COMPLETE);
        nest(text, JSON_MAX_DEPTH + 1, objects);
        EQUAL(scan(&state, text, strlen(text), false, &taken), JSON_FAULTY);
        SAME(state.fault, "nested too deeply");
    }
}

int main(void)
{
    RUN(takes_what_rfc_8259_allows);
    RUN(refuses_what_rfc_8259_does_not_allow);
    RUN(refuses_a_nul);
    RUN(ends_a_value_where_it_ends);
    RUN(has_a_number_complete_only_at_the_end);
    RUN(ends_nesting_at_a_depth);
    return unit_end();
}
