#include "json/canonical.h"

#include "unit.h"

#include <cjson/cJSON.h>
#include <string.h>

struct pair {
    const char *a;
    const char *b;
};

static void compare(const struct pair *pairs, size_t count, const char *without,
                    enum json_numbers numbers, bool expected)
{
    for (size_t i = 0; i < count; i++) {
        char *a = json_canonical(pairs[i].a, strlen(pairs[i].a), without, numbers);
        char *b = json_canonical(pairs[i].b, strlen(pairs[i].b), without, numbers);

        unit_row(pairs[i].a);
        if (CHECK(a != NULL) && CHECK(b != NULL)) {
            if (expected)
                SAME(a, b);
            else
                CHECK(strcmp(a, b) != 0);
        }
        cJSON_free(a);
        cJSON_free(b);
    }
}

/* Alike in either way of comparing numbers. */
static const struct pair alike[] = {
    {"{}", " { } "},
    {"[1,2]", "[ 1 ,\n2 ]"},
    {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}"},
    {"{\"x\":{\"a\":[],\"b\":{}}}", "{\"x\":{\"b\":{},\"a\":[]}}"},
    {"[{\"a\":1,\"b\":2}]", "[{\"b\":2,\"a\":1}]"},
    {"\"a/b\"", "\"a\\/b\""},
    {"\"\xC3\xA9\"", "\"\\u00e9\""},
    {"\"\\u00E9\"", "\"\\u00e9\""},
    {"\"\xF0\x9D\x84\x9E\"", "\"\\uD834\\udd1e\""},
    {"\"A\\n\"", "\"\\u0041\\u000a\""},
    {"\"\\u0001\"", "\"\\u0001\""},
    {"\"\\ud83dx\"", "\"\\uD83Dx\""},
    {"{\"a\":1,\"a\":2}", "{ \"a\":1,\"a\":2}"},
};

/* Different in either. */
static const struct pair different[] = {
    {"1", "2"},
    {"1", "\"1\""},
    {"\"n1\"", "1"},
    {"\"s1\"", "\"1\""},
    {"null", "\"null\""},
    {"[]", "{}"},
    {"[1,2]", "[2,1]"},
    {"{\"a\":1}", "{\"A\":1}"},
    {"{\"a\":1}", "{\"a\":1,\"b\":null}"},
    {"{\"a\":1,\"a\":2}", "{\"a\":2,\"a\":1}"},
    {"\"\\u0000\"", "\"\\u0001\""},
    {"\"\\u0000\"", "\"\\u0001\\u0001\""},
    {"\"\\u0001\"", "\"\\u0001\\u0001\""},
    {"\"\\u0000\"", "\"\\u00010000\""},
    {"\"\\ud800\"", "\"\\ud801\""},
    {"\"\\ud800\"", "\"\\u001a\""},
    {"\"a\\u0000b\"", "\"a\\u0000c\""},
    {"12345678901234567890", "12345678901234567891"},
    {"0.1", "0.10000000000000000001"},
    {"1e999", "1e998"},
};

/* Alike by value only. */
static const struct pair alike_by_value[] = {
    {"1", "1.0"}, {"1", "10e-1"}, {"0", "-0"}, {"100", "1E2"}, {"[0.50]", "[5e-1]"},
};

static void finds_equal_content(void)
{
    compare(alike, COUNT(alike), NULL, JSON_NUMBERS_AS_WRITTEN, true);
    compare(alike, COUNT(alike), NULL, JSON_NUMBERS_BY_VALUE, true);
    compare(alike_by_value, COUNT(alike_by_value), NULL, JSON_NUMBERS_BY_VALUE, true);
}

static void finds_what_differs(void)
{
    compare(different, COUNT(different), NULL, JSON_NUMBERS_AS_WRITTEN, false);
    compare(different, COUNT(different), NULL, JSON_NUMBERS_BY_VALUE, false);
    compare(alike_by_value, COUNT(alike_by_value), NULL, JSON_NUMBERS_AS_WRITTEN, false);
}

static void leaves_a_member_out(void)
{
    static const struct pair but_for_the_id[] = {
        {"{\"id\":1,\"a\":2}", "{\"a\":2}"},
        {"{\"id\":1,\"a\":2}", "{\"a\":2,\"id\":{\"b\":3}}"},
    };
    static const struct pair in_more[] = {
        {"{\"id\":1,\"a\":2}", "{\"id\":1,\"a\":3}"},
        {"{\"x\":{\"id\":1}}", "{\"x\":{\"id\":2}}"},
        {"{\"ID\":1}", "{\"ID\":2}"},
    };

    compare(but_for_the_id, COUNT(but_for_the_id), "id", JSON_NUMBERS_BY_VALUE, true);
    compare(in_more, COUNT(in_more), "id", JSON_NUMBERS_BY_VALUE, false);
}

static void refuses_what_is_not_json(void)
{
    SAME(json_canonical("{", 1, NULL, JSON_NUMBERS_BY_VALUE), NULL);
    SAME(json_canonical("1 2", 3, NULL, JSON_NUMBERS_BY_VALUE), NULL);
}

int main(void)
{
    RUN(finds_equal_content);
    RUN(finds_what_differs);
    RUN(leaves_a_member_out);
    RUN(refuses_what_is_not_json);
    return unit_end();
}
