#include "amqp/look.h"

#include "unit.h"

#include <string.h>

static const struct look harmless = {
    .exists = true, .type = LOOK_CLASSIC, .limit = LOOK_NO_LIMIT, .presumed = LOOK_NO_LIMIT};

static void knows_types(void)
{
    struct look look = harmless;

    look_set_type(&look, "quorum");
    EQUAL(look.type, LOOK_QUORUM);
    look_set_type(&look, "stream");
    EQUAL(look.type, LOOK_STREAM);
    look_set_type(&look, "classic");
    EQUAL(look.type, LOOK_CLASSIC);
    look.type = LOOK_UNKNOWN;
    look_set_type(&look, "mqtt-qos0");
    EQUAL(look.type, LOOK_UNKNOWN);
}

static void knows_which_brokers_limit_by_default(void)
{
    CHECK(!look_has_default_limit(0));
    CHECK(!look_has_default_limit(3));
    CHECK(look_has_default_limit(4));
    CHECK(look_has_default_limit(5));
}

static void reckons_with_the_known_limit_or_else_the_presumed(void)
{
    static const struct {
        long limit;
        long presumed;
        long expected;
    } rows[] = {{LOOK_NO_LIMIT, LOOK_NO_LIMIT, LOOK_NO_LIMIT},
                {LOOK_NO_LIMIT, 20, 20},
                {0, 20, 0},
                {5, LOOK_NO_LIMIT, 5}};

    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct look look = {.limit = rows[i].limit, .presumed = rows[i].presumed};

        EQUAL(look_limit(&look), rows[i].expected);
    }
}

static void permits_a_look_that_changes_nothing(void)
{
    static const struct {
        const char *name;
        struct look look;
        enum look_way way;
        enum exit_code code;
        enum exit_code forced;
        const char *reason; /* a part of it */
    } rows[] = {
        {"a classic queue",
         {.type = LOOK_CLASSIC, .limit = -1},
         LOOK_BY_CONSUMING,
         EXIT_OK,
         EXIT_OK,
         ""},
        {"a quorum queue without a limit",
         {.type = LOOK_QUORUM, .limit = -1},
         LOOK_BY_GET,
         EXIT_OK,
         EXIT_OK,
         ""},
        {"a presumed limit",
         {.type = LOOK_UNKNOWN, .limit = -1, .presumed = 20},
         LOOK_BY_GET,
         EXIT_OK,
         EXIT_OK,
         ""},
        {"a limit",
         {.type = LOOK_QUORUM, .limit = 20},
         LOOK_BY_GET,
         EXIT_TOPOLOGY,
         EXIT_OK,
         "has a delivery limit of 20"},
        {"a limit of none",
         {.type = LOOK_QUORUM, .limit = 0},
         LOOK_BY_CONSUMING,
         EXIT_TOPOLOGY,
         EXIT_OK,
         "has a delivery limit of 0"},
        {"a stream", {.type = LOOK_STREAM, .limit = -1}, LOOK_BY_GET, EXIT_OK, EXIT_OK, ""},
        {"a stream, as a consumer",
         {.type = LOOK_STREAM, .limit = -1},
         LOOK_BY_CONSUMING,
         EXIT_TOPOLOGY,
         EXIT_TOPOLOGY,
         "is a stream"},
        {"auto-delete, by get",
         {.limit = -1, .auto_delete = true},
         LOOK_BY_GET,
         EXIT_OK,
         EXIT_OK,
         ""},
        {"auto-delete",
         {.limit = -1, .auto_delete = true},
         LOOK_BY_CONSUMING,
         EXIT_TOPOLOGY,
         EXIT_OK,
         "is auto-delete"},
        {"auto-delete, with others",
         {.limit = -1, .auto_delete = true, .consumers = 1},
         LOOK_BY_CONSUMING,
         EXIT_OK,
         EXIT_OK,
         ""},
        {"delayed retries",
         {.limit = -1, .delays = true},
         LOOK_BY_GET,
         EXIT_TOPOLOGY,
         EXIT_OK,
         "delays what comes back"},
        {"no word of the API",
         {.limit = -1, .limit_fault = EXIT_UNREACHABLE},
         LOOK_BY_GET,
         EXIT_UNREACHABLE,
         EXIT_OK,
         ""},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *said;

        unit_row(rows[i].name);
        EQUAL(look_permit(&rows[i].look, "a\nqueue", rows[i].way, false), rows[i].code);
        said = unit_captured(2);
        CHECK(*rows[i].reason == '\0' ? *said == '\0' : strstr(said, rows[i].reason) != NULL);
        CHECK(*said == '\0' || strncmp(said, "order-tools: queue 'a\\x0aqueue' ", 32) == 0);
        EQUAL(look_permit(&rows[i].look, "a\nqueue", rows[i].way, true), rows[i].forced);
        (void)unit_captured(2);
    }
}

int main(void)
{
    unit_capture(2);
    RUN(knows_types);
    RUN(knows_which_brokers_limit_by_default);
    RUN(reckons_with_the_known_limit_or_else_the_presumed);
    RUN(permits_a_look_that_changes_nothing);
    return unit_end();
}
