#include "message/integer.h"

#include "unit.h"

#include "json/json.h"

#include <string.h>

static void knows_the_kinds(void)
{
    /* AMQP 0-9-1, 4.2.1, with the letters that RabbitMQ has. */
    static const struct {
        const char *name;
        uint8_t letter;
        int64_t least;
        uint64_t most;
    } kinds[] = {
        {"int8", 'b', -128, 127},
        {"uint8", 'B', 0, 255},
        {"int16", 's', -32768, 32767},
        {"uint16", 'u', 0, 65535},
        {"int32", 'I', -2147483648, 2147483647},
        {"uint32", 'i', 0, 4294967295},
        {"int64", 'l', INT64_MIN, 9223372036854775807U},
        {"uint64", 'L', 0, 18446744073709551615U},
        {"timestamp", 'T', 0, 18446744073709551615U},
    };

    for (size_t i = 0; i < COUNT(kinds); i++) {
        const struct integer_kind *kind = integer_kind_named(kinds[i].name);

        unit_row(kinds[i].name);
        if (!CHECK(kind != NULL))
            continue;
        CHECK(integer_kind_of(kinds[i].letter) == kind);
        EQUAL(kind->kind, kinds[i].letter);
        EQUAL(kind->least, kinds[i].least);
        EQUAL(kind->most, kinds[i].most);
    }
    CHECK(integer_kind_named("int128") == NULL);
    CHECK(integer_kind_of('S') == NULL);
}

/* Each kind at its ends: to its value, to JSON and back. */
static void converts_values(void)
{
    static const struct {
        const char *name;
        const char *json;
        int64_t integer;
    } rows[] = {
        {"int8", "-128", -128},
        {"int8", "127", 127},
        {"uint8", "255", 255},
        {"int16", "-32768", -32768},
        {"uint16", "65535", 65535},
        {"int32", "-2147483648", -2147483648},
        {"uint32", "4294967295", 4294967295},
        {"int64", "0", 0},
        {"int64", "9007199254740991", 9007199254740991},
        {"int64", "-9007199254740991", -9007199254740991},
        {"int64", "\"9007199254740992\"", 9007199254740992},
        {"int64", "\"-9007199254740992\"", -9007199254740992},
        {"int64", "\"9223372036854775807\"", INT64_MAX},
        {"int64", "\"-9223372036854775808\"", INT64_MIN},
        {"uint64", "9007199254740991", 9007199254740991},
        {"uint64", "\"9007199254740992\"", 9007199254740992},
        {"uint64", "\"9223372036854775808\"", INT64_MAX},
        {"uint64", "\"18446744073709551615\"", INT64_MAX},
        {"timestamp", "1769903999", 1769903999},
        {"timestamp", "\"18446744073709551615\"", INT64_MAX},
    };
    const char *reason;

    for (size_t i = 0; i < COUNT(rows); i++) {
        cJSON *json = json_parse(rows[i].json, strlen(rows[i].json), &reason);
        amqp_field_value_t value;
        int64_t integer = 0;
        cJSON *again;
        char *text;

        unit_row(rows[i].json);
        if (CHECK(integer_value_from_json(json, integer_kind_named(rows[i].name), &value))) {
            EQUAL(value.kind, integer_kind_named(rows[i].name)->kind);
            CHECK(integer_of(&value, &integer));
            EQUAL(integer, rows[i].integer);
            again = integer_value_to_json(&value);
            text = json_print(again);
            SAME(text, rows[i].json);
            cJSON_free(text);
            cJSON_Delete(again);
        }
        cJSON_Delete(json);
    }
}

static void refuses_what_is_out_of_range_or_no_integer(void)
{
    static const struct {
        const char *name;
        const char *json;
    } rows[] = {
        {"int8", "-129"},
        {"int8", "128"},
        {"int8", "\"128\""},
        {"int8", "\"-129\""},
        {"uint8", "-1"},
        {"uint8", "\"-1\""},
        {"uint8", "256"},
        {"uint32", "4294967296"},
        {"int64", "9007199254740992"},
        {"int64", "-9007199254740992"},
        {"int64", "\"9223372036854775808\""},
        {"int64", "\"-9223372036854775809\""},
        {"uint64", "\"18446744073709551616\""},
        {"uint64", "\"-18446744073709551615\""},
        {"int64", "1.5"},
        {"int64", "\"1.5\""},
        {"int64", "\"\""},
        {"int64", "\"-\""},
        {"int64", "\"--1\""},
        {"int64", "\"+1\""},
        {"int64", "\" 1\""},
        {"int64", "\"1 \""},
        {"int64", "\"0x10\""},
        {"int64", "true"},
        {"int64", "null"},
        {"int64", "[1]"},
    };
    const char *reason;
    amqp_field_value_t value;

    for (size_t i = 0; i < COUNT(rows); i++) {
        cJSON *json = json_parse(rows[i].json, strlen(rows[i].json), &reason);

        unit_row(rows[i].json);
        CHECK(!integer_value_from_json(json, integer_kind_named(rows[i].name), &value));
        cJSON_Delete(json);
    }
    CHECK(!integer_value_from_json(NULL, integer_kind_named("int8"), &value));
}

static void takes_numbers_written_in_other_ways(void)
{
    static const char *const texts[] = {"5", "5.0", "50e-1", "0.5e1", "\"5\"", "\"005\""};
    const char *reason;
    uint64_t integer;

    for (size_t i = 0; i < COUNT(texts); i++) {
        cJSON *json = json_parse(texts[i], strlen(texts[i]), &reason);

        unit_row(texts[i]);
        integer = 0;
        CHECK(integer_from_json(json, 0, 10, &integer));
        EQUAL(integer, 5);
        cJSON_Delete(json);
    }
}

static void refuses_values_of_other_kinds(void)
{
    const amqp_field_value_t text = {.kind = AMQP_FIELD_KIND_UTF8};
    const amqp_field_value_t number = {.kind = AMQP_FIELD_KIND_F64};
    int64_t integer;

    CHECK(!integer_of(&text, &integer));
    CHECK(!integer_of(&number, &integer));
}

int main(void)
{
    RUN(knows_the_kinds);
    RUN(converts_values);
    RUN(refuses_what_is_out_of_range_or_no_integer);
    RUN(takes_numbers_written_in_other_ways);
    RUN(refuses_values_of_other_kinds);
    return unit_end();
}
