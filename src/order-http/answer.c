#include "answer.h"

#include "base/clock.h"
#include "base/memory.h"
#include "json/writer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
    unsigned status;
    const char *reason;
} reasons[] = {
    {200, "OK"},
    {202, "Accepted"},
    {204, "No Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {503, "Service Unavailable"},
};

const char *answer_reason(unsigned status)
{
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Unknown";
}

void answer_text(struct answer *answer, unsigned status, const char *type, char *body, size_t len)
{
    answer->status = status;
    answer->type = type;
    answer->body = body;
    answer->len = len;
}

void answer_json(struct answer *answer, unsigned status, char *body, size_t len)
{
    answer_text(answer, status, ANSWER_JSON, body, len);
}

void answer_empty(struct answer *answer, unsigned status)
{
    answer->status = status;
}

void answer_stream(struct answer *answer, unsigned status, answer_read *read,
                   void (*release)(void *context), void *context)
{
    answer->status = status;
    answer->type = ANSWER_JSON;
    answer->read = read;
    answer->release = release;
    answer->context = context;
}

void answer_problem(struct answer *answer, unsigned status, const char *member, const char *format,
                    ...)
{
    struct json_writer line;
    char detail[1024];
    va_list arguments;
    char *body;

    va_start(arguments, format);
    (void)vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    json_writer_start(&line);
    json_writer_member(&line, "{\"type\": \"about:blank\", \"title\": ", answer_reason(status));
    json_writer_raw(&line, ", \"status\": ");
    json_writer_number(&line, status);
    json_writer_member(&line, ", \"detail\": ", detail);
    if (member != NULL)
        json_writer_member(&line, ", \"member\": ", member);
    json_writer_raw(&line, "}\n");
    body = json_writer_end(&line);
    answer_text(answer, status, ANSWER_PROBLEM, body, strlen(body));
}

void answer_add(struct answer *answer, const char *name, const char *format, ...)
{
    char value[2048];
    va_list arguments;

    if (answer->header_count == ANSWER_HEADERS)
        die(EXIT_BUG, "an answer has more than %d header fields", ANSWER_HEADERS);
    va_start(arguments, format);
    (void)vsnprintf(value, sizeof value, format, arguments);
    va_end(arguments);
    answer->headers[answer->header_count++] =
        (struct answer_header){.name = name, .value = xstrdup(value)};
}

/* Adds the time of day, as RFC 9110 writes it. */
static void add_date(struct json_writer *wire)
{
    char line[64];
    time_t now = (time_t)(clock_utc_ms() / 1000);
    struct tm utc;

    if (gmtime_r(&now, &utc) != NULL &&
        strftime(line, sizeof line, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc) > 0)
        json_writer_raw(wire, line);
}

char *answer_on_wire(const struct answer *answer, size_t *len)
{
    struct json_writer wire;
    char line[128];
    char *text;

    json_writer_start(&wire);
    (void)snprintf(line, sizeof line, "HTTP/1.1 %u %s\r\nConnection: close\r\n", answer->status,
                   answer_reason(answer->status));
    json_writer_raw(&wire, line);
    add_date(&wire);
    (void)snprintf(line, sizeof line, "Content-Length: %zu\r\n", answer->len);
    json_writer_raw(&wire, line);
    if (answer->type != NULL) {
        (void)snprintf(line, sizeof line, "Content-Type: %s\r\n", answer->type);
        json_writer_raw(&wire, line);
    }
    for (size_t i = 0; i < answer->header_count; i++) {
        json_writer_raw(&wire, answer->headers[i].name);
        json_writer_raw(&wire, ": ");
        json_writer_raw(&wire, answer->headers[i].value);
        json_writer_raw(&wire, "\r\n");
    }
    json_writer_raw(&wire, "\r\n");
    if (answer->len > 0)
        json_writer_bytes(&wire, answer->body, answer->len);
    text = json_writer_end(&wire);
    *len = strlen(text);
    return text;
}

void answer_free(struct answer *answer)
{
    free(answer->body);
    if (answer->release != NULL)
        answer->release(answer->context);
    for (size_t i = 0; i < answer->header_count; i++)
        free(answer->headers[i].value);
    memset(answer, 0, sizeof *answer);
}
