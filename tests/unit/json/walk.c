#include "json/walk.h"

#include "unit.h"

#include <stdio.h>
#include <string.h>

static void finds_members(void)
{
    static const struct {
        const char *object;
        const char *value; /* the rest of the text from the value on */
        bool is_twice;
    } rows[] = {
        {"{}", NULL, false},
        {"{ }", NULL, false},
        {"{\"sku\":1}", "1}", false},
        {"{ \"sku\" : 1 }", "1 }", false},
        {"{\"a\":{\"sku\":2},\"sku\":3}", "3}", false},
        {"{\"a\":[\"]\",\"\\\"\"] , \"sku\":4}", "4}", false},
        {"{\"a\":\"\\\\\",\"sku\":5}", "5}", false},
        {"{\"a\":\"x\\\",\\\"sku\\\":6\"}", NULL, false},
        {"{\"sk\":1,\"skus\":2,\"\":3,\"Sku\":4}", NULL, false},
        {"{\"sku\":1,\"sku\":2}", "1,\"sku\":2}", true},
        {"{\"sku\":1,\"a\":2,\"sku\":3,\"sku\":4}", "1,\"a\":2,\"sku\":3,\"sku\":4}", true},
        {"{\"s\\u006Bu\":7}", "7}", false},
        {"{\"\\u0073\\u006b\\u0075\":8,\"sku\":9}", "8,\"sku\":9}", true},
        {"{\"sku\\u0000\":1}", NULL, false},
        {"{\"sku\":\"x\"}", "\"x\"}", false},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct json_field fields[] = {{.name = "qty"}, {.name = "sku", .value = "old"}};

        unit_row(rows[i].object);
        json_walk_object(rows[i].object, fields, COUNT(fields));
        SAME(fields[0].value, NULL);
        SAME(fields[1].value, rows[i].value);
        EQUAL(fields[1].is_twice, rows[i].is_twice);
    }
}

/* A key with escapes takes up to six bytes for one; a longer one has no such name. */
static void finds_long_names(void)
{
    char object[1024];
    struct json_field field = {.name = "abcdefghijklmnopqrstuvwxyz012345"};

    (void)strcpy(object, "{\"");
    for (size_t i = 0; i < JSON_FIELD_MAX; i++)
        (void)snprintf(object + strlen(object), 7, "\\u00%02x", (unsigned)field.name[i]);
    (void)strcat(object, "\":1,\"\\u0061");
    for (size_t i = 0; i < 300; i++)
        (void)strcat(object, "x");
    (void)strcat(object, "\":2}");
    json_walk_object(object, &field, 1);
    if (CHECK(field.value != NULL))
        EQUAL(field.value[0], '1');
    CHECK(!field.is_twice);
}

static void steps_over_elements(void)
{
    static const struct {
        const char *array;
        int elements;
        const char *last; /* the rest of the text from the last element on */
    } rows[] = {
        {"[]", 0, NULL},
        {"[ ]", 0, NULL},
        {"[1]", 1, "1]"},
        {"[ 1 , 2 ]", 2, "2 ]"},
        {"[[1,2],[]]", 2, "[]]"},
        {"[\"]\",{\"a\":[\"}\"]},-1.5e3]", 3, "-1.5e3]"},
        {"[null,true,false\n]", 3, "false\n]"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *last = NULL;
        int elements = 0;

        unit_row(rows[i].array);
        for (const char *at = json_walk_element(rows[i].array); at != NULL;
             at = json_walk_element(json_walk_past(at))) {
            last = at;
            elements++;
        }
        EQUAL(elements, rows[i].elements);
        SAME(last, rows[i].last);
    }
}

static void decodes_strings(void)
{
    static const struct {
        const char *string;
        const char *text;
    } rows[] = {
        {"\"\",", ""},
        {"\"plain\",", "plain"},
        {"\"a\\\"b\\\\\\/\\n\",", "a\"b\\/\n"},
        {"\"\\u00fc\\ud83c\\udf55\",", "\xC3\xBC\xF0\x9F\x8D\x95"},
        {"\"\xC3\xBC\",", "\xC3\xBC"},
        {"\"a\\u0000b\",", "a\001b"},
        {"\"\\ud83cx\",", "\x1Ax"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[64];

        unit_row(rows[i].string);
        EQUAL(json_walk_text(rows[i].string, text) - text, strlen(rows[i].text));
        SAME(text, rows[i].text);
    }
}

int main(void)
{
    RUN(finds_members);
    RUN(finds_long_names);
    RUN(steps_over_elements);
    RUN(decodes_strings);
    return unit_end();
}
