#include "trace/span.h"

#include "base/memory.h"
#include "base/report.h"
#include "base/text.h"
#include "base/version.h"
#include "json/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* ---- the file ---- */

static const char *path;
static int file = -1;
static bool
    is_failing; /* the last line was not written, which was reported; perhaps it was begun */

static void open_file(const char *option, const char *text)
{
    (void)option;
    path = text;
    file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0)
        die(EXIT_OUTPUT, "cannot open '%s': %s", printable_text(path), strerror(errno));
}

struct option_entry span_option_table[] = {
    {"trace", "FILE", "append what is done for orders in a trace to FILE, as spans (OTLP/JSON)",
     .call = open_file},
    {0},
};

static bool write_all(const char *text, size_t len)
{
    while (len > 0) {
        ssize_t wrote = write(file, text, len);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return false;
        text += wrote;
        len -= (size_t)wrote;
    }
    return true;
}

/* Writes a whole line, which ends with a line break, at once. */
static void write_line(const char *line)
{
    bool wrote = (!is_failing || write_all("\n", 1)) && write_all(line, strlen(line));

    if (!wrote && !is_failing)
        report_errno("cannot write '%s', and goes on without", printable_text(path));
    is_failing = !wrote;
}

/* ---- a line ---- */

/* Each follows another attribute. */
static void add_attribute(struct json_writer *line, const char *key, const char *value)
{
    if (value == NULL)
        return;
    json_writer_member(line, ",{\"key\":", key);
    json_writer_foreign(line, ",\"value\":{\"stringValue\":", value);
    json_writer_raw(line, "}}");
}

/* A destination is an exchange, a routing key and a queue, as far as there are any. */
static char *destination_of(const struct span_about *about)
{
    const char *const parts[] = {about->exchange, about->routing_key, about->queue};
    struct json_writer text;
    bool some = false;

    json_writer_start(&text);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i] == NULL || *parts[i] == '\0')
            continue;
        if (some)
            json_writer_raw(&text, ":");
        json_writer_raw(&text, parts[i]);
        some = true;
    }
    return json_writer_end(&text);
}

static char *name_of(const char *operation, const char *destination)
{
    struct json_writer text;

    json_writer_start(&text);
    json_writer_raw(&text, operation);
    json_writer_raw(&text, " ");
    json_writer_raw(&text, destination);
    return json_writer_end(&text);
}

static void add_attributes(struct json_writer *line, const struct span_about *about,
                           const char *operation, const char *destination)
{
    json_writer_raw(line, ",\"attributes\":[{\"key\":\"messaging.system\",\"value\":"
                          "{\"stringValue\":\"rabbitmq\"}}");
    add_attribute(line, "messaging.operation.name", operation);
    add_attribute(line, "messaging.operation.type", operation);
    add_attribute(line, "messaging.destination.name", destination);
    add_attribute(line, "messaging.rabbitmq.destination.routing_key", about->routing_key);
    add_attribute(line, "messaging.message.id", about->message_id);
    add_attribute(line, "messaging.message.conversation_id", about->order_id);
    add_attribute(line, "error.type", about->error);
    json_writer_raw(line, "]");
}

static void add_resource(struct json_writer *line)
{
    char pid[32];

    (void)snprintf(pid, sizeof pid, "%ld", (long)getpid());
    json_writer_raw(line, "{\"resourceSpans\":[{\"resource\":{\"attributes\":["
                          "{\"key\":\"service.namespace\",\"value\":"
                          "{\"stringValue\":\"order-tools\"}}");
    add_attribute(line, "service.name", report_name());
    add_attribute(line, "service.version", ORDER_TOOLS_VERSION);
    json_writer_raw(line, ",{\"key\":\"process.pid\",\"value\":{\"intValue\":\"");
    json_writer_raw(line, pid);
    json_writer_raw(line, "\"}}]},\"scopeSpans\":[{\"scope\":{\"name\":\"order-tools\","
                          "\"version\":\"" ORDER_TOOLS_VERSION "\"},\"spans\":[{");
}

static int64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The name of the span, its kind and its times. */
static void add_head(struct json_writer *line, const struct span *span,
                     const struct span_about *about, const char *name)
{
    char text[160];

    (void)snprintf(text, sizeof text, "\"traceId\":\"%.*s\",\"spanId\":\"%.*s\",", TRACE_ID_LEN,
                   span->trace + TRACE_ID_AT, TRACE_SPAN_LEN, span->trace + TRACE_SPAN_AT);
    json_writer_raw(line, text);
    if (trace_state(span->trace) != NULL) {
        json_writer_member(line, "\"traceState\":", trace_state(span->trace));
        json_writer_raw(line, ",");
    }
    json_writer_member(line, "\"parentSpanId\":", span->parent);
    json_writer_foreign(line, ",\"name\":", name);
    (void)snprintf(text, sizeof text,
                   ",\"kind\":%d,\"startTimeUnixNano\":\"%" PRId64
                   "\",\"endTimeUnixNano\":\"%" PRId64 "\"",
                   about->kind == SPAN_SENDS ? 4 : 5, span->start_ns, now_ns());
    json_writer_raw(line, text);
}

static char *print(const struct span *span, const struct span_about *about)
{
    const char *operation = about->kind == SPAN_SENDS ? "send" : "process";
    char *destination = destination_of(about);
    char *name = name_of(operation, destination);
    struct json_writer line;

    json_writer_start(&line);
    add_resource(&line);
    add_head(&line, span, about, name);
    add_attributes(&line, about, operation, destination);
    if (about->error != NULL) {
        json_writer_raw(&line, ",\"status\":{\"code\":2");
        if (about->reason != NULL)
            json_writer_foreign(&line, ",\"message\":", about->reason);
        json_writer_raw(&line, "}");
    }
    json_writer_raw(&line, "}]}]}]}\n");
    free(name);
    free(destination);
    return json_writer_end(&line);
}

/* ---- a span ---- */

/* Writes a new id, which is not all zeros. */
static void make_id(char *text)
{
    unsigned char id[TRACE_SPAN_LEN / 2] = {0};
    bool is_made = false;

    while (!is_made) {
        if (getrandom(id, sizeof id, 0) != (ssize_t)sizeof id && errno != EINTR)
            die(EXIT_BUG, "cannot get random bytes: %s", strerror(errno));
        for (size_t i = 0; i < sizeof id; i++)
            is_made = is_made || id[i] != 0;
    }
    for (size_t i = 0; i < sizeof id; i++) {
        text[2 * i] = "0123456789abcdef"[id[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[id[i] & 15];
    }
}

bool span_is_wanted(void)
{
    return file >= 0;
}

struct span *span_start(const char *trace)
{
    struct span *span;

    if (file < 0 || trace == NULL || !trace_is_sampled(trace))
        return NULL;
    span = xcalloc(1, sizeof *span);
    span->trace = xstrdup(trace);
    memcpy(span->parent, trace + TRACE_SPAN_AT, TRACE_SPAN_LEN);
    make_id(span->trace + TRACE_SPAN_AT);
    span->start_ns = now_ns();
    return span;
}

const char *span_trace(const struct span *span, const char *trace)
{
    return span == NULL ? trace : span->trace;
}

void span_end(struct span *span, const struct span_about *about)
{
    char *line;

    if (span == NULL)
        return;
    line = print(span, about);
    write_line(line);
    free(line);
    span_drop(span);
}

void span_drop(struct span *span)
{
    if (span == NULL)
        return;
    free(span->trace);
    free(span);
}
