#include "request.h"

#include "access_log.h"
#include "clients.h"
#include "cors.h"
#include "metrics.h"
#include "request_check.h"
#include "request_span.h"
#include "routes.h"
#include "service.h"

#include "base/clock.h"
#include "base/memory.h"
#include "order/order.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FIRST_SIZE ((size_t)2048)
#define SMALL_BODY ((size_t)8192)         /* bytes that there is always room for */
#define BODIES_MAX ((size_t)64 << 20)     /* bytes of all bodies in memory, but for small ones */
#define DROPPED_MAX (16 * ORDER_MAX_SIZE) /* bytes of a body that is too large, before it is cut */
#define PIECE ((size_t)32768)             /* bytes that are read at once of a long answer */
#define RETRY_AFTER "1"

static uint64_t last_number;
static size_t bodies; /* bytes allocated for all bodies */

/* ---- the header ---- */

/* The value of a field that came on several lines, or with white space behind it. */
struct joined {
    struct joined *next;
    char *value;
    char name[];
};

/* What the lines of one field come to. */
struct lines {
    const char *name;
    const char *first; /* its value; NULL if there is none */
    size_t count;
    size_t len; /* of all values, joined and terminated */
    char *joined;
};

static size_t trimmed_len(const char *value)
{
    size_t len = strlen(value);

    while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
        len--;
    return len;
}

/* An MHD_KeyValueIterator. */
static enum MHD_Result measure_line(void *context, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    struct lines *lines = context;

    (void)kind;
    if (strcasecmp(name, lines->name) != 0)
        return MHD_YES;
    if (lines->count++ == 0)
        lines->first = value;
    lines->len += trimmed_len(value) + strlen(", ");
    return MHD_YES;
}

/* An MHD_KeyValueIterator. */
static enum MHD_Result join_line(void *context, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    struct lines *lines = context;

    (void)kind;
    if (strcasecmp(name, lines->name) != 0)
        return MHD_YES;
    if (lines->joined[0] != '\0')
        (void)strcat(lines->joined, ", ");
    (void)strncat(lines->joined, value, trimmed_len(value));
    return MHD_YES;
}

static const char *join(struct request *request, struct lines *lines)
{
    struct joined *joined = xmalloc(sizeof *joined + strlen(lines->name) + 1);

    lines->joined = xcalloc(1, lines->len);
    (void)MHD_get_connection_values(request->connection, MHD_HEADER_KIND, join_line, lines);
    (void)strcpy(joined->name, lines->name);
    joined->value = lines->joined;
    joined->next = request->joined;
    request->joined = joined;
    return joined->value;
}

const char *request_header(struct request *request, const char *name)
{
    struct lines lines = {.name = name, .len = 1};

    for (struct joined *joined = request->joined; joined != NULL; joined = joined->next)
        if (strcasecmp(joined->name, name) == 0)
            return joined->value;
    (void)MHD_get_connection_values(request->connection, MHD_HEADER_KIND, measure_line, &lines);
    if (lines.count == 0 || (lines.count == 1 && lines.first[trimmed_len(lines.first)] == '\0'))
        return lines.first;
    return join(request, &lines);
}

static void free_joined(struct request *request)
{
    while (request->joined != NULL) {
        struct joined *joined = request->joined;

        request->joined = joined->next;
        free(joined->value);
        free(joined);
    }
}

void request_each_query(const struct request *request, target_parameter *visit, void *context)
{
    target_each_parameter(request->target.query, visit, context);
}

/* ---- beginning and end ---- */

/* libmicrohttpd would take it apart first, and get stuck if it has too little memory for that. */
static void refuse_target(struct request *request)
{
    (void)clients_tell(request->client, &request->answer);
    clients_cut(request->client);
}

struct request *request_begin(struct service *service, struct client *client,
                              struct MHD_Connection *connection, const char *target)
{
    struct request *request = xcalloc(1, sizeof *request);

    request->number = ++last_number;
    request->argument = "";
    request->service = service;
    request->client = client;
    request->connection = connection;
    request->sent_method = "-";
    request->text = xstrdup(target == NULL ? "" : target);
    request->began_us = clock_monotonic_us();
    client->request = request;
    client->is_refusing = false;
    client->taken = 0;
    clients_enter(client, CLIENT_HEADER);
    metrics_request_began();
    request_check_target_size(request);
    if (request->answer.status != 0)
        refuse_target(request);
    return request;
}

static void tell_end(struct request *request)
{
    unsigned status = request->is_answered ? request->answer.status : 0;
    int64_t duration_us = clock_monotonic_us() - request->began_us;
    const char *pattern = request->route == NULL ? NULL : request->route->pattern;
    struct access access = {.method = request->sent_method,
                            .target = request->text,
                            .status = status,
                            .bytes = request->sent,
                            .duration_us = duration_us,
                            .peer = request->client->peer,
                            .order_id = request->order_id};

    metrics_bytes(request->received, request->sent);
    metrics_request_ended(pattern, request->sent_method, status, duration_us);
    access_log(&access);
    request_span_end(request, status);
}

void request_drop_body(struct request *request)
{
    bodies -= request->size;
    free(request->body);
    request->body = NULL;
    request->len = 0;
    request->size = 0;
}

void request_end(struct request *request)
{
    if (request->waits && request->left != NULL)
        request->left(request);
    tell_end(request);
    /* libmicrohttpd may have answered it by itself. */
    if (!request->is_answered)
        request->client->is_refusing = true;
    request->client->request = NULL;
    clients_enter(request->client, CLIENT_IDLE);
    request_drop_body(request);
    answer_free(&request->answer);
    target_free(&request->target);
    free_joined(request);
    free(request->text);
    free(request);
}

/* ---- the answer ---- */

/* A long answer, as libmicrohttpd reads it. It may outlast the request. */
struct stream {
    struct request *request; /* lasts as long as anything is read */
    answer_read *read;
    void (*release)(void *context);
    void *context;
};

static ssize_t read_stream(void *context, uint64_t at, char *buffer, size_t max)
{
    struct stream *stream = context;
    ssize_t got = stream->read(stream->context, buffer, max);

    (void)at;
    stream->request->service->calls++;
    if (got == ANSWER_END)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (got == ANSWER_BROKEN) {
        stream->request->service->failure = EXIT_STORE;
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    stream->request->sent += (uint64_t)got;
    stream->request->client->taken += (uint64_t)got;
    return got;
}

static void free_stream(void *context)
{
    struct stream *stream = context;

    if (stream->release != NULL)
        stream->release(stream->context);
    free(stream);
}

static bool is_head(const struct request *request)
{
    return strcmp(request->sent_method, "HEAD") == 0;
}

static struct MHD_Response *new_stream(struct request *request)
{
    struct answer *answer = &request->answer;
    struct stream *stream = xmalloc(sizeof *stream);
    struct MHD_Response *response;

    *stream = (struct stream){request, answer->read, answer->release, answer->context};
    answer->release = NULL;
    response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PIECE, read_stream, stream,
                                                 free_stream);
    /* libmicrohttpd 0.9.75 ends even the chunks that an answer to HEAD does not have: without
     * chunks, the end of the connection is the end of the answer. */
    if (response != NULL && is_head(request))
        (void)MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
    return response;
}

static struct MHD_Response *new_response(struct request *request)
{
    struct answer *answer = &request->answer;
    char *body = answer->body;

    if (answer->read != NULL)
        return new_stream(request);
    if (!is_head(request) && answer->status != 304)
        request->sent = answer->len;
    answer->body = NULL;
    return MHD_create_response_from_buffer(
        answer->len, body, body == NULL ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_FREE);
}

static bool has_field(const struct answer *answer, const char *name)
{
    for (size_t i = 0; i < answer->header_count; i++)
        if (strcasecmp(answer->headers[i].name, name) == 0)
            return true;
    return false;
}

/* Adds what every answer has. */
static void add_fields(struct request *request)
{
    struct answer *answer = &request->answer;

    if (answer->type != NULL)
        answer_add(answer, "Content-Type", "%s", answer->type);
    if (!has_field(answer, "Cache-Control"))
        answer_add(answer, "Cache-Control", "no-store");
    answer_add(answer, "X-Content-Type-Options", "nosniff");
    if (request->service->is_stopping || request->is_last)
        answer_add(answer, "Connection", "close");
    else if (request->service->settings->keep_s > 0)
        answer_add(answer, "Keep-Alive", "timeout=%d", request->service->settings->keep_s);
    cors_allow(request);
}

static enum MHD_Result send_answer(struct request *request)
{
    struct answer *answer = &request->answer;
    struct MHD_Response *response;
    enum MHD_Result result;

    request_drop_body(request);
    add_fields(request);
    response = new_response(request);
    if (response == NULL)
        die_no_memory();
    for (size_t i = 0; i < answer->header_count; i++)
        (void)MHD_add_response_header(response, answer->headers[i].name, answer->headers[i].value);
    clients_enter(request->client, CLIENT_ANSWER);
    request->is_answered = true;
    result = MHD_queue_response(request->connection, answer->status, response);
    MHD_destroy_response(response);
    return result;
}

/* ---- the body ---- */

/* Answers at once, while more may arrive: the connection ends with the answer. */
static enum MHD_Result refuse_at_once(struct request *request)
{
    request->client->is_refusing = true;
    request->is_last = true;
    return send_answer(request);
}

/* Returns whether there is room for a body of that size; cuts off the client that is slowest with
 * its own, if need be. */
static bool has_room(uint64_t size)
{
    return size <= SMALL_BODY || bodies < BODIES_MAX || clients_end_slowest_body();
}

static void refuse_for_room(struct request *request)
{
    answer_problem(&request->answer, 503, NULL, "too many bodies are arriving at once");
    answer_add(&request->answer, "Retry-After", RETRY_AFTER);
}

static enum MHD_Result take_header(struct request *request, const char *method, const char *version)
{
    const char *length = request_header(request, "Content-Length");
    bool has_body;

    if (request->answer.status != 0)
        return MHD_NO;
    request_span_start(request);
    request_check(request, method, version);
    request->is_checked = true;
    has_body = request_has_body(request);
    if (request->answer.status == 0 && length != NULL && !has_room(strtoull(length, NULL, 10)))
        refuse_for_room(request);
    if (request->answer.status != 0 && (has_body || request->is_last))
        return refuse_at_once(request);
    if (has_body)
        clients_enter(request->client, CLIENT_BODY);
    return MHD_YES;
}

/* There must be room for len bytes in a body of ORDER_MAX_SIZE. */
static void keep(struct request *request, const char *bytes, size_t len)
{
    if (request->size - request->len < len) {
        size_t size = request->len + len > FIRST_SIZE ? 2 * (request->len + len) : FIRST_SIZE;

        if (size > ORDER_MAX_SIZE)
            size = ORDER_MAX_SIZE;
        request->body = xrealloc(request->body, size);
        bodies += size - request->size;
        request->size = size;
    }
    memcpy(request->body + request->len, bytes, len);
    request->len += len;
}

/* Answers, as it was filled in, within a body: that ends the connection. With TLS the answer has to
 * wait for the end of the body, or be left out. */
static enum MHD_Result refuse_within(struct request *request)
{
    request_drop_body(request);
    return clients_tell(request->client, &request->answer) ? MHD_NO : MHD_YES;
}

static enum MHD_Result take_body(struct request *request, const char *bytes, size_t len)
{
    request->received += len;
    if (request->answer.status != 0)
        return request->received > DROPPED_MAX ? MHD_NO : MHD_YES;
    if (request->received > ORDER_MAX_SIZE) {
        answer_problem(&request->answer, 413, NULL, "a body has at most %zu bytes", ORDER_MAX_SIZE);
        return refuse_within(request);
    }
    if (strcmp(request->method, "POST") != 0)
        return MHD_YES;
    if (!has_room(request->received)) {
        refuse_for_room(request);
        return refuse_within(request);
    }
    /* It was the slowest itself. */
    if (request->answer.status != 0)
        return MHD_NO;
    keep(request, bytes, len);
    return MHD_YES;
}

/* ---- all of it ---- */

static enum MHD_Result handle(struct request *request)
{
    clients_enter(request->client, CLIENT_ANSWER);
    routes_handler(request->route, request->method)(request->service, request);
    if (request->waits) {
        request->is_suspended = true;
        MHD_suspend_connection(request->connection);
        return MHD_YES;
    }
    return send_answer(request);
}

enum MHD_Result request_go_on(struct request *request, const char *method, const char *version,
                              const char *upload, size_t *size)
{
    size_t len = *size;

    if (!request->is_checked)
        return take_header(request, method, version);
    *size = 0;
    if (len > 0)
        return take_body(request, upload, len);
    return request->answer.status != 0 ? send_answer(request) : handle(request);
}

void request_finish(struct request *request)
{
    request->waits = false;
    request->left = NULL;
    if (!request->is_suspended)
        return;
    request->is_suspended = false;
    MHD_resume_connection(request->connection);
}

bool request_give_up(struct request *request)
{
    if (!request->waits)
        return false;
    if (request->left != NULL)
        request->left(request);
    answer_free(&request->answer);
    answer_problem(&request->answer, 503, NULL, "the answer takes too long");
    answer_add(&request->answer, "Retry-After", RETRY_AFTER);
    request_finish(request);
    return true;
}
