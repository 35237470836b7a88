#include "topology_check.h"

#include "finding.h"
#include "queue_check.h"

#include "amqp/queue.h"
#include "amqp/topology.h"
#include "base/text.h"
#include "json/json.h"
#include "json/output.h"

#define EXCHANGE_COLUMNS "?columns=type,durable,auto_delete,internal"

static void add_binding(cJSON *findings, const char *problem, const char *queue,
                        const char *exchange, const char *routing_key)
{
    cJSON *finding = finding_add(findings, "binding", queue, problem);

    json_add_text(finding, "exchange", exchange);
    json_add_text(finding, "routing_key", routing_key);
}

/* ---- by AMQP ---- */

static enum exit_code look_for(struct connection *connection, const struct topology_part *part,
                               cJSON *findings)
{
    struct queue_depth depth = {.exists = true};
    const char *kind = part->kind == TOPOLOGY_EXCHANGE ? "exchange" : "queue";
    enum exit_code code = EXIT_OK;

    if (part->kind == TOPOLOGY_EXCHANGE)
        code = exchange_look(connection, part->name, &depth.exists, &depth.refused);
    else if (part->kind == TOPOLOGY_QUEUE)
        code = queue_look(connection, part->name, &depth);
    if (code == EXIT_OK && depth.refused != EXIT_OK)
        json_add_text(finding_add(findings, kind, part->name, "not known"), "found",
                      connection_reason(connection));
    else if (code == EXIT_OK && !depth.exists)
        (void)finding_add(findings, kind, part->name, "missing");
    return code;
}

/* ---- exchanges, by the management API ---- */

static enum exit_code check_exchange(struct management *management,
                                     const struct topology_part *part, cJSON *findings)
{
    cJSON *exchange;
    enum exit_code code =
        management_get(management, "exchanges", part->name, EXCHANGE_COLUMNS, &exchange);
    const char *type = json_member_text(exchange, "type");

    if (code != EXIT_OK)
        return code;
    if (exchange == NULL)
        (void)finding_add(findings, "exchange", part->name, "missing");
    /* Other types may route alike, but refuse services that declare it as direct. */
    if (type != NULL && !text_equals(type, "direct")) {
        cJSON *finding = finding_add(findings, "exchange", part->name, "type");

        json_add_text(finding, "expected", "direct");
        json_add_text(finding, "found", type);
    }
    finding_add_flags(findings, "exchange", part->name, exchange);
    cJSON_Delete(exchange);
    return EXIT_OK;
}

/* ---- bindings ---- */

static bool is_ours(const char *exchange)
{
    for (size_t i = 0; i < TOPOLOGY_PART_COUNT; i++)
        if (topology_parts[i].kind == TOPOLOGY_EXCHANGE &&
            text_equals(topology_parts[i].name, exchange))
            return true;
    return false;
}

/* Adds bindings from our exchanges that bring other kinds of messages into a work queue. */
static void check_unexpected(const struct topology_part *part, const cJSON *bindings,
                             cJSON *findings)
{
    const cJSON *each;

    cJSON_ArrayForEach(each, bindings)
    {
        const char *exchange = json_member_text(each, "source");
        const char *routing_key = json_member_text(each, "routing_key");

        if (is_ours(exchange) &&
            !(text_equals(exchange, part->exchange) && text_equals(routing_key, part->routing_key)))
            add_binding(findings, "unexpected", part->name, exchange, routing_key);
    }
}

static enum exit_code check_binding(struct management *management, const struct topology_part *part,
                                    cJSON *findings)
{
    cJSON *bindings;
    enum exit_code code = management_get(management, "queues", part->name, "/bindings", &bindings);

    if (code != EXIT_OK)
        return code;
    if (!finding_has_binding(bindings, part->exchange, part->routing_key))
        add_binding(findings, "missing", part->name, part->exchange, part->routing_key);
    if (topology_is_work_queue(part->name))
        check_unexpected(part, bindings, findings);
    cJSON_Delete(bindings);
    return EXIT_OK;
}

/* ---- all of it ---- */

static enum exit_code check_part(struct management *management, const struct topology_part *part,
                                 int major_version, cJSON *findings)
{
    switch (part->kind) {
    case TOPOLOGY_EXCHANGE:
        return check_exchange(management, part, findings);
    case TOPOLOGY_QUEUE:
        return queue_check(management, part, major_version, findings);
    default:
        return check_binding(management, part, findings);
    }
}

/* Checks the optional queues that are there, and their bindings. */
static enum exit_code check_optional(struct management *management, int major_version,
                                     cJSON *findings)
{
    enum exit_code code = EXIT_OK;
    bool is_there = false;

    for (size_t i = TOPOLOGY_PART_COUNT; i < TOPOLOGY_ALL_COUNT && code == EXIT_OK; i++) {
        const struct topology_part *part = &topology_parts[i];

        if (part->kind == TOPOLOGY_QUEUE) {
            cJSON *queue;

            code = management_get(management, "queues", part->name, "?columns=name", &queue);
            is_there = queue != NULL;
            cJSON_Delete(queue);
        }
        if (code == EXIT_OK && is_there)
            code = check_part(management, part, major_version, findings);
    }
    return code;
}

enum exit_code topology_find_faults(struct connection *connection, struct management *management,
                                    cJSON **findings)
{
    int major_version = 0;
    enum exit_code code =
        management != NULL ? management_version(management, &major_version) : EXIT_OK;

    cJSON_Delete(*findings);
    *findings = cJSON_CreateArray();
    json_need(*findings);
    for (size_t i = 0; i < TOPOLOGY_PART_COUNT && code == EXIT_OK; i++)
        code = management != NULL
                   ? check_part(management, &topology_parts[i], major_version, *findings)
                   : look_for(connection, &topology_parts[i], *findings);
    if (code == EXIT_OK && management != NULL)
        code = check_optional(management, major_version, *findings);
    return code;
}

/* Finds the faults, on as many connections as that takes. */
static enum exit_code find_patiently(struct connection *connection, struct management *management,
                                     cJSON **findings)
{
    enum exit_code code = EXIT_UNREACHABLE;

    *findings = NULL;
    while (code == EXIT_UNREACHABLE) {
        code = management == NULL ? connection_open(connection) : EXIT_OK;
        if (code != EXIT_OK)
            return code;
        code = topology_find_faults(connection, management, findings);
        if (code != EXIT_OK && management != NULL) {
            report("%s", management_reason(management));
            return code;
        }
    }
    return code;
}

enum exit_code topology_check(struct connection *connection, struct management *management)
{
    cJSON *findings;
    cJSON *finding;
    enum exit_code code = find_patiently(connection, management, &findings);
    bool fits = cJSON_GetArraySize(findings) == 0;

    while (code == EXIT_OK && (finding = cJSON_DetachItemFromArray(findings, 0)) != NULL)
        code = output_json(finding);
    cJSON_Delete(findings);
    return code == EXIT_OK && !fits ? EXIT_NO : code;
}
