#include "queue-inspect/managed_traits.h"

#include "unit.h"

#include "json/json.h"

#include <string.h>

static void check_limit(const char *description, long limit, bool is_said)
{
    const char *reason;
    cJSON *queue = json_parse(description, strlen(description), &reason);
    bool said = !is_said;

    unit_row(description);
    CHECK(queue != NULL);
    EQUAL(managed_traits_limit(queue, &said), limit);
    EQUAL(said, is_said);
    cJSON_Delete(queue);
}

static void finds_the_lower_of_two_limits(void)
{
    check_limit("{\"arguments\": {\"x-delivery-limit\": 5}}", 5, true);
    check_limit("{\"effective_policy_definition\": {\"delivery-limit\": 0}}", 0, true);
    check_limit("{\"arguments\": {\"x-delivery-limit\": 5},"
                " \"effective_policy_definition\": {\"delivery-limit\": 4}}",
                4, true);
    check_limit("{\"arguments\": {\"x-delivery-limit\": 5},"
                " \"effective_policy_definition\": {\"delivery-limit\": 6}}",
                5, true);
}

static void takes_a_negative_number_for_no_limit(void)
{
    check_limit("{\"arguments\": {\"x-delivery-limit\": -1}}", QUEUE_NO_LIMIT, true);
    check_limit("{\"arguments\": {\"x-delivery-limit\": -1},"
                " \"effective_policy_definition\": {\"delivery-limit\": 6}}",
                6, true);
    check_limit("{\"arguments\": {\"x-delivery-limit\": 5},"
                " \"effective_policy_definition\": {\"delivery-limit\": -1}}",
                5, true);
}

static void finds_no_limit_where_there_is_none(void)
{
    check_limit("{}", QUEUE_NO_LIMIT, false);
    check_limit("{\"arguments\": {}, \"effective_policy_definition\": null}", QUEUE_NO_LIMIT,
                false);
    check_limit("{\"arguments\": {\"x-delivery-limit\": \"5\"}}", QUEUE_NO_LIMIT, false);
    check_limit("{\"arguments\": [], \"effective_policy_definition\": 7}", QUEUE_NO_LIMIT, false);
}

int main(void)
{
    RUN(finds_the_lower_of_two_limits);
    RUN(takes_a_negative_number_for_no_limit);
    RUN(finds_no_limit_where_there_is_none);
    return unit_end();
}
