#include "trace/span.h"

#include "base/memory.h"
#include "base/report.h"
#include "base/text.h"
#include "base/version.h"
#include "json/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define READER_PATIENCE_MS 1000

/* ---- the file ---- */

static const char *path;
static int file = -1;
static bool is_failing; /* the last line was not written, which was reported */
static bool is_torn;    /* a line may have been begun and not ended */

/* What was written last may have filled the disk. */
static bool ends_within_a_line(void)
{
    int reading = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    char last = '\n';

    if (reading < 0)
        return false;
    if (lseek(reading, -1, SEEK_END) < 0 || read(reading, &last, 1) != 1)
        last = '\n';
    (void)close(reading);
    return last != '\n';
}

static void open_file(const char *option, const char *text)
{
    (void)option;
    path = text;
    /* A pipe must not hold up orders: neither one that nobody opens, nor one that is full. */
    file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
    if (file < 0)
        die(EXIT_OUTPUT, "cannot open '%s': %s", printable_text(path), strerror(errno));
    is_torn = ends_within_a_line();
}

struct option_entry span_option_table[] = {
    {"trace", "FILE", "append what is done for orders in a trace to FILE, as spans (OTLP/JSON)",
     .call = open_file},
    {0},
};

/* Waits a moment for the reader of a full pipe; not again before it has taken something. */
static bool takes_more(void)
{
    struct pollfd state = {.fd = file, .events = POLLOUT};

    return !is_failing && poll(&state, 1, READER_PATIENCE_MS) != 0;
}

static bool write_all(const char *text, size_t len)
{
    while (len > 0) {
        ssize_t wrote = write(file, text, len);

        if (wrote < 0 && (errno == EINTR || (errno == EAGAIN && takes_more())))
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
    bool wrote = (!is_torn || write_all("\n", 1)) && write_all(line, strlen(line));

    if (!wrote && !is_failing)
        report("cannot write '%s', and goes on without: %s", printable_text(path),
               errno == EAGAIN ? "nobody reads it" : strerror(errno));
    is_failing = is_torn = !wrote;
}

/* ---- a line ---- */

static void add_text(struct json_writer *line, const char *key, const char *text)
{
    json_writer_member(line, "{\"key\":", key);
    json_writer_foreign(line, ",\"value\":{\"stringValue\":", text);
    json_writer_raw(line, "}}");
}

/* OTLP/JSON has integers of 64 bits as strings. */
static void add_number(struct json_writer *line, const char *key, int64_t number)
{
    char text[32];

    (void)snprintf(text, sizeof text, "%" PRId64, number);
    json_writer_member(line, "{\"key\":", key);
    json_writer_member(line, ",\"value\":{\"intValue\":", text);
    json_writer_raw(line, "}}");
}

static void add_attributes(struct json_writer *line, const struct span_about *about)
{
    const char *comma = "";

    json_writer_raw(line, ",\"attributes\":[");
    for (size_t i = 0; i < about->count; i++) {
        const struct span_attribute *attribute = &about->attributes[i];

        json_writer_raw(line, comma);
        if (attribute->text != NULL)
            add_text(line, attribute->key, attribute->text);
        else
            add_number(line, attribute->key, attribute->number);
        comma = ",";
    }
    if (about->error != NULL) {
        json_writer_raw(line, comma);
        add_text(line, "error.type", about->error);
    }
    json_writer_raw(line, "]");
}

static void add_resource(struct json_writer *line)
{
    json_writer_raw(line, "{\"resourceSpans\":[{\"resource\":{\"attributes\":[");
    add_text(line, "service.namespace", "order-tools");
    json_writer_raw(line, ",");
    add_text(line, "service.name", report_name());
    json_writer_raw(line, ",");
    add_text(line, "service.version", ORDER_TOOLS_VERSION);
    json_writer_raw(line, ",");
    add_number(line, "process.pid", getpid());
    json_writer_raw(line, "]},\"scopeSpans\":[{\"scope\":{\"name\":\"order-tools\","
                          "\"version\":\"" ORDER_TOOLS_VERSION "\"},\"spans\":[{");
}

static int64_t now_ns(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The ids in the context within a span. */
static void add_ids(struct json_writer *line, const char *trace)
{
    char text[96];

    (void)snprintf(text, sizeof text, "\"traceId\":\"%.*s\",\"spanId\":\"%.*s\"", TRACE_ID_LEN,
                   trace + TRACE_ID_AT, TRACE_SPAN_LEN, trace + TRACE_SPAN_AT);
    json_writer_raw(line, text);
}

/* The name of the span, its kind and its times. */
static void add_head(struct json_writer *line, const struct span *span,
                     const struct span_about *about)
{
    char text[128];

    add_ids(line, span->trace);
    if (trace_state(span->trace) != NULL)
        json_writer_member(line, ",\"traceState\":", trace_state(span->trace));
    if (*span->parent != '\0')
        json_writer_member(line, ",\"parentSpanId\":", span->parent);
    json_writer_foreign(line, ",\"name\":", about->name);
    (void)snprintf(text, sizeof text,
                   ",\"kind\":%d,\"startTimeUnixNano\":\"%" PRId64
                   "\",\"endTimeUnixNano\":\"%" PRId64 "\"",
                   (int)about->kind, span->start_ns, now_ns(CLOCK_MONOTONIC) + span->offset_ns);
    json_writer_raw(line, text);
}

static void add_links(struct json_writer *line, const struct span *span)
{
    for (size_t i = 0; i < span->link_count; i++) {
        json_writer_raw(line, i == 0 ? ",\"links\":[{" : ",{");
        add_ids(line, span->links[i]);
        json_writer_raw(line, "}");
    }
    if (span->link_count > 0)
        json_writer_raw(line, "]");
}

static void add_status(struct json_writer *line, const struct span_about *about)
{
    if (about->error == NULL)
        return;
    json_writer_raw(line, ",\"status\":{\"code\":2");
    if (about->reason != NULL)
        json_writer_foreign(line, ",\"message\":", about->reason);
    json_writer_raw(line, "}");
}

static char *print(const struct span *span, const struct span_about *about)
{
    struct json_writer line;

    json_writer_start(&line);
    add_resource(&line);
    add_head(&line, span, about);
    add_attributes(&line, about);
    add_links(&line, span);
    add_status(&line, about);
    json_writer_raw(&line, "}]}]}]}\n");
    return json_writer_end(&line);
}

/* ---- a span ---- */

/* Writes a new id of len digits, which are not all zeros. */
static void make_id(char *text, size_t len)
{
    unsigned char id[TRACE_ID_LEN / 2] = {0};
    bool is_made = false;

    while (!is_made) {
        if (getrandom(id, len / 2, 0) != (ssize_t)(len / 2) && errno != EINTR)
            die(EXIT_BUG, "cannot get random bytes: %s", strerror(errno));
        for (size_t i = 0; i < len / 2; i++)
            is_made = is_made || id[i] != 0;
    }
    for (size_t i = 0; i < len / 2; i++) {
        text[2 * i] = "0123456789abcdef"[id[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[id[i] & 15];
    }
}

bool span_is_wanted(void)
{
    return file >= 0;
}

/* Starts a span whose context is as trace, but for the id of the span. */
static struct span *start(const char *trace)
{
    struct span *span = xcalloc(1, sizeof *span);

    span->trace = xstrdup(trace);
    make_id(span->trace + TRACE_SPAN_AT, TRACE_SPAN_LEN);
    /* A clock that is set in between must not make a span end before it started. */
    span->start_ns = now_ns(CLOCK_REALTIME);
    span->offset_ns = span->start_ns - now_ns(CLOCK_MONOTONIC);
    return span;
}

struct span *span_start(const char *trace)
{
    struct span *span;

    if (file < 0 || trace == NULL || !trace_is_sampled(trace))
        return NULL;
    span = start(trace);
    memcpy(span->parent, trace + TRACE_SPAN_AT, TRACE_SPAN_LEN);
    return span;
}

struct span *span_start_alone(void)
{
    struct span *span;

    if (file < 0)
        return NULL;
    span = start("00-00000000000000000000000000000000-0000000000000000-03");
    make_id(span->trace + TRACE_ID_AT, TRACE_ID_LEN);
    return span;
}

void span_link(struct span *span, const char *trace)
{
    if (span == NULL)
        return;
    span->links = xrealloc(span->links, (span->link_count + 1) * sizeof *span->links);
    memcpy(span->links[span->link_count++], trace, TRACE_PARENT_LEN);
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
    free(span->links);
    free(span);
}
