#include "amqp/queue_traits.h"

#include "unit.h"

#include <string.h>

static const struct queue_traits harmless = {
    .exists = true, .type = QUEUE_CLASSIC, .limit = QUEUE_NO_LIMIT, .presumed = QUEUE_NO_LIMIT};

static void knows_types(void)
{
    struct queue_traits traits = harmless;

    queue_traits_set_type(&traits, "quorum");
    EQUAL(traits.type, QUEUE_QUORUM);
    queue_traits_set_type(&traits, "stream");
    EQUAL(traits.type, QUEUE_STREAM);
    queue_traits_set_type(&traits, "classic");
    EQUAL(traits.type, QUEUE_CLASSIC);
    traits.type = QUEUE_TYPE_UNKNOWN;
    queue_traits_set_type(&traits, "mqtt-qos0");
    EQUAL(traits.type, QUEUE_TYPE_UNKNOWN);
}

static void knows_which_brokers_limit_by_default(void)
{
    CHECK(!queue_has_default_limit(0));
    CHECK(!queue_has_default_limit(3));
    CHECK(queue_has_default_limit(4));
    CHECK(queue_has_default_limit(5));
}

static void reckons_with_the_known_limit_or_else_the_presumed(void)
{
    static const struct {
        long limit;
        long presumed;
        long expected;
    } rows[] = {{QUEUE_NO_LIMIT, QUEUE_NO_LIMIT, QUEUE_NO_LIMIT},
                {QUEUE_NO_LIMIT, 20, 20},
                {0, 20, 0},
                {5, QUEUE_NO_LIMIT, 5}};

    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct queue_traits traits = {.limit = rows[i].limit, .presumed = rows[i].presumed};

        EQUAL(queue_traits_limit(&traits), rows[i].expected);
    }
}

static void permits_a_look_that_changes_nothing(void)
{
    static const struct {
        const char *name;
        struct queue_traits traits;
        enum queue_access way;
        enum exit_code code; /* EXIT_OK if a row says nothing else; so is the next */
        enum exit_code forced;
        const char *reason; /* a part of it, if there is any */
    } rows[] = {
        {"a classic queue", {.type = QUEUE_CLASSIC, .limit = -1}, .way = QUEUE_BY_CONSUMING},
        {"a quorum queue without a limit",
         {.type = QUEUE_QUORUM, .limit = -1},
         .way = QUEUE_BY_GET},
        {"a presumed limit",
         {.type = QUEUE_TYPE_UNKNOWN, .limit = -1, .presumed = 20},
         .way = QUEUE_BY_GET},
        {"a limit",
         {.type = QUEUE_QUORUM, .limit = 20},
         .way = QUEUE_BY_GET,
         .code = EXIT_TOPOLOGY,
         .reason = "has a delivery limit of 20"},
        {"a limit of none",
         {.type = QUEUE_QUORUM, .limit = 0},
         .way = QUEUE_BY_CONSUMING,
         .code = EXIT_TOPOLOGY,
         .reason = "has a delivery limit of 0"},
        {"a stream", {.type = QUEUE_STREAM, .limit = -1}, .way = QUEUE_BY_GET},
        {"a stream, as a consumer",
         {.type = QUEUE_STREAM, .limit = -1},
         .way = QUEUE_BY_CONSUMING,
         .code = EXIT_TOPOLOGY,
         .forced = EXIT_TOPOLOGY,
         .reason = "is a stream"},
        {"auto-delete, by get", {.limit = -1, .auto_delete = true}, .way = QUEUE_BY_GET},
        {"auto-delete",
         {.limit = -1, .auto_delete = true},
         .way = QUEUE_BY_CONSUMING,
         .code = EXIT_TOPOLOGY,
         .reason = "is auto-delete"},
        {"auto-delete, with others",
         {.limit = -1, .auto_delete = true, .consumers = 1},
         .way = QUEUE_BY_CONSUMING},
        {"delayed retries",
         {.limit = -1, .delays = true},
         .way = QUEUE_BY_GET,
         .code = EXIT_TOPOLOGY,
         .reason = "delays what comes back"},
        {"no word of the API",
         {.limit = -1, .limit_fault = EXIT_UNREACHABLE},
         .way = QUEUE_BY_GET,
         .code = EXIT_UNREACHABLE},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *said;

        unit_row(rows[i].name);
        EQUAL(queue_traits_permit(&rows[i].traits, "a\nqueue", rows[i].way, false), rows[i].code);
        said = unit_captured(2);
        CHECK(rows[i].reason == NULL ? *said == '\0' : strstr(said, rows[i].reason) != NULL);
        CHECK(*said == '\0' || strncmp(said, "order-tools: queue 'a\\x0aqueue' ", 32) == 0);
        EQUAL(queue_traits_permit(&rows[i].traits, "a\nqueue", rows[i].way, true), rows[i].forced);
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
