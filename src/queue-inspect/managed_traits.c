#include "managed_traits.h"

#include "json/json.h"

#include <string.h>

#define COLUMNS "?columns=type,auto_delete,arguments,effective_policy_definition"

/* Lowers *limit to number. A negative number sets no limit, and keeps the broker's default away. */
static void add_limit(long *limit, const cJSON *number, bool *is_said)
{
    long other = cJSON_IsNumber(number) ? (long)number->valuedouble : 0;

    if (!cJSON_IsNumber(number))
        return;
    *is_said = true;
    if (other >= 0 && (*limit == QUEUE_NO_LIMIT || other < *limit))
        *limit = other;
}

long managed_traits_limit(const cJSON *queue, bool *is_said)
{
    long limit = QUEUE_NO_LIMIT;

    *is_said = false;
    add_limit(&limit, json_member(json_member(queue, "arguments"), "x-delivery-limit"), is_said);
    add_limit(&limit,
              json_member(json_member(queue, "effective_policy_definition"), "delivery-limit"),
              is_said);
    return limit;
}

static bool delays(const char *retry_type)
{
    return retry_type != NULL && strcmp(retry_type, "disabled") != 0;
}

static enum exit_code ask_management(struct connection *connection, struct management *management,
                                     const char *queue, struct queue_traits *traits)
{
    cJSON *tree;
    enum exit_code code = management_get(management, "queues", queue, COLUMNS, &tree);
    const cJSON *arguments = json_member(tree, "arguments");
    bool is_said = false;

    if (tree != NULL) {
        const char *type = json_member_text(tree, "type");

        queue_traits_set_type(traits, type != NULL ? type : "");
        traits->auto_delete = cJSON_IsTrue(json_member(tree, "auto_delete"));
        traits->single_active = cJSON_IsTrue(json_member(arguments, "x-single-active-consumer"));
        traits->limit = managed_traits_limit(tree, &is_said);
        traits->delays = delays(json_member_text(arguments, "x-delayed-retry-type")) ||
                         delays(json_member_text(json_member(tree, "effective_policy_definition"),
                                                 "delayed-retry-type"));
        queue_traits_add_default_limit(traits, connection, is_said);
        traits->api_is_silent = json_member(tree, "effective_policy_definition") == NULL;
        traits->limit_is_sure = traits->type != QUEUE_TYPE_UNKNOWN &&
                                (traits->type != QUEUE_QUORUM || is_said || !traits->api_is_silent);
    }
    cJSON_Delete(tree);
    return code;
}

enum exit_code managed_traits_read(struct connection *connection, struct management *management,
                                   const char *queue, struct queue_traits *traits)
{
    enum exit_code fault;
    enum exit_code code = queue_traits_read_depth(connection, queue, traits);

    if (code != EXIT_OK || !traits->exists)
        return code;
    fault = ask_management(connection, management, queue, traits);
    if (fault == EXIT_OK)
        return EXIT_OK;
    code = queue_traits_read(connection, queue, traits);
    if (code == EXIT_OK && traits->exists && !traits->limit_is_sure) {
        report("%s", management_reason(management));
        traits->limit_fault = fault;
    }
    return code;
}
