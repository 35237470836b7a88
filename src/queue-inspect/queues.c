#include "queues.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "json/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SEEK_MS 60000 /* between two looks for optional queues that are missing */

#define COLUMNS \
    "?columns=messages_unacknowledged,memory,type,policy,message_stats,leader,node,members,online"

static void forget_details(struct queue_details *details)
{
    free(details->type);
    free(details->policy);
    free(details->leader);
    cJSON_Delete(details->members);
    cJSON_Delete(details->online);
    *details = (struct queue_details){
        .unacknowledged = NAN, .rate_in = NAN, .rate_out = NAN, .memory = NAN};
}

static size_t count_names(const char *const *names)
{
    size_t count = 0;

    while (names != NULL && names[count] != NULL)
        count++;
    return count;
}

void queues_start(struct queues *queues, const char *const *names, const char *const *optional,
                  struct connection *connection, struct management *management)
{
    size_t named = count_names(names);

    queues->connection = connection;
    queues->management = management;
    queues->count = named + count_names(optional);
    queues->views = xcalloc(queues->count, sizeof *queues->views);
    for (size_t i = 0; i < queues->count; i++) {
        queues->views[i].name = i < named ? names[i] : optional[i - named];
        queues->views[i].is_optional = i >= named;
        forget_details(&queues->views[i].details);
    }
}

void queues_free(struct queues *queues)
{
    for (size_t i = 0; i < queues->count; i++) {
        forget_details(&queues->views[i].details);
        free(queues->views[i].error);
    }
    free(queues->views);
}

/* ---- by AMQP ---- */

bool queues_is_shown(const struct queue_view *view)
{
    return !view->is_optional || view->depth.exists || view->error != NULL;
}

/* Returns whether the management API says that there is no such queue. Once it has failed, does not
 * wait for it again. */
static bool api_misses(struct management *management, const char *queue, bool *api_is_away)
{
    cJSON *found;

    if (management == NULL || *api_is_away)
        return false;
    *api_is_away = management_get(management, "queues", queue, "?columns=name", &found) != EXIT_OK;
    cJSON_Delete(found);
    return !*api_is_away && found == NULL;
}

static enum exit_code look_at(struct queues *queues, struct queue_view *view)
{
    enum exit_code code = queue_look(queues->connection, view->name, &view->depth);

    if (code != EXIT_OK)
        return code;
    /* Brokers refuse users without a right to it even if it does not exist. */
    if (view->is_optional && view->depth.refused == EXIT_LOGIN)
        view->depth = (struct queue_depth){.exists = false};
    free(view->error);
    view->error =
        view->depth.refused == EXIT_OK ? NULL : xstrdup(connection_reason(queues->connection));
    return EXIT_OK;
}

enum exit_code queues_look(struct queues *queues)
{
    int64_t now = clock_monotonic_ms();
    bool seeks = queues->sought_ms == 0 || now - queues->sought_ms >= SEEK_MS;
    bool api_is_away = false;

    for (size_t i = 0; i < queues->count; i++) {
        struct queue_view *view = &queues->views[i];
        enum exit_code code;

        if (!queues_is_shown(view) &&
            (!seeks || api_misses(queues->management, view->name, &api_is_away)))
            continue;
        code = look_at(queues, view);
        if (code != EXIT_OK)
            return code;
    }
    if (seeks)
        queues->sought_ms = now;
    connection_progress(queues->connection);
    return EXIT_OK;
}

enum exit_code queues_look_patiently(struct queues *queues)
{
    for (;;) {
        enum exit_code code = connection_open(queues->connection);

        if (code != EXIT_OK)
            return code;
        code = queues_look(queues);
        if (code != EXIT_UNREACHABLE)
            return code;
    }
}

static enum exit_code look_closer(struct queues *queues, struct queue_view *view)
{
    enum exit_code code = connection_open(queues->connection);

    if (code != EXIT_OK)
        return code;
    code = queue_ask_again(queues->connection, view->name, &view->depth.ready);
    if (code == EXIT_UNREACHABLE) {
        view->depth.refused = code;
        view->error = xstrdup(connection_reason(queues->connection));
        return EXIT_OK;
    }
    return code;
}

enum exit_code queues_look_closer(struct queues *queues)
{
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < queues->count && code == EXIT_OK; i++) {
        struct queue_view *view = &queues->views[i];

        if (view->error == NULL && view->depth.exists && view->depth.ready == 0 &&
            view->depth.consumers == 0)
            code = look_closer(queues, view);
    }
    return code;
}

/* ---- by the management API ---- */

static double number_of(const cJSON *object, const char *name)
{
    const cJSON *member = json_member(object, name);

    return cJSON_IsNumber(member) ? member->valuedouble : NAN;
}

static char *text_of(const cJSON *object, const char *name)
{
    const char *text = json_member_text(object, name);

    return text == NULL ? NULL : xstrdup(text);
}

/* Statistics lack what has never happened to the queue. */
static double rate_of(const cJSON *queue, const char *name)
{
    const cJSON *rate = json_member(json_member(queue, "message_stats"), name);

    return rate == NULL ? 0 : number_of(rate, "rate");
}

/* Returns a copy of an array, or NULL. */
static cJSON *array_of(const cJSON *object, const char *name)
{
    const cJSON *member = json_member(object, name);

    return cJSON_IsArray(member) ? json_need(cJSON_Duplicate(member, true)) : NULL;
}

static void take_details(struct queue_details *details, const cJSON *queue)
{
    details->unacknowledged = number_of(queue, "messages_unacknowledged");
    details->rate_in = rate_of(queue, "publish_details");
    details->rate_out = rate_of(queue, "deliver_get_details");
    details->memory = number_of(queue, "memory");
    details->type = text_of(queue, "type");
    details->policy = text_of(queue, "policy");
    details->leader = text_of(queue, json_member(queue, "leader") != NULL ? "leader" : "node");
    details->members = array_of(queue, "members");
    details->online = array_of(queue, "online");
}

enum exit_code queues_ask(struct queues *queues)
{
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < queues->count; i++)
        forget_details(&queues->views[i].details);
    for (size_t i = 0; i < queues->count && code == EXIT_OK && queues->management != NULL; i++) {
        cJSON *queue;

        if (!queues_is_shown(&queues->views[i]))
            continue;
        code = management_get(queues->management, "queues", queues->views[i].name, COLUMNS, &queue);
        if (queue != NULL)
            take_details(&queues->views[i].details, queue);
        cJSON_Delete(queue);
    }
    return code;
}

/* ---- the members of a quorum queue ---- */

size_t queues_members(const struct queue_details *details)
{
    return details->online == NULL ? 0 : (size_t)cJSON_GetArraySize(details->members);
}

size_t queues_online(const struct queue_details *details)
{
    return (size_t)cJSON_GetArraySize(details->online);
}

/* ---- showing ---- */

const struct queue_view *queues_find(const struct queues *queues, const char *name)
{
    for (size_t i = 0; i < queues->count; i++)
        if (strcmp(queues->views[i].name, name) == 0)
            return &queues->views[i];
    return NULL;
}

const char *queues_obstacle(const struct queue_depth *depth)
{
    switch (depth->refused) {
    case EXIT_OK:
        return depth->exists ? NULL : "missing";
    case EXIT_LOGIN:
        return "refused";
    case EXIT_UNREACHABLE:
        return "down";
    default:
        return "locked";
    }
}

const struct queue_view *queues_refused(const struct queues *queues)
{
    for (size_t i = 0; i < queues->count; i++)
        if (queues->views[i].error != NULL)
            return &queues->views[i];
    return NULL;
}

enum exit_code queues_report_refused(const struct queues *queues)
{
    const struct queue_view *first = queues_refused(queues);

    for (size_t i = 0; i < queues->count; i++)
        if (queues->views[i].error != NULL)
            report("'%s': %s", printable_text(queues->views[i].name), queues->views[i].error);
    return first == NULL ? EXIT_OK : first->depth.refused;
}

static void add_array(cJSON *line, const char *name, const cJSON *array)
{
    json_add(line, name, array == NULL ? cJSON_CreateNull() : cJSON_Duplicate(array, true));
}

cJSON *queues_json(const struct queues *queues, const struct queue_view *view)
{
    cJSON *line = cJSON_CreateObject();
    const struct queue_details *details = &view->details;
    /* A name given on the command line may not be UTF-8. */
    bool sayable = text_is_utf8(view->name, strlen(view->name));

    json_need(line);
    json_add_text(line, "queue", sayable ? view->name : printable_text(view->name));
    json_need(view->depth.refused == EXIT_LOGIN
                  ? cJSON_AddNullToObject(line, "exists")
                  : cJSON_AddBoolToObject(line, "exists", view->depth.exists));
    if (view->error != NULL)
        json_add_text(line, "error", view->error);
    if (view->error == NULL && !view->depth.exists)
        return line;
    if (view->error == NULL) {
        json_need(cJSON_AddNumberToObject(line, "ready", view->depth.ready));
        json_need(cJSON_AddNumberToObject(line, "consumers", view->depth.consumers));
    }
    if (queues->management == NULL)
        return line;
    /* cJSON prints null for NaN. */
    json_need(cJSON_AddNumberToObject(line, "unacknowledged", details->unacknowledged));
    json_need(cJSON_AddNumberToObject(line, "rate_in", details->rate_in));
    json_need(cJSON_AddNumberToObject(line, "rate_out", details->rate_out));
    json_need(cJSON_AddNumberToObject(line, "memory", details->memory));
    json_add_text(line, "type", details->type);
    json_add_text(line, "policy", details->policy);
    json_add_text(line, "leader", details->leader);
    add_array(line, "members", details->members);
    add_array(line, "online", details->online);
    return line;
}
