#include "request_span.h"

#include "routes.h"
#include "service.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "trace/span.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ATTRIBUTES_MAX 7
#define NAME_SIZE 64
#define METHOD_MAX 16 /* bytes of one that a client made up */

static bool read_context(struct request *request, char trace[TRACE_SIZE])
{
    const char *parent = request_header(request, TRACE_PARENT_NAME);
    const char *state = parent == NULL ? NULL : request_header(request, TRACE_STATE_NAME);

    return parent != NULL &&
           trace_read(parent, strlen(parent), state, state == NULL ? 0 : strlen(state), trace);
}

bool request_span_trace(struct request *request, char trace[TRACE_SIZE])
{
    if (request->span == NULL)
        return read_context(request, trace);
    (void)snprintf(trace, TRACE_SIZE, "%s", request->span->trace);
    return true;
}

void request_span_start(struct request *request)
{
    char trace[TRACE_SIZE];

    if (!span_is_wanted() || !read_context(request, trace))
        return;
    request->span = span_start(trace);
    if (request->span != NULL)
        request->span->start_ns -= (clock_monotonic_us() - request->began_us) * 1000;
}

/* Returns NULL for one that a client made up, perhaps another for each request. */
static const char *known_method(const char *method)
{
    static const char *const known[] = {"CONNECT", "DELETE", "GET", "HEAD",  "OPTIONS",
                                        "PATCH",   "POST",   "PUT", "QUERY", "TRACE"};

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(method, known[i]) == 0)
            return known[i];
    return NULL;
}

/* Adds text, unless it is NULL. */
static void add(struct span_attribute *attributes, size_t *count, const char *key, const char *text)
{
    if (text != NULL)
        attributes[(*count)++] = (struct span_attribute){.key = key, .text = text};
}

static void end(struct request *request, unsigned status, const char *path, const char *query)
{
    const char *sent = request->sent_method;
    const char *method = known_method(sent);
    const char *route = request->route == NULL ? NULL : request->route->pattern;
    struct span_attribute attributes[ATTRIBUTES_MAX];
    struct span_about about = {.kind = SPAN_SERVER, .attributes = attributes};
    char name[NAME_SIZE];
    char code[16];

    (void)snprintf(name, sizeof name, "%s%s%s", method == NULL ? "HTTP" : method,
                   route == NULL ? "" : " ", route == NULL ? "" : route);
    add(attributes, &about.count, "http.request.method", method == NULL ? "_OTHER" : method);
    add(attributes, &about.count, "http.request.method_original",
        method == NULL ? printable_up_to(METHOD_MAX, sent, strlen(sent)) : NULL);
    add(attributes, &about.count, "url.scheme",
        request->service->settings->uses_tls ? "https" : "http");
    add(attributes, &about.count, "url.path", path);
    add(attributes, &about.count, "url.query", query);
    add(attributes, &about.count, "http.route", route);
    if (status != 0)
        attributes[about.count++] =
            (struct span_attribute){.key = "http.response.status_code", .number = status};
    (void)snprintf(code, sizeof code, "%u", status);
    about.name = name;
    about.error = status == 0 ? "no_answer" : status >= 500 ? code : NULL;
    span_end(request->span, &about);
    request->span = NULL;
}

/* The target may be one that could not be read. */
void request_span_end(struct request *request, unsigned status)
{
    const char *target = target_path(request->text);
    size_t len = strcspn(target, "?");
    char *path;

    if (request->span == NULL)
        return;
    path = xmemdup_text(target, len);
    end(request, status, path, target[len] == '\0' ? NULL : target + len + 1);
    free(path);
}
