#include "health.h"

#include "topology_check.h"

#include "amqp/topology.h"
#include "base/text.h"
#include "engine/open.h"
#include "json/json.h"
#include "json/output.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DETAIL_SIZE 1200
/* An event may stay unsent for so long: workers send what others have left far sooner. */
#define OWED_MAX_S 60

/* Adds a check, which has failed if detail is not empty. Returns true if it has not. */
static bool add_check(cJSON *checks, const char *name, const char *detail)
{
    cJSON *check = cJSON_AddObjectToObject(checks, name);

    json_need(check);
    json_need(cJSON_AddBoolToObject(check, "ok", *detail == '\0'));
    if (*detail != '\0')
        json_need(cJSON_AddStringToObject(check, "detail", detail));
    return *detail == '\0';
}

static void add_words(char detail[DETAIL_SIZE], const char *format, ...) REPORT_FORMAT(2, 3);

/* Appends to detail; what does not fit is cut off. */
static void add_words(char detail[DETAIL_SIZE], const char *format, ...)
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
    add_words(detail, "%s '%s'", json_member_text(first, "kind"), json_member_text(first, "name"));
    if (routing_key != NULL)
        add_words(detail, " by '%s'", printable_text(routing_key));
    add_words(detail, ": %s", problem);
    if (strcmp(problem, "not known") == 0)
        add_words(detail, ": %s", json_member_text(first, "found"));
    if (more > 0)
        add_words(detail, ", and %d more", more);
}

/* Falls back on AMQP, which shows less, if the management API does not answer. */
static bool check_topology(struct queues *queues, cJSON *checks)
{
    cJSON *findings = NULL;
    enum exit_code code = EXIT_UNREACHABLE;
    char detail[DETAIL_SIZE] = "";
    bool answers = true;
    bool fits;

    if (queues->management != NULL) {
        code = topology_find_faults(queues->connection, queues->management, &findings);
        answers = add_check(checks, "management",
                            code == EXIT_OK ? "" : management_reason(queues->management));
    }
    if (code != EXIT_OK)
        code = topology_find_faults(queues->connection, NULL, &findings);
    describe(findings, detail);
    fits = add_check(checks, "topology",
                     code == EXIT_OK ? detail : connection_reason(queues->connection));
    cJSON_Delete(findings);
    return fits && answers;
}

/* Returns false, with the reason in detail, if the broker does not let us look at the queue. */
static bool is_known(const struct queues *queues, const char *queue, char detail[DETAIL_SIZE])
{
    const char *error = queues_find(queues, queue)->error;

    if (error != NULL)
        (void)snprintf(detail, DETAIL_SIZE, "'%s': %s", queue, error);
    return error == NULL;
}

static void add_warning(cJSON *checks, const char *name, const char *warning)
{
    if (*warning != '\0')
        json_add_text(cJSON_GetObjectItemCaseSensitive(checks, name), "warning", warning);
}

/*
 * Fails if a quorum queue has lost its majority. Warns if it would lose it with one more node: it
 * works, and nodes that are down for an upgrade are no fault.
 */
static bool check_quorum(const struct queues *queues, cJSON *checks)
{
    char detail[DETAIL_SIZE] = "";
    char warning[DETAIL_SIZE] = "";
    bool ok;

    for (size_t i = 0; i < queues->count; i++) {
        const struct queue_view *view = &queues->views[i];
        size_t members = queues_members(&view->details);
        size_t online = queues_online(&view->details);
        bool is_lost = online < members / 2 + 1;
        char *words = is_lost ? detail : warning;

        if (online < members && online <= members / 2 + 1 && *words == '\0')
            add_words(words, "'%s' %s: %zu of %zu nodes online", view->name,
                      is_lost ? "has lost its majority" : "hangs by one node", online, members);
    }
    ok = add_check(checks, "quorum", detail);
    add_warning(checks, "quorum", warning);
    return ok;
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
        add_words(detail,
                  "the cluster is partitioned: '%s' has parted from %d other%s, and stays so until "
                  "one side is restarted",
                  printable_text(name), cJSON_GetArraySize(lost),
                  cJSON_GetArraySize(lost) == 1 ? "" : "s");
    else if (node_has(node, "mem_alarm") || node_has(node, "disk_free_alarm"))
        add_words(detail, "'%s' is low on %s: no broker of the cluster takes messages",
                  printable_text(name), node_has(node, "mem_alarm") ? "memory" : "disk space");
}

/*
 * Fails if the cluster is partitioned, or a resource alarm keeps all from publishing. Warns of
 * nodes that are down. A user who may not look at the nodes does without.
 */
static bool check_nodes(struct queues *queues, cJSON *checks)
{
    cJSON *nodes;
    const cJSON *node;
    enum exit_code code = management_nodes(queues->management, &nodes);
    char detail[DETAIL_SIZE] = "";
    char warning[DETAIL_SIZE] = "";
    bool ok;

    if (code == EXIT_LOGIN)
        return true;
    if (code != EXIT_OK)
        add_words(detail, "%s", management_reason(queues->management));
    cJSON_ArrayForEach(node, nodes)
    {
        const char *name = json_member_text(node, "name");

        describe_node(node, detail);
        if (name != NULL && !node_has(node, "running"))
            add_words(warning, "%s'%s' is down", *warning == '\0' ? "" : ", ",
                      printable_text(name));
    }
    cJSON_Delete(nodes);
    ok = add_check(checks, "nodes", detail);
    add_warning(checks, "nodes", warning);
    return ok;
}

static bool check_consumers(const struct queues *queues, cJSON *checks)
{
    char detail[DETAIL_SIZE] = "";

    for (const char *const *name = topology_work_queues; *name != NULL && *detail == '\0'; name++)
        if (is_known(queues, *name, detail) && queues_find(queues, *name)->depth.consumers == 0)
            (void)snprintf(detail, sizeof detail, "nobody consumes from '%s'", *name);
    return add_check(checks, "consumers", detail);
}

static bool check_dead_letters(const struct queues *queues, cJSON *checks)
{
    unsigned dead = queues_find(queues, DEAD_LETTER_QUEUE)->depth.ready;
    char detail[DETAIL_SIZE] = "";

    if (is_known(queues, DEAD_LETTER_QUEUE, detail) && dead > 0)
        (void)snprintf(detail, sizeof detail, "%u in '%s'", dead, DEAD_LETTER_QUEUE);
    return add_check(checks, "dead_letters", detail);
}

static bool check_backlog(const struct queues *queues, int max_ready, cJSON *checks)
{
    char detail[DETAIL_SIZE] = "";

    for (const char *const *name = topology_work_queues; *name != NULL && *detail == '\0'; name++) {
        unsigned ready = queues_find(queues, *name)->depth.ready;

        if (is_known(queues, *name, detail) && ready > (unsigned)max_ready)
            (void)snprintf(detail, sizeof detail, "%u in '%s', more than %d", ready, *name,
                           max_ready);
    }
    return add_check(checks, "backlog", detail);
}

static bool check_outbox(const char *ledger, cJSON *checks)
{
    struct ledger_outbox outbox;
    char detail[DETAIL_SIZE] = "";
    int64_t seconds = 0;
    enum ledger_look look = engine_look_at_ledger(ledger, &outbox, detail);

    if (look == LEDGER_ABSENT)
        return true;
    if (look == LEDGER_SEEN && outbox.count > 0)
        seconds = outbox.oldest_age_ms / 1000;
    if (seconds > OWED_MAX_S)
        (void)snprintf(detail, sizeof detail,
                       "events owed: %" PRId64 ", the oldest for %" PRId64 " s", outbox.count,
                       seconds);
    return add_check(checks, "outbox", detail);
}

static bool check_broker(struct queues *queues, cJSON *checks)
{
    enum exit_code code = connection_try(queues->connection);

    if (code == EXIT_OK)
        code = queues_look(queues);
    return add_check(checks, "broker",
                     code == EXIT_OK ? "" : connection_reason(queues->connection));
}

static bool check_all(struct queues *queues, int max_ready, const char *ledger, cJSON *checks)
{
    bool ok;

    if (!check_broker(queues, checks))
        return false;
    ok = check_topology(queues, checks);
    if (queues->management != NULL && queues_ask(queues) == EXIT_OK) {
        ok = check_nodes(queues, checks) && ok;
        ok = check_quorum(queues, checks) && ok;
    }
    ok = check_consumers(queues, checks) && ok;
    ok = check_dead_letters(queues, checks) && ok;
    if (max_ready != HEALTH_NO_LIMIT)
        ok = check_backlog(queues, max_ready, checks) && ok;
    return check_outbox(ledger, checks) && ok;
}

enum exit_code health_check(struct queues *queues, int max_ready, const char *ledger)
{
    cJSON *line = cJSON_CreateObject();
    cJSON *verdict;
    cJSON *checks;
    bool is_healthy;
    enum exit_code code;

    json_need(line);
    verdict = cJSON_AddFalseToObject(line, "healthy");
    checks = cJSON_AddObjectToObject(line, "checks");
    json_need(verdict);
    json_need(checks);
    is_healthy = check_all(queues, max_ready, ledger, checks);
    if (is_healthy)
        verdict->type = cJSON_True;
    code = output_json(line);
    return code == EXIT_OK && !is_healthy ? EXIT_NO : code;
}
