#include "queues.h"

#include "base/memory.h"
#include "base/text.h"
#include "json/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS "?columns=messages_unacknowledged,memory,type,policy,message_stats"

static void forget_details(struct queue_details *details)
{
    free(details->type);
    free(details->policy);
    *details = (struct queue_details){
        .unacknowledged = NAN, .rate_in = NAN, .rate_out = NAN, .memory = NAN};
}

void queues_start(struct queues *survey, const char *const *names, struct connection *connection,
                  struct management *management)
{
    survey->connection = connection;
    survey->management = management;
    for (survey->count = 0; names[survey->count] != NULL;)
        survey->count++;
    survey->views = xcalloc(survey->count, sizeof *survey->views);
    for (size_t i = 0; i < survey->count; i++) {
        survey->views[i].name = names[i];
        forget_details(&survey->views[i].details);
    }
}

void queues_free(struct queues *survey)
{
    for (size_t i = 0; i < survey->count; i++) {
        forget_details(&survey->views[i].details);
        free(survey->views[i].error);
    }
    free(survey->views);
}

/* ---- by AMQP ---- */

enum exit_code queues_look(struct queues *survey)
{
    for (size_t i = 0; i < survey->count; i++) {
        struct queue_view *view = &survey->views[i];
        enum exit_code code = queue_look(survey->connection, view->name, &view->depth);

        if (code != EXIT_OK)
            return code;
        free(view->error);
        view->error =
            view->depth.refused == EXIT_OK ? NULL : xstrdup(connection_reason(survey->connection));
    }
    connection_progress(survey->connection);
    return EXIT_OK;
}

enum exit_code queues_look_patiently(struct queues *survey)
{
    for (;;) {
        enum exit_code code = connection_open(survey->connection);

        if (code != EXIT_OK)
            return code;
        code = queues_look(survey);
        if (code != EXIT_UNREACHABLE)
            return code;
    }
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

/* What never happened to a queue is not in its statistics. */
static double rate_of(const cJSON *queue, const char *name)
{
    const cJSON *rate = json_member(json_member(queue, "message_stats"), name);

    return rate == NULL ? 0 : number_of(rate, "rate");
}

static void take_details(struct queue_details *details, const cJSON *queue)
{
    details->unacknowledged = number_of(queue, "messages_unacknowledged");
    details->rate_in = rate_of(queue, "publish_details");
    details->rate_out = rate_of(queue, "deliver_get_details");
    details->memory = number_of(queue, "memory");
    details->type = text_of(queue, "type");
    details->policy = text_of(queue, "policy");
}

enum exit_code queues_ask(struct queues *survey)
{
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < survey->count; i++)
        forget_details(&survey->views[i].details);
    for (size_t i = 0; i < survey->count && code == EXIT_OK && survey->management != NULL; i++) {
        cJSON *queue;

        code = management_get(survey->management, "queues", survey->views[i].name, COLUMNS, &queue);
        if (queue != NULL)
            take_details(&survey->views[i].details, queue);
        cJSON_Delete(queue);
    }
    return code;
}

/* ---- showing ---- */

const struct queue_view *queues_find(const struct queues *survey, const char *name)
{
    for (size_t i = 0; i < survey->count; i++)
        if (strcmp(survey->views[i].name, name) == 0)
            return &survey->views[i];
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

const struct queue_view *queues_refused(const struct queues *survey)
{
    for (size_t i = 0; i < survey->count; i++)
        if (survey->views[i].error != NULL)
            return &survey->views[i];
    return NULL;
}

enum exit_code queues_report_refused(const struct queues *survey)
{
    const struct queue_view *first = queues_refused(survey);

    for (size_t i = 0; i < survey->count; i++)
        if (survey->views[i].error != NULL)
            report("'%s': %s", printable_text(survey->views[i].name), survey->views[i].error);
    return first == NULL ? EXIT_OK : first->depth.refused;
}

static void add_text(cJSON *object, const char *name, const char *text)
{
    json_need(text != NULL ? cJSON_AddStringToObject(object, name, text)
                           : cJSON_AddNullToObject(object, name));
}

cJSON *queues_json(const struct queues *survey, const struct queue_view *view)
{
    cJSON *line = cJSON_CreateObject();
    const struct queue_details *details = &view->details;
    /* As it is, if JSON can say it. */
    bool sayable = text_is_utf8(view->name, strlen(view->name));

    json_need(line);
    add_text(line, "queue", sayable ? view->name : printable_text(view->name));
    json_need(view->depth.refused == EXIT_LOGIN
                  ? cJSON_AddNullToObject(line, "exists")
                  : cJSON_AddBoolToObject(line, "exists", view->depth.exists));
    if (view->error != NULL)
        add_text(line, "error", view->error);
    if (view->error == NULL && !view->depth.exists)
        return line;
    if (view->error == NULL) {
        json_need(cJSON_AddNumberToObject(line, "ready", view->depth.ready));
        json_need(cJSON_AddNumberToObject(line, "consumers", view->depth.consumers));
    }
    if (survey->management == NULL)
        return line;
    /* cJSON prints null for what is not a number. */
    json_need(cJSON_AddNumberToObject(line, "unacknowledged", details->unacknowledged));
    json_need(cJSON_AddNumberToObject(line, "rate_in", details->rate_in));
    json_need(cJSON_AddNumberToObject(line, "rate_out", details->rate_out));
    json_need(cJSON_AddNumberToObject(line, "memory", details->memory));
    add_text(line, "type", details->type);
    add_text(line, "policy", details->policy);
    return line;
}
