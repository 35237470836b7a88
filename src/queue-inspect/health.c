#include "health.h"

#include "age.h"
#include "health_private.h"
#include "nagios.h"
#include "topology_check.h"
#include "verdict.h"

#include "base/memory.h"
#include "base/text.h"
#include "engine/open.h"
#include "json/json.h"
#include "json/output.h"
#include "terminal/columns.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An event may stay unsent for so long: workers send what others have left far sooner. */
#define OWED_MAX_S 60

void health_say(char detail[DETAIL_SIZE], const char *format, ...)
{
    size_t len = strlen(detail);
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(detail + len, DETAIL_SIZE - len, format, arguments);
    va_end(arguments);
}

/* Writes the first finding to detail, which is empty, in words, and how many more there are. */
static void describe(const cJSON *findings, char detail[DETAIL_SIZE])
{
    const cJSON *first = cJSON_GetArrayItem(findings, 0);
    const char *routing_key = json_member_text(first, "routing_key");
    const char *problem = json_member_text(first, "problem");
    int more = cJSON_GetArraySize(findings) - 1;

    if (first == NULL)
        return;
    health_say(detail, "%s '%s'", json_member_text(first, "kind"), json_member_text(first, "name"));
    if (routing_key != NULL)
        health_say(detail, " by '%s'", printable_text(routing_key));
    health_say(detail, ": %s", problem);
    if (strcmp(problem, "not known") == 0)
        health_say(detail, ": %s", json_member_text(first, "found"));
    if (more > 0)
        health_say(detail, ", and %d more", more);
}

/* What the broker does not show is not known to be a fault. */
static enum level level_of(const cJSON *findings, enum exit_code code)
{
    const cJSON *finding;
    enum level level = code == EXIT_OK ? LEVEL_OK : LEVEL_UNKNOWN;

    cJSON_ArrayForEach(finding, findings)
    {
        bool is_hidden = text_equals(json_member_text(finding, "problem"), "not known");

        level = level_worse(level, is_hidden ? LEVEL_UNKNOWN : LEVEL_CRITICAL);
    }
    return level;
}

/* Falls back on AMQP, which shows less, if the management API does not answer. */
static void check_topology(struct health *health)
{
    struct queues *queues = health->queues;
    cJSON *findings = NULL;
    enum exit_code code = EXIT_UNREACHABLE;
    char detail[DETAIL_SIZE] = "";

    if (queues->management != NULL) {
        code = topology_find_faults(queues->connection, queues->management, &findings);
        verdict_add(health->checks, "management", code == EXIT_OK ? LEVEL_OK : LEVEL_WARNING,
                    management_reason(queues->management));
    }
    if (code != EXIT_OK)
        code = topology_find_faults(queues->connection, NULL, &findings);
    if (code != EXIT_OK)
        health_say(detail, "%s", connection_reason(queues->connection));
    else
        describe(findings, detail);
    verdict_add(health->checks, "topology", level_of(findings, code), detail);
    cJSON_Delete(findings);
}

/*
 * Fails if a quorum queue has lost its majority. Warns if it would lose it with one more node: it
 * works, and nodes that are down for an upgrade are no fault.
 */
static void check_quorum(struct health *health)
{
    char detail[DETAIL_SIZE] = "";
    char warning[DETAIL_SIZE] = "";

    for (size_t i = 0; i < health->queues->count; i++) {
        const struct queue_view *view = &health->queues->views[i];
        size_t members = queues_members(&view->details);
        size_t online = queues_online(&view->details);
        bool is_lost = online < members / 2 + 1;
        char *words = is_lost ? detail : warning;

        if (online < members && online <= members / 2 + 1 && *words == '\0')
            health_say(words, "'%s' %s: %zu of %zu nodes online", view->name,
                       is_lost ? "has lost its majority" : "hangs by one node", online, members);
    }
    verdict_add(health->checks, "quorum", *detail == '\0' ? LEVEL_OK : LEVEL_CRITICAL, detail);
    verdict_warn(health->checks, "quorum", warning);
}

static bool node_has(const cJSON *node, const char *member)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(node, member));
}

/* Writes to detail what is wrong with the node, unless something is there already. */
static void describe_node(const cJSON *node, char detail[DETAIL_SIZE])
{
    const char *name = json_member_text(node, "name");
    const cJSON *lost = cJSON_GetObjectItemCaseSensitive(node, "partitions");

    if (name == NULL || *detail != '\0')
        return;
    if (cJSON_GetArraySize(lost) > 0)
        health_say(
            detail,
            "the cluster is partitioned: '%s' has parted from %d other%s, and stays so until "
            "one side is restarted",
            printable_text(name), cJSON_GetArraySize(lost),
            cJSON_GetArraySize(lost) == 1 ? "" : "s");
    else if (node_has(node, "mem_alarm") || node_has(node, "disk_free_alarm"))
        health_say(detail, "'%s' is low on %s: no broker of the cluster takes messages",
                   printable_text(name), node_has(node, "mem_alarm") ? "memory" : "disk space");
}

/*
 * Fails if the cluster is partitioned, or a resource alarm keeps all from publishing. Warns of
 * nodes that are down. A user who may not look at the nodes does without.
 */
static void check_nodes(struct health *health)
{
    cJSON *nodes;
    const cJSON *node;
    enum exit_code code = management_nodes(health->queues->management, &nodes);
    enum level level = LEVEL_OK;
    char detail[DETAIL_SIZE] = "";
    char warning[DETAIL_SIZE] = "";

    if (code == EXIT_LOGIN)
        return;
    if (code != EXIT_OK) {
        health_say(detail, "%s", management_reason(health->queues->management));
        level = LEVEL_UNKNOWN;
    }
    cJSON_ArrayForEach(node, nodes)
    {
        const char *name = json_member_text(node, "name");

        describe_node(node, detail);
        if (name != NULL && !node_has(node, "running"))
            health_say(warning, "%s'%s' is down", *warning == '\0' ? "" : ", ",
                       printable_text(name));
    }
    cJSON_Delete(nodes);
    if (level == LEVEL_OK && *detail != '\0')
        level = LEVEL_CRITICAL;
    verdict_add(health->checks, "nodes", level, detail);
    verdict_warn(health->checks, "nodes", warning);
}

/* ---- the ledger ---- */

static void check_outbox(struct health *health)
{
    struct ledger_outbox outbox;
    char detail[DETAIL_SIZE] = "";
    enum level level = LEVEL_OK;
    int64_t seconds;
    enum ledger_look look = engine_look_at_ledger(health->settings->ledger, &outbox, detail);

    if (look == LEDGER_ABSENT)
        return;
    if (look == LEDGER_UNREADABLE) {
        verdict_add(health->checks, "outbox", LEVEL_UNKNOWN, detail);
        return;
    }
    health->has_outbox = true;
    health->outbox = outbox;
    seconds = outbox.count > 0 ? outbox.oldest_age_ms / 1000 : 0;
    (void)fprintf(health->data, " outbox=%" PRId64 ";;;0 outbox_age=%" PRId64 "s;;%d;0",
                  outbox.count, seconds, OWED_MAX_S);
    if (seconds > OWED_MAX_S) {
        level = LEVEL_CRITICAL;
        health_say(detail, "events owed: %" PRId64 ", the oldest for %" PRId64 " s", outbox.count,
                   seconds);
    }
    verdict_add(health->checks, "outbox", level, detail);
}

/* ---- all of it ---- */

/* Whoever is not let in does not know whether orders flow. */
static bool check_broker(struct health *health)
{
    struct queues *queues = health->queues;
    enum exit_code code = connection_try(queues->connection);
    char detail[DETAIL_SIZE] = "";

    if (code == EXIT_OK)
        code = queues_look(queues);
    if (code == EXIT_OK) {
        verdict_add(health->checks, "broker", LEVEL_OK, detail);
        return true;
    }
    health_say(detail, "'%s': %s", connection_broker(queues->connection),
               connection_reason(queues->connection));
    verdict_add(health->checks, "broker", code == EXIT_LOGIN ? LEVEL_UNKNOWN : LEVEL_CRITICAL,
                detail);
    return false;
}

static void check_all(struct health *health)
{
    if (!check_broker(health))
        return;
    health->has_looked = true;
    check_topology(health);
    if (health->queues->management != NULL && queues_ask(health->queues) == EXIT_OK) {
        check_nodes(health);
        check_quorum(health);
    }
    health_check_queues(health);
    check_outbox(health);
}

static bool is_healthy(const cJSON *checks)
{
    const cJSON *check;

    cJSON_ArrayForEach(check, checks)
    {
        if (!cJSON_IsTrue(json_member(check, "ok")))
            return false;
    }
    return true;
}

/* Prints the line of JSON, which takes over the checks. */
static enum exit_code print_line(cJSON *checks, bool healthy)
{
    cJSON *line = cJSON_CreateObject();

    json_need(line);
    json_need(cJSON_AddBoolToObject(line, "healthy", healthy));
    json_add(line, "checks", checks);
    return output_json(line);
}

/* Prints the checks in the form that is wanted, and frees them. */
static enum exit_code print_checks(const struct health *health, const char *data)
{
    bool healthy = is_healthy(health->checks);
    enum exit_code code;

    if (health->settings->nagios)
        code = nagios_print(health->checks, data);
    else if (health->settings->metrics)
        code = health_print_metrics(health, healthy);
    else
        return first_failure(print_line(health->checks, healthy), healthy ? EXIT_OK : EXIT_NO);
    cJSON_Delete(health->checks);
    if (health->settings->nagios)
        return code;
    return first_failure(code, healthy ? EXIT_OK : EXIT_NO);
}

enum exit_code health_check(struct queues *queues, const struct health_settings *settings)
{
    struct health health = {.queues = queues, .settings = settings, .checks = cJSON_CreateObject()};
    char *data = NULL;
    size_t len = 0;
    enum exit_code code;

    json_need(health.checks);
    health.ages = xcalloc(queues->count + 1, sizeof *health.ages);
    for (size_t i = 0; i < queues->count; i++)
        health.ages[i] = AGE_NONE;
    health.data = columns_start(&data, &len);
    check_all(&health);
    columns_finish(health.data);
    code = print_checks(&health, data);
    free(health.ages);
    free(data);
    return code;
}
