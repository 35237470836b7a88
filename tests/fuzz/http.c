/*
 * Connections of order-http: whatever a client sends, each answer is one that a client understands.
 *
 * All of the program but its main() runs here, with a store of its own. No broker is there, so that
 * an order is answered with PENDING. The store is a new one after each input that placed an order.
 *
 * The first byte says how the rest is sent: its lowest bit, whether a token is needed; the two bits
 * above it, in pieces of which size.
 */
#include "base/memory.h"
#include "base/text.h"
#include "engine/open.h"
#include "json/json.h"
#include "order-http/answer.h"
#include "order-http/listen.h"
#include "order-http/place_order.h"
#include "order-http/server.h"
#include "order-http/service.h"
#include "order-http/token.h"
#include "place/placement.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TOKEN "0123456789abcdef"
#define MINUTE_MS 60000

static const struct clients_settings clients = {.most = 64,
                                                .header_ms = MINUTE_MS,
                                                .body_ms = MINUTE_MS,
                                                .answer_ms = MINUTE_MS,
                                                .idle_ms = MINUTE_MS};
static const struct http_settings http = {.allow_origin = "https://shop.example",
                                          .confirm_wait_ms = 2000};
static struct service service = {.settings = &http};
static const struct server_settings server = {.service = &service, .clients = &clients};
static struct broker_options broker;

static char folder[128];
static struct listen_address address;

/* ---- the program ---- */

static const char *path(const char *name)
{
    static char text[sizeof folder + 32];

    (void)snprintf(text, sizeof text, "%s/%s", folder, name);
    return text;
}

static void remove_store(void)
{
    const char *const names[] = {"store", "store-wal", "store-shm", "store-runs"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)unlink(path(names[i]));
}

static void open_store(void)
{
    assert(place_order_open(&service, &broker) == EXIT_OK);
    assert(engine_open_orders(NULL, ORDERS_LOOK, NULL, &service.reader) == EXIT_OK);
    /* Until the broker is known to be away. */
    while (!placement_has_room(service.placement)) {
        (void)place_order_step(&service);
        (void)poll(NULL, 0, 1);
    }
}

static void close_store(void)
{
    service.reader->operations->close(service.reader);
    place_order_close(&service);
    remove_store();
}

static void end(void)
{
    server_close();
    listen_close();
    close_store();
    broker_options_free(&broker);
    (void)unlink(path("token"));
    (void)rmdir(folder);
}

static void write_token(void)
{
    int fd = open(path("token"), O_WRONLY | O_CREAT | O_EXCL, 0600);

    assert(write(fd, TOKEN, strlen(TOKEN)) == (ssize_t)strlen(TOKEN));
    (void)close(fd);
}

static void begin(void)
{
    const char *temporary = getenv("TMPDIR");
    char where[sizeof folder + 64];

    (void)snprintf(folder, sizeof folder, "%s/fuzz-http.XXXXXX",
                   temporary == NULL ? "/tmp" : temporary);
    assert(mkdtemp(folder) != NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    report_program("order-http");
    write_token();
    assert(setenv("ORDER_STORE", path("store"), 1) == 0);
    broker = broker_options;
    broker.url = "amqp://127.0.0.1:1";
    assert(broker_options_resolve(&broker) == EXIT_OK);
    (void)snprintf(where, sizeof where, "unix:%s", path("socket"));
    assert(listen_parse(where, &address) == NULL);
    open_store();
    assert(listen_open(where, true) == EXIT_OK && server_open(&server) == EXIT_OK);
    (void)atexit(end);
}

/* Runs until it waits for the client. */
static void run(void)
{
    struct pollfd waits = {.fd = server_descriptor(), .events = POLLIN};
    int due_ms;

    do
        due_ms = server_sooner(server_step(), place_order_step(&service));
    while (due_ms == 0 || !place_order_is_idle(&service) || poll(&waits, 1, 0) > 0);
}

/* ---- the client ---- */

/* What has come back. */
static char *answers;
static size_t len;
static size_t size;

static void receive(int client)
{
    ssize_t got = 1;

    while (got > 0) {
        if (size - len < 65536) {
            size = 2 * size + 131072;
            answers = xrealloc(answers, size);
        }
        got = recv(client, answers + len, size - len - 1, MSG_DONTWAIT);
        len += got > 0 ? (size_t)got : 0;
        run();
    }
}

static void send_all(int client, const uint8_t *data, size_t count, size_t piece)
{
    while (count > 0) {
        size_t next = count < piece ? count : piece;
        ssize_t sent = send(client, data, next, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (sent < 0 && errno != EAGAIN)
            return;
        if (sent > 0) {
            data += sent;
            count -= (size_t)sent;
        }
        run();
        receive(client);
    }
}

static void converse(const uint8_t *data, size_t count, size_t piece)
{
    int client = socket(AF_UNIX, SOCK_STREAM, 0);

    len = 0;
    assert(connect(client, (const struct sockaddr *)&address.socket, address.len) == 0);
    send_all(client, data, count, piece);
    run();
    receive(client);
    (void)shutdown(client, SHUT_WR);
    run();
    receive(client);
    (void)close(client);
    while (clients_count() > 0)
        run();
    answers[len] = '\0';
}

/* ---- the answers ---- */

/* Returns the value of a field of a header, which is terminated; NULL if it is not there. */
static const char *field(const char *header, const char *name)
{
    const char *at = strstr(header, name);

    return at == NULL ? NULL : at + strlen(name);
}

static void check_json(const char *body, size_t body_len, bool is_problem, unsigned status)
{
    const char *reason;
    cJSON *tree = json_parse(body, body_len, &reason);

    assert(tree != NULL);
    if (is_problem)
        assert(cJSON_GetObjectItemCaseSensitive(tree, "status")->valueint == (int)status &&
               cJSON_GetObjectItemCaseSensitive(tree, "detail")->valuestring[0] != '\0');
    cJSON_Delete(tree);
}

/* Returns what follows the chunks of a body, which is not empty. */
static const char *skip_chunks(const char *at)
{
    unsigned long chunk;

    assert(*at != '0');
    do {
        char *after;

        chunk = strtoul(at, &after, 16);
        assert(after != at && strncmp(after, "\r\n", 2) == 0);
        at = after + 2 + chunk + 2;
        assert(at <= answers + len);
    } while (chunk > 0);
    return at;
}

/* Returns what follows the body of an answer. That to HEAD has none. */
static const char *check_body(const char *header, const char *body, unsigned status)
{
    const char *length = field(header, "\r\nContent-Length: ");
    const char *type = field(header, "\r\nContent-Type: ");
    size_t body_len = length == NULL ? 0 : strtoul(length, NULL, 10);

    if (status < 200 || status == 204 || status == 304 || strncmp(body, "HTTP/1.", 7) == 0 ||
        *body == '\0')
        return body;
    if (field(header, "\r\nTransfer-Encoding: chunked") != NULL)
        return skip_chunks(body);
    if (length == NULL) {
        assert(field(header, "\r\nConnection: close") != NULL);
        return answers + len;
    }
    assert(body_len <= (size_t)(answers + len - body));
    if (type != NULL && strncmp(type, "application/", strlen("application/")) == 0)
        check_json(body, body_len, strncmp(type, ANSWER_PROBLEM, strlen(ANSWER_PROBLEM)) == 0,
                   status);
    return body + body_len;
}

/* Checks the answer at *at, and advances *at past it. Returns its status. */
static unsigned check_answer(const char **at)
{
    const char *end_of_header = strstr(*at, "\r\n\r\n");
    unsigned status;
    char *header;

    assert(strncmp(*at, "HTTP/1.", 7) == 0 && end_of_header != NULL);
    status = (unsigned)strtoul(*at + strlen("HTTP/1.1 "), NULL, 10);
    assert(status >= 100 && status < 600 && status != 500);
    header = xmemdup_text(*at, (size_t)(end_of_header - *at));
    /* libmicrohttpd 1.0 redirects from a target with blanks to one without, in its own way. */
    for (const char *each = header; *each != '\0' && status != 301; each++)
        assert((*each >= ' ' && *each < 0x7F) || *each == '\r' || *each == '\n');
    *at = check_body(header, end_of_header + 4, status);
    free(header);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count)
{
    static const size_t pieces[] = {SIZE_MAX, 1, 7, 64};
    bool has_placed = false;

    if (*folder == '\0')
        begin();
    if (count == 0)
        return 0;
    if ((data[0] & 1) != 0)
        assert(token_load(path("token")) == EXIT_OK);
    converse(data + 1, count - 1, pieces[data[0] >> 1 & 3]);
    token_forget();
    for (const char *at = answers; at < answers + len;)
        has_placed = check_answer(&at) == 202 || has_placed;
    if (has_placed) {
        close_store();
        open_store();
    }
    return 0;
}
