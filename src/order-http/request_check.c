#include "request_check.h"

#include "cors.h"
#include "media.h"
#include "routes.h"
#include "service.h"
#include "token.h"

#include "base/text.h"
#include "order/order.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAME_CHARACTERS \
    "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

/* ---- a header that can be read in one way only ---- */

/* Fields that a proxy before this program may read another one of, if they are there twice. */
static const struct {
    const char *name;
    const char *fault;
} single[] = {
    {"Authorization", "there is more than one Authorization"},
    {"Content-Length", "there is more than one Content-Length"},
    {"Content-Type", "there is more than one Content-Type"},
    {"Idempotency-Key", "there is more than one Idempotency-Key"},
};

#define SINGLES (sizeof single / sizeof single[0])

/* What the fields of a header come to. */
struct fields {
    size_t size; /* of all of them as they were sent, if each stood on a line of its own */
    unsigned hosts;
    unsigned singles[SINGLES];
    unsigned encodings;
    bool has_length;
    bool is_chunked;
    const char *fault; /* a constant; NULL if there is none */
};

static bool is_name(const char *name, size_t len)
{
    return len > 0 && strspn(name, NAME_CHARACTERS) == len;
}

static bool is_value(const char *value)
{
    while ((unsigned char)*value >= ' ' || *value == '\t')
        if (*value++ == 0x7F)
            return false;
    return *value == '\0';
}

static void count_single(struct fields *fields, const char *name)
{
    for (size_t i = 0; i < SINGLES; i++)
        if (strcasecmp(name, single[i].name) == 0 && ++fields->singles[i] > 1)
            fields->fault = single[i].fault;
}

/*
 * An MHD_KeyValueIteratorN. libmicrohttpd cuts a header into names and values where it stands, so
 * that a value begins behind its name, the colon, and white space. Of a field that goes on on a
 * second line it makes something else, elsewhere: then the size comes out wrong.
 */
static enum MHD_Result add_field(void *context, enum MHD_ValueKind kind, const char *name,
                                 size_t name_len, const char *value, size_t value_len)
{
    struct fields *fields = context;

    (void)kind;
    fields->size += (size_t)((uintptr_t)value - (uintptr_t)name) + value_len + strlen("\r\n");
    if (!is_name(name, name_len))
        fields->fault = "the name of a header field has characters that it may not have";
    else if (!is_value(value))
        fields->fault = "a header field has control characters";
    fields->hosts += strcasecmp(name, "Host") == 0;
    fields->has_length = fields->has_length || strcasecmp(name, "Content-Length") == 0;
    count_single(fields, name);
    if (strcasecmp(name, "Transfer-Encoding") == 0) {
        fields->encodings++;
        fields->is_chunked = strcasecmp(value, "chunked") == 0;
    }
    return MHD_YES;
}

static size_t header_size(const struct request *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

    return info == NULL ? 0 : info->header_size;
}

/*
 * Returns why a header is one that this program and a proxy before it may read differently; NULL if
 * it is not. libmicrohttpd takes lines that end without CR, fields on two lines, and more; what is
 * left of them then is shorter or longer than what came.
 */
static const char *find_fault(const struct request *request, const char *method,
                              const char *version)
{
    struct fields fields = {.size = strlen(method) + strlen(request->text) + strlen(version) +
                                    strlen("  \r\n\r\n")};
    bool is_1_1 = strcmp(version, "HTTP/1.0") != 0;

    (void)MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, add_field, &fields);
    if (fields.fault != NULL)
        return fields.fault;
    if (fields.size != header_size(request))
        return "a line of the header does not end in CR and LF, goes on on the next line, or has a "
               "NUL";
    if (fields.encodings > 0 && fields.has_length)
        return "there are both Content-Length and Transfer-Encoding";
    if (fields.encodings > 1 || (fields.encodings == 1 && !(fields.is_chunked && is_1_1)))
        return "the only Transfer-Encoding is chunked, of HTTP/1.1";
    if (fields.hosts > 1 || (is_1_1 && fields.hosts == 0))
        return "there has to be one field Host";
    return NULL;
}

void request_check_target_size(struct request *request)
{
    unsigned parameters = 1;

    for (const char *at = request->text; (at = strchr(at, '&')) != NULL; at++)
        parameters++;
    if (strlen(request->text) > REQUEST_TARGET_MAX)
        answer_problem(&request->answer, 414, NULL, "the target has more than %d bytes",
                       REQUEST_TARGET_MAX);
    else if (parameters > REQUEST_PARAMETERS_MAX)
        answer_problem(&request->answer, 400, NULL, "the query has more than %d parameters",
                       REQUEST_PARAMETERS_MAX);
}

static void check_syntax(struct request *request, const char *method, const char *version)
{
    struct answer *answer = &request->answer;
    const char *reason = find_fault(request, method, version);

    if (reason != NULL)
        answer_problem(answer, 400, NULL, "%s", reason);
    else if (header_size(request) > REQUEST_HEADER_MAX)
        answer_problem(answer, 431, NULL, "the header has more than %d bytes", REQUEST_HEADER_MAX);
    request->is_last = answer->status != 0 || request_header(request, "Transfer-Encoding") != NULL;
}

/* ---- what it asks for ---- */

static void check_target(struct request *request)
{
    const char *reason = target_read(request->text, &request->target);

    if (reason != NULL)
        answer_problem(&request->answer, 400, NULL, "cannot read '%s': %s",
                       printable_up_to(200, request->text, strlen(request->text)), reason);
    else
        request->route = routes_find(request->target.path, &request->argument);
}

static void check_token(struct request *request)
{
    struct answer *answer = &request->answer;
    const char *authorization = request_header(request, "Authorization");

    if ((request->route != NULL && request->route->is_open) ||
        strcmp(request->method, "OPTIONS") == 0 || token_allows(authorization))
        return;
    answer_problem(answer, 401, "Authorization", "%s",
                   authorization == NULL ? "a bearer token is needed" : "the token is not known");
    answer_add(answer, "WWW-Authenticate", "Bearer realm=\"order-http\"%s",
               authorization == NULL ? "" : ", error=\"invalid_token\"");
}

static void answer_options(struct request *request, const char *allow)
{
    answer_empty(&request->answer, 204);
    answer_add(&request->answer, "Allow", "%s", allow);
    cors_preflight(request, allow);
}

static void check_route(struct request *request)
{
    struct answer *answer = &request->answer;
    const char *path = request->target.path;
    bool is_options = strcmp(request->method, "OPTIONS") == 0;
    char allow[ROUTES_ALLOW_SIZE];

    routes_allow(request->route, allow);
    if (request->route == NULL && !(is_options && strcmp(path, "*") == 0)) {
        answer_problem(answer, 404, NULL, "there is no '%s'",
                       printable_up_to(200, path, strlen(path)));
    } else if (is_options) {
        answer_options(request, allow);
    } else if (routes_handler(request->route, request->method) == NULL) {
        answer_problem(answer, 405, NULL, "'%s' does not answer to %s", request->route->pattern,
                       printable_up_to(32, request->method, strlen(request->method)));
        answer_add(answer, "Allow", "%s", allow);
    } else if (!media_accepts(request_header(request, "Accept"), request->route->type)) {
        answer_problem(answer, 406, "Accept", "'%s' gives %s", request->route->pattern,
                       request->route->type);
    }
}

/* ---- what it brings ---- */

bool request_has_body(struct request *request)
{
    const char *length = request_header(request, "Content-Length");

    if (length != NULL)
        return strspn(length, "0") != strlen(length);
    return request_header(request, "Transfer-Encoding") != NULL;
}

/* A page of a browser can send a body without a type to any host, unasked. */
static bool is_json(struct request *request)
{
    const char *type = request_header(request, "Content-Type");

    return type == NULL ? request_header(request, "Origin") == NULL : media_is_json(type);
}

static void check_type(struct request *request)
{
    struct answer *answer = &request->answer;
    const char *encoding = request_header(request, "Content-Encoding");

    if (!is_json(request)) {
        answer_problem(answer, 415, "Content-Type", "an order comes as application/json, in UTF-8");
    } else if (encoding != NULL && !media_is_only(encoding, "identity")) {
        answer_problem(answer, 415, "Content-Encoding", "an order must not be compressed");
        answer_add(answer, "Accept-Encoding", "identity");
    }
}

static void check_body(struct request *request)
{
    struct answer *answer = &request->answer;
    const char *length = request_header(request, "Content-Length");
    const char *expect = request_header(request, "Expect");
    bool is_post = strcmp(request->method, "POST") == 0;

    if (expect != NULL && !media_is_only(expect, "100-continue"))
        answer_problem(answer, 417, "Expect", "'%s' is not 100-continue",
                       printable_up_to(64, expect, strlen(expect)));
    else if (length != NULL && strtoull(length, NULL, 10) > ORDER_MAX_SIZE)
        answer_problem(answer, 413, "Content-Length", "a body has at most %zu bytes",
                       ORDER_MAX_SIZE);
    else if (is_post && length == NULL && request_header(request, "Transfer-Encoding") == NULL)
        answer_problem(answer, 411, "Content-Length", "a POST needs a length, even if it is 0");
    else if (is_post)
        check_type(request);
}

void request_check(struct request *request, const char *method, const char *version)
{
    void (*const checks[])(struct request *) = {check_target, check_token, check_route, check_body};

    request->sent_method = method;
    request->method = strcmp(method, "HEAD") == 0 ? "GET" : method;
    check_syntax(request, method, version);
    for (size_t i = 0; i < sizeof checks / sizeof checks[0] && request->answer.status == 0; i++)
        checks[i](request);
}
