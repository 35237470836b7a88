#include "json/walk.h"

#include "unit.h"

#include "json/json.h"

#include <string.h>

static void finds_fields_in_one_pass(void)
{
    static const char text[] =
        "{ \"a\" : 1 , \"x\":{\"b\":[\"}\",\"\\\"]\"]}, \"b\":\"two\",\"a\":3}, ";
    struct json_field fields[] = {{.name = "a"}, {.name = "b"}, {.name = "c"}};
    const char *end = json_walk_object(text, fields, COUNT(fields));

    SAME(end, ", ");
    EQUAL(*fields[0].value, '1');
    CHECK(fields[0].is_twice);
    CHECK(strncmp(fields[1].value, "\"two\"", 5) == 0 && !fields[1].is_twice);
    CHECK(fields[2].value == NULL && !fields[2].is_twice);
}

static void finds_names_written_with_escapes(void)
{
    static const char text[] =
        "{\"\\u0073\\u006bu\":1,\"sk\":2,\"skus\":3,\"\":4,\"s\\u0000ku\":5}";
    struct json_field fields[] = {{.name = "sku"}, {.name = "sk"}};

    (void)json_walk_object(text, fields, COUNT(fields));
    EQUAL(*fields[0].value, '1');
    CHECK(!fields[0].is_twice);
    EQUAL(*fields[1].value, '2');
}

static void walks_empty_objects_and_arrays(void)
{
    struct json_field field = {.name = "a"};

    SAME(json_walk_object("{ }]", &field, 1), "]");
    CHECK(field.value == NULL);
    CHECK(json_walk_element("[ ]") == NULL);
}

static void walks_elements_to_their_ends(void)
{
    static const char *const elements[] = {"1.5e3", "\"a]\\\\\"", "[[],{}]", "{\"b\":[0]}", "null"};
    const char *at = "[1.5e3 ,\"a]\\\\\", [[],{}],{\"b\":[0]},\nnull]";
    size_t count = 0;

    while ((at = json_walk_element(at)) != NULL && count < COUNT(elements)) {
        const char *end = json_walk_past(at);

        SAME_BYTES(at, (size_t)(end - at), elements[count], strlen(elements[count]));
        at = end;
        count++;
    }
    EQUAL(count, COUNT(elements));
}

static void decodes_strings(void)
{
    static const struct {
        const char *string;
        const char *text;
    } rows[] = {
        {"\"\",", ""},
        {"\"plain\"", "plain"},
        {"\"a\\\"b\\\\c\\/\\n\"", "a\"b\\c/\n"},
        {"\"\\u00fc\\ud83d\\ude00\"", "\xC3\xBC\xF0\x9F\x98\x80"},
        {"\"a\\u0000b\\ud800c\"", "a\x01"
                                  "b\x1A"
                                  "c"},
    };
    char text[64];

    for (size_t i = 0; i < COUNT(rows); i++) {
        unit_row(rows[i].string);
        EQUAL(json_walk_text(rows[i].string, text) - text, strlen(rows[i].text));
        SAME(text, rows[i].text);
    }
}

int main(void)
{
    RUN(finds_fields_in_one_pass);
    RUN(finds_names_written_with_escapes);
    RUN(walks_empty_objects_and_arrays);
    RUN(walks_elements_to_their_ends);
    RUN(decodes_strings);
    return unit_end();
}
