#include "json/json.h"

#include "unit.h"

#include "json/scan.h"

#include <stdlib.h>
#include <string.h>

static cJSON *parse_any(const char *text, size_t len)
{
    unsigned traits;
    size_t at;

    return json_check(text, len, &traits, &at) == NULL ? json_parse_scanned(text, len, traits)
                                                       : NULL;
}

static void checks_a_whole_text(void)
{
    static const struct {
        const char *text;
        const char *reason;
        size_t at;
    } texts[] = {
        {"{}", NULL, 2},
        {" [1] \t\r\n", NULL, 8},
        {"12", NULL, 2},
        {"", "the input ends within a value", 0},
        {"{}{}", "something follows the value", 2},
        {"1 2", "something follows the value", 2},
        {"[1,]", "a trailing comma: no value comes after it", 3},
    };
    unsigned traits;
    size_t at;

    for (size_t i = 0; i < COUNT(texts); i++) {
        unit_row(texts[i].text);
        SAME(json_check(texts[i].text, strlen(texts[i].text), &traits, &at), texts[i].reason);
        EQUAL(at, texts[i].at);
    }
    SAME(json_check("1.5", 3, &traits, &at), NULL);
    EQUAL(traits, JSON_INEXACT);
}

static void parses_what_all_read_alike(void)
{
    static const char nine[] =
        "{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9}";
    const char *reason;
    cJSON *tree = json_parse("{\"a\":{\"b\":1},\"c\":{\"b\":2}}", 25, &reason);

    CHECK(tree != NULL);
    SAME(reason, NULL);
    cJSON_Delete(tree);
    tree = json_parse(nine, sizeof nine - 1, &reason);
    CHECK(tree != NULL);
    cJSON_Delete(tree);
}

static void refuses_what_is_read_differently(void)
{
    static const struct {
        const char *text;
        const char *reason;
    } texts[] = {
        {"{\"a\":1,\"a\":2}", "an object has the same key twice"},
        {"[{\"x\":{\"a\":1,\"b\":2,\"a\":3}}]", "an object has the same key twice"},
        {"{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9,\"c\":0}",
         "an object has the same key twice"},
        {"\"\\u0000\"", "a string has the escape of NUL, or half of a surrogate pair"},
        {"[\"\\ud800\"]", "a string has the escape of NUL, or half of a surrogate pair"},
        {"01", "a number has a leading zero"},
    };
    const char *reason;

    for (size_t i = 0; i < COUNT(texts); i++) {
        unit_row(texts[i].text);
        CHECK(json_parse(texts[i].text, strlen(texts[i].text), &reason) == NULL);
        SAME(reason, texts[i].reason);
    }
}

static void parses_anything_liberally(void)
{
    static const char text[] =
        "{\"a\":1,\"a\":2,\"nul\":\"x\\u0000y\",\"half\":\"x\\ud800y\",\"low\":\"\\udc00\"}";
    cJSON *tree = parse_any(text, sizeof text - 1);
    const cJSON *member;

    if (!CHECK(tree != NULL))
        return;
    SAME(json_member_text(tree, "nul"), "x\001y");
    SAME(json_member_text(tree, "half"), "x\x1Ay");
    SAME(json_member_text(tree, "low"), "\x1A");
    CHECK(!json_member_once(tree, "a", &member));
    CHECK(json_member_once(tree, "nul", &member) && cJSON_IsString(member));
    CHECK(json_member_once(tree, "NUL", &member) && member == NULL);
    CHECK(json_member_once(tree, "nu", &member) && member == NULL);
    CHECK(json_member_once(tree, "null", &member) && member == NULL);
    cJSON_Delete(tree);
    CHECK(parse_any("{", 1) == NULL);
}

static void finds_members_by_their_exact_name(void)
{
    const char *reason;
    cJSON *tree = json_parse("{\"Sku\":1,\"sku\":\"x\",\"n\":2}", 25, &reason);
    const cJSON *member;

    EQUAL(cJSON_GetNumberValue(json_member(tree, "Sku")), 1);
    SAME(json_member_text(tree, "sku"), "x");
    SAME(json_member_text(tree, "Sku"), NULL);
    SAME(json_member_text(tree, "SKU"), NULL);
    SAME(json_member_text(NULL, "sku"), NULL);
    CHECK(json_member_once(json_member(tree, "n"), "sku", &member) && member == NULL);
    cJSON_Delete(tree);
}

static void reads_integers_by_their_digits(void)
{
    static const struct {
        const char *text;
        bool taken;
        int64_t integer;
    } numbers[] = {
        {"1", true, 1},
        {"10", true, 10},
        {"1.0", true, 1},
        {"10e-1", true, 1},
        {"0", false, 0},
        {"11", false, 0},
        {"-1", false, 0},
        {"1.5", false, 0},
        {"0.99999999999999999999", false, 0},
        {"1.00000000000000000000000000000000000000000000000000000000000000000", true, 1},
        {"1.00000000000000000000000000000000000000000000000000000000000000001", false, 0},
        {"1e999", false, 0},
        {"\"1\"", false, 0},
        {"null", false, 0},
    };
    const char *reason;
    int64_t integer;

    for (size_t i = 0; i < COUNT(numbers); i++) {
        cJSON *tree = json_parse(numbers[i].text, strlen(numbers[i].text), &reason);

        unit_row(numbers[i].text);
        EQUAL(json_integer(tree, 1, 10, &integer), numbers[i].taken);
        if (numbers[i].taken)
            EQUAL(integer, numbers[i].integer);
        cJSON_Delete(tree);
    }
    CHECK(!json_integer(NULL, 0, 10, &integer));
}

static void keeps_the_text_of_inexact_numbers(void)
{
    static const char text[] =
        "{\"-1 \\\" 2\":[1.5,\"3\",{\"b\":-2e3}],\"c\":12345678901234567890}";
    const char *reason;
    cJSON *tree = json_parse(text, sizeof text - 1, &reason);
    const cJSON *list = json_member(tree, "-1 \" 2");

    if (!CHECK(tree != NULL))
        return;
    SAME(cJSON_GetArrayItem(list, 0)->valuestring, "1.5");
    SAME(json_member(cJSON_GetArrayItem(list, 2), "b")->valuestring, "-2e3");
    SAME(json_member(tree, "c")->valuestring, "12345678901234567890");
    cJSON_Delete(tree);
}

static void compacts_and_shows(void)
{
    static const struct {
        const char *text;
        const char *compact;
        const char *shown;
    } texts[] = {
        {"{ \"a b\" :\t[ 1 ,\r\n2 ] }", "{\"a b\":[1,2]}", "{ \"a b\" : [ 1 ,  2 ] }"},
        {"\"\\\" x\"", "\"\\\" x\"", "\"\\\" x\""},
        {"\"\\\\\" ", "\"\\\\\"", "\"\\\\\" "},
        {"\"\x7F\xC2\x85\xE2\x80\xAE\xC3\xBC\"", "\"\x7F\xC2\x85\xE2\x80\xAE\xC3\xBC\"",
         "\"\\u007f\\u0085\\u202e\xC3\xBC\""},
    };

    for (size_t i = 0; i < COUNT(texts); i++) {
        char text[64];
        size_t len = strlen(texts[i].text);
        size_t shown_len;
        char *shown = json_shown(texts[i].text, len, &shown_len);

        memcpy(text, texts[i].text, len);
        len = json_compact(text, len);
        SAME_BYTES(text, len, texts[i].compact, strlen(texts[i].compact));
        SAME(shown, texts[i].shown);
        EQUAL(shown_len, strlen(texts[i].shown));
        free(shown);
    }
}

static void finds_the_text_of_a_member(void)
{
    static const struct {
        const char *text;
        const char *value;
    } objects[] = {
        {"{\"body\":1}", "1"},
        {"{\"a\":{\"body\":2},\"body\": [1, {\"x\":\"}\"}] ,\"b\":0}", "[1, {\"x\":\"}\"}]"},
        {"{\"a\":\"\\\"body\\\":3\",\"body\":\"a,\\\"b\"}", "\"a,\\\"b\""},
        {"{\"bod\":1,\"bodyy\":2}", NULL},
        {"{\"bod\\u0079\":1}", NULL},
        {"{}", NULL},
        {"{ }", NULL},
        {"[]", NULL},
    };

    for (size_t i = 0; i < COUNT(objects); i++) {
        size_t len = 0;
        const char *value = json_member_raw(objects[i].text, strlen(objects[i].text), "body", &len);

        unit_row(objects[i].text);
        if (objects[i].value == NULL)
            SAME(value, NULL);
        else if (CHECK(value != NULL))
            SAME_BYTES(value, len, objects[i].value, strlen(objects[i].value));
    }
}

static void sorts_the_members_of_an_object(void)
{
    static const char unsorted[] = "{\"b\":1,\"a\":2,\"b\":3,\"B\":4,\"\":5}";
    cJSON *tree = parse_any(unsorted, sizeof unsorted - 1);
    cJSON *empty = parse_any("{}", 2);
    char *text;

    json_sort_object(tree);
    json_sort_object(empty);
    text = json_print(tree);
    SAME(text, "{\"\":5,\"B\":4,\"a\":2,\"b\":1,\"b\":3}");
    cJSON_free(text);
    /* cJSON appends by the link from the first to the last. */
    CHECK(tree->child->prev->valuedouble == 3);
    cJSON_Delete(tree);
    cJSON_Delete(empty);
}

int main(void)
{
    RUN(checks_a_whole_text);
    RUN(parses_what_all_read_alike);
    RUN(refuses_what_is_read_differently);
    RUN(parses_anything_liberally);
    RUN(finds_members_by_their_exact_name);
    RUN(reads_integers_by_their_digits);
    RUN(keeps_the_text_of_inexact_numbers);
    RUN(compacts_and_shows);
    RUN(finds_the_text_of_a_member);
    RUN(sorts_the_members_of_an_object);
    return unit_end();
}
