#include "topology_check.h"

#include "look_management.h"

#include "amqp/queue.h"
#include "amqp/topology.h"
#include "json/json.h"

#include <string.h>

#define EXCHANGE_COLUMNS "?columns=type,durable,auto_delete,internal"
#define QUEUE_COLUMNS                                                                          \
    "?columns=type,durable,exclusive,auto_delete,arguments,effective_policy_definition,state," \
    "leader"

static cJSON *add_finding(cJSON *findings, const char *kind, const char *name, const char *problem)
{
    cJSON *finding = cJSON_CreateObject();

    json_need(finding);
    json_need(cJSON_AddStringToObject(finding, "kind", kind));
    json_need(cJSON_AddStringToObject(finding, "name", name));
    json_need(cJSON_AddStringToObject(finding, "problem", problem));
    (void)cJSON_AddItemToArray(findings, finding);
    return finding;
}

static void add_text(cJSON *object, const char *name, const char *text)
{
    json_need(text != NULL ? cJSON_AddStringToObject(object, name, text)
                           : cJSON_AddNullToObject(object, name));
}

static void add_binding(cJSON *findings, const char *problem, const char *queue,
                        const char *exchange, const char *routing_key)
{
    cJSON *finding = add_finding(findings, "binding", queue, problem);

    add_text(finding, "exchange", exchange);
    add_text(finding, "routing_key", routing_key);
}

static bool is_text(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
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
        add_text(add_finding(findings, kind, part->name, "not known"), "found",
                 connection_reason(connection));
    else if (code == EXIT_OK && !depth.exists)
        (void)add_finding(findings, kind, part->name, "missing");
    return code;
}

/* ---- exchanges, by the management API ---- */

/* What would make it go, or keep everybody from using it. */
static void check_flags(const char *kind, const char *name, const cJSON *object, cJSON *findings)
{
    static const char *const fatal[] = {"exclusive", "auto_delete", "internal"};

    if (cJSON_IsFalse(json_member(object, "durable")))
        (void)add_finding(findings, kind, name, "not durable");
    for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++)
        if (cJSON_IsTrue(json_member(object, fatal[i])))
            (void)add_finding(findings, kind, name, fatal[i]);
}

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
        (void)add_finding(findings, "exchange", part->name, "missing");
    /* Others route alike, but services that declare it as direct would be refused. */
    if (type != NULL && !is_text(type, "direct")) {
        cJSON *finding = add_finding(findings, "exchange", part->name, "type");

        add_text(finding, "expected", "direct");
        add_text(finding, "found", type);
    }
    check_flags("exchange", part->name, exchange, findings);
    cJSON_Delete(exchange);
    return EXIT_OK;
}

/* ---- queues ---- */

/* A setting of a queue, from its own arguments or else from a policy, where it goes without "x-".
 */
static const cJSON *setting(const cJSON *queue, const char *argument)
{
    const cJSON *own = json_member(json_member(queue, "arguments"), argument);

    return own != NULL
               ? own
               : json_member(json_member(queue, "effective_policy_definition"), argument + 2);
}

static const char *setting_text(const cJSON *queue, const char *argument)
{
    return cJSON_GetStringValue(setting(queue, argument));
}

static bool has_binding(const cJSON *bindings, const char *exchange, const char *routing_key)
{
    const cJSON *each;

    cJSON_ArrayForEach(each, bindings)
    {
        if (is_text(json_member_text(each, "source"), exchange) &&
            is_text(json_member_text(each, "routing_key"), routing_key))
            return true;
    }
    return false;
}

static void add_route(cJSON *finding, const char *name, const char *exchange,
                      const char *routing_key)
{
    cJSON *route = cJSON_AddObjectToObject(finding, name);

    json_need(route);
    add_text(route, "exchange", exchange);
    add_text(route, "routing_key", routing_key);
}

/* Dead letters may take another way than ours to where they belong. */
static enum exit_code check_dead_letters(struct management *management,
                                         const struct topology_part *part, const cJSON *queue,
                                         cJSON *findings)
{
    const char *exchange = setting_text(queue, "x-dead-letter-exchange");
    const char *routing_key = setting_text(queue, "x-dead-letter-routing-key");
    cJSON *bindings;
    enum exit_code code;

    if (is_text(exchange, part->exchange) && is_text(routing_key, part->routing_key))
        return EXIT_OK;
    code = management_get(management, "queues", DEAD_LETTER_QUEUE, "/bindings", &bindings);
    if (code != EXIT_OK)
        return code;
    /* Without a key of its own, a dead letter keeps the one that it was published with. */
    if (!has_binding(bindings, exchange, routing_key != NULL ? routing_key : PLACED_KEY)) {
        cJSON *finding = add_finding(findings, "queue", part->name, "dead letters");

        add_route(finding, "expected", part->exchange, part->routing_key);
        add_route(finding, "found", exchange, routing_key);
    }
    cJSON_Delete(bindings);
    return EXIT_OK;
}

/* Of a queue that somebody works on: what it drops without a dead letter was promised to somebody.
 */
static void check_limits(const char *name, const cJSON *queue, cJSON *findings)
{
    static const char *const limits[] = {"x-message-ttl", "x-max-length", "x-max-length-bytes"};
    const char *overflow = setting_text(queue, "x-overflow");
    bool refuses =
        overflow != NULL && strncmp(overflow, "reject-publish", strlen("reject-publish")) == 0;
    bool keeps_dead = setting_text(queue, "x-dead-letter-exchange") != NULL;

    if (setting(queue, "x-expires") != NULL)
        add_text(add_finding(findings, "queue", name, "loses messages"), "found", "x-expires");
    for (size_t i = 0; i < sizeof limits / sizeof limits[0] && !keeps_dead; i++)
        if (setting(queue, limits[i]) != NULL && (i == 0 || !refuses))
            add_text(add_finding(findings, "queue", name, "loses messages"), "found", limits[i]);
}

static void add_setting(cJSON *finding, const char *name, const char *argument, const char *text)
{
    cJSON *object = cJSON_AddObjectToObject(finding, name);

    json_need(object);
    add_text(object, argument, text);
}

/*
 * A quorum queue counts how often a message was delivered. Each connection that a worker loses is
 * one more for all that it had in hand, whatever they are.
 */
static void check_deliveries(const char *name, const cJSON *queue, int major_version,
                             cJSON *findings)
{
    bool keeps_dead = setting_text(queue, "x-dead-letter-exchange") != NULL;
    bool is_said;
    long limit = look_limit_said(queue, &is_said);
    cJSON *finding;

    if (!is_said && queue_has_default_limit(major_version))
        limit = QUEUE_DEFAULT_LIMIT;
    if (limit == QUEUE_NO_LIMIT)
        return;
    finding =
        add_finding(findings, "queue", name, keeps_dead ? "delivery limit" : "loses messages");
    add_text(finding, "found", "x-delivery-limit");
    json_need(cJSON_AddNumberToObject(finding, "limit", (double)limit));
}

/* A quorum queue can keep a dead letter until the queue where it belongs has it; without that it
 * may be lost on the way. */
static void check_strategy(const char *name, const cJSON *queue, cJSON *findings)
{
    static const char *const needed[][2] = {{"x-dead-letter-strategy", "at-least-once"},
                                            {"x-overflow", "reject-publish"}};

    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        if (!is_text(setting_text(queue, needed[i][0]), needed[i][1])) {
            cJSON *finding = add_finding(findings, "queue", name, "may lose dead letters");

            add_setting(finding, "expected", needed[i][0], needed[i][1]);
            add_setting(finding, "found", needed[i][0], setting_text(queue, needed[i][0]));
            return;
        }
}

static void check_quorum(const char *name, const cJSON *queue, int major_version, cJSON *findings)
{
    if (topology_is_work_queue(name) || strcmp(name, DEAD_LETTER_QUEUE) == 0)
        check_deliveries(name, queue, major_version, findings);
    if (topology_is_work_queue(name) && setting_text(queue, "x-dead-letter-exchange") != NULL)
        check_strategy(name, queue, findings);
    if (json_member(queue, "leader") != NULL && json_member_text(queue, "leader") == NULL)
        add_text(add_finding(findings, "queue", name, "away"), "found", "no leader");
}

/* Of a queue that nobody can use now: its node is down, or too many of them. */
static void check_state(const char *name, const cJSON *queue, cJSON *findings)
{
    static const char *const working[] = {"running", "idle", "flow"};
    const char *state = json_member_text(queue, "state");

    for (size_t i = 0; i < sizeof working / sizeof working[0]; i++)
        if (state == NULL || is_text(state, working[i]))
            return;
    add_text(add_finding(findings, "queue", name, "away"), "found", state);
}

static enum exit_code check_queue(struct management *management, const struct topology_part *part,
                                  int major_version, cJSON *findings)
{
    cJSON *queue;
    enum exit_code code = management_get(management, "queues", part->name, QUEUE_COLUMNS, &queue);

    if (code != EXIT_OK)
        return code;
    if (queue == NULL) {
        (void)add_finding(findings, "queue", part->name, "missing");
        return EXIT_OK;
    }
    check_flags("queue", part->name, queue, findings);
    /* A stream keeps what is acknowledged. */
    if (is_text(json_member_text(queue, "type"), "stream")) {
        cJSON *finding = add_finding(findings, "queue", part->name, "type");

        add_text(finding, "expected", "classic or quorum");
        add_text(finding, "found", "stream");
    }
    check_state(part->name, queue, findings);
    if (topology_is_work_queue(part->name))
        check_limits(part->name, queue, findings);
    if (is_text(json_member_text(queue, "type"), "quorum"))
        check_quorum(part->name, queue, major_version, findings);
    if (part->exchange != NULL)
        code = check_dead_letters(management, part, queue, findings);
    cJSON_Delete(queue);
    return code;
}

/* ---- bindings ---- */

static bool is_ours(const char *exchange)
{
    for (size_t i = 0; i < TOPOLOGY_PART_COUNT; i++)
        if (topology_parts[i].kind == TOPOLOGY_EXCHANGE &&
            is_text(topology_parts[i].name, exchange))
            return true;
    return false;
}

/* Messages of another kind in a queue that somebody works on. */
static void check_unexpected(const struct topology_part *part, const cJSON *bindings,
                             cJSON *findings)
{
    const cJSON *each;

    cJSON_ArrayForEach(each, bindings)
    {
        const char *exchange = json_member_text(each, "source");
        const char *routing_key = json_member_text(each, "routing_key");

        if (is_ours(exchange) &&
            !(is_text(exchange, part->exchange) && is_text(routing_key, part->routing_key)))
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
    if (!has_binding(bindings, part->exchange, part->routing_key))
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
        return check_queue(management, part, major_version, findings);
    default:
        return check_binding(management, part, findings);
    }
}

enum exit_code topology_check(struct connection *connection, struct management *management,
                              cJSON *findings)
{
    int major_version = 0;
    enum exit_code code =
        management != NULL ? management_version(management, &major_version) : EXIT_OK;

    for (size_t i = 0; i < TOPOLOGY_PART_COUNT && code == EXIT_OK; i++)
        code = management != NULL
                   ? check_part(management, &topology_parts[i], major_version, findings)
                   : look_for(connection, &topology_parts[i], findings);
    return code;
}
