#include "queue_check.h"

#include "finding.h"
#include "managed_traits.h"

#include "base/text.h"
#include "json/json.h"

#include <string.h>

#define QUEUE_COLUMNS                                                                          \
    "?columns=type,durable,exclusive,auto_delete,arguments,effective_policy_definition,state," \
    "leader"

/* Returns a setting of queue: its own argument, or else that of a policy, which lacks the "x-". */
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

static void add_route(cJSON *finding, const char *name, const char *exchange,
                      const char *routing_key)
{
    cJSON *route = cJSON_AddObjectToObject(finding, name);

    json_need(route);
    json_add_text(route, "exchange", exchange);
    json_add_text(route, "routing_key", routing_key);
}

/* Accepts another route than ours if it leads to the dead letter queue. */
static enum exit_code check_dead_letters(struct management *management,
                                         const struct topology_part *part, const cJSON *queue,
                                         cJSON *findings)
{
    const char *exchange = setting_text(queue, "x-dead-letter-exchange");
    const char *routing_key = setting_text(queue, "x-dead-letter-routing-key");
    cJSON *bindings;
    enum exit_code code;

    if (text_equals(exchange, part->exchange) && text_equals(routing_key, part->routing_key))
        return EXIT_OK;
    code = management_get(management, "queues", DEAD_LETTER_QUEUE, "/bindings", &bindings);
    if (code != EXIT_OK)
        return code;
    /* Without a key of their own, dead letters keep the one that they were published with. */
    if (!finding_has_binding(bindings, exchange, routing_key != NULL ? routing_key : PLACED_KEY)) {
        cJSON *finding = finding_add(findings, "queue", part->name, "dead letters");

        add_route(finding, "expected", part->exchange, part->routing_key);
        add_route(finding, "found", exchange, routing_key);
    }
    cJSON_Delete(bindings);
    return EXIT_OK;
}

/* For work queues: messages that they drop without dead-lettering were promised to be handled. */
static void check_limits(const char *name, const cJSON *queue, cJSON *findings)
{
    static const char *const limits[] = {"x-message-ttl", "x-max-length", "x-max-length-bytes"};
    const char *overflow = setting_text(queue, "x-overflow");
    bool refuses =
        overflow != NULL && strncmp(overflow, "reject-publish", strlen("reject-publish")) == 0;
    bool keeps_dead = setting_text(queue, "x-dead-letter-exchange") != NULL;

    if (setting(queue, "x-expires") != NULL)
        json_add_text(finding_add(findings, "queue", name, "loses messages"), "found", "x-expires");
    for (size_t i = 0; i < sizeof limits / sizeof limits[0] && !keeps_dead; i++)
        if (setting(queue, limits[i]) != NULL && (i == 0 || !refuses))
            json_add_text(finding_add(findings, "queue", name, "loses messages"), "found",
                          limits[i]);
}

static void add_setting(cJSON *finding, const char *name, const char *argument, const char *text)
{
    cJSON *object = cJSON_AddObjectToObject(finding, name);

    json_need(object);
    json_add_text(object, argument, text);
}

/* A quorum queue counts the deliveries of a message. Each connection that a worker loses counts for
 * all messages that it had in hand, whatever they are. */
static void check_deliveries(const char *name, const cJSON *queue, int major_version,
                             cJSON *findings)
{
    bool keeps_dead = setting_text(queue, "x-dead-letter-exchange") != NULL;
    bool is_said;
    long limit = managed_traits_limit(queue, &is_said);
    cJSON *finding;

    if (!is_said && queue_has_default_limit(major_version))
        limit = QUEUE_DEFAULT_LIMIT;
    if (limit == QUEUE_NO_LIMIT)
        return;
    finding =
        finding_add(findings, "queue", name, keeps_dead ? "delivery limit" : "loses messages");
    json_add_text(finding, "found", "x-delivery-limit");
    json_need(cJSON_AddNumberToObject(finding, "limit", (double)limit));
}

/* Without these settings a quorum queue may lose dead letters on their way to the next queue. */
static void check_strategy(const char *name, const cJSON *queue, cJSON *findings)
{
    static const char *const needed[][2] = {{"x-dead-letter-strategy", "at-least-once"},
                                            {"x-overflow", "reject-publish"}};

    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        if (!text_equals(setting_text(queue, needed[i][0]), needed[i][1])) {
            cJSON *finding = finding_add(findings, "queue", name, "may lose dead letters");

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
        json_add_text(finding_add(findings, "queue", name, "away"), "found", "no leader");
}

/* Adds a queue that is unusable now: its node is down, or too many of its nodes are. */
static void check_state(const char *name, const cJSON *queue, cJSON *findings)
{
    static const char *const working[] = {"running", "idle", "flow"};
    const char *state = json_member_text(queue, "state");

    for (size_t i = 0; i < sizeof working / sizeof working[0]; i++)
        if (state == NULL || text_equals(state, working[i]))
            return;
    json_add_text(finding_add(findings, "queue", name, "away"), "found", state);
}

enum exit_code queue_check(struct management *management, const struct topology_part *part,
                           int major_version, cJSON *findings)
{
    cJSON *queue;
    enum exit_code code = management_get(management, "queues", part->name, QUEUE_COLUMNS, &queue);

    if (code != EXIT_OK)
        return code;
    if (queue == NULL) {
        (void)finding_add(findings, "queue", part->name, "missing");
        return EXIT_OK;
    }
    finding_add_flags(findings, "queue", part->name, queue);
    /* A stream does not remove acknowledged messages. */
    if (text_equals(json_member_text(queue, "type"), "stream")) {
        cJSON *finding = finding_add(findings, "queue", part->name, "type");

        json_add_text(finding, "expected", "classic or quorum");
        json_add_text(finding, "found", "stream");
    }
    check_state(part->name, queue, findings);
    if (topology_is_work_queue(part->name))
        check_limits(part->name, queue, findings);
    if (text_equals(json_member_text(queue, "type"), "quorum"))
        check_quorum(part->name, queue, major_version, findings);
    if (part->exchange != NULL)
        code = check_dead_letters(management, part, queue, findings);
    cJSON_Delete(queue);
    return code;
}
