#include "queues.h"

#include "base/memory.h"
#include "base/text.h"
#include "json/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

void queues_start(struct queues *queues, const char *const *names, struct connection *connection,
                  struct management *management)
{
    queues->connection = connection;
    queues->management = management;
    for (queues->count = 0; names[queues->count] != NULL;)
        queues->count++;
    queues->views = xcalloc(queues->count, sizeof *queues->views);
    for (size_t i = 0; i < queues->count; i++) {
        queues->views[i].name = names[i];
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

enum exit_code queues_look(struct queues *queues)
{
    for (size_t i = 0; i < queues->count; i++) {
        struct queue_view *view = &queues->views[i];
        enum exit_code code = queue_look(queues->connection, view->name, &view->depth);

        if (code != EXIT_OK)
            return code;
        free(view->error);
        view->error =
            view->depth.refused == EXIT_OK ? NULL : xstrdup(connection_reason(queues->connection));
    }
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
