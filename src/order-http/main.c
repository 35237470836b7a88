/*
 * order-http: order-place and order-show for those who speak HTTP.
 *
 * One thread and one loop serve all clients and the broker. An order that got 202 is on disk at
 * least: state P1 of place/placement.h.
 */
#include "clients.h"
#include "hangup.h"
#include "listen.h"
#include "place_order.h"
#include "routes.h"
#include "server.h"
#include "service.h"
#include "token.h"

#include "amqp/broker_options.h"
#include "amqp/connection.h"
#include "base/options.h"
#include "base/program.h"
#include "base/report.h"
#include "base/stop.h"
#include "base/supervisor.h"
#include "engine/open.h"
#include "engine/where.h"
#include "place/placement.h"
#include "trace/span.h"

#define WAIT_MIN_MS 10
#define WAIT_MAX_MS (86400 * 1000)

static const char usage[] =
    "usage: order-http [options]\n"
    "Takes orders by HTTP, stores and publishes them as order-place does, and shows them as\n"
    "order-show does. Answers POST /order, GET /order/ID, GET /orders, GET /health and more.\n";

static const char *where;
static const char *token_file;
static bool is_insecure;

static struct clients_settings clients = {
    .most = 4096, .header_ms = 10000, .body_ms = 30000, .answer_ms = 60000, .idle_ms = 15000};
static struct http_settings http = {.confirm_wait_ms = 2000};
static struct service service = {.settings = &http};
static struct server_settings server = {.service = &service, .clients = &clients};

static struct option_entry options[] = {
    {"listen", "WHERE",
     "ADDRESS:PORT, [ADDRESS]:PORT or unix:PATH (the sockets\n"
     "that systemd hands over, or else " LISTEN_DEFAULT ")",
     .text = &where},
    {"token-file", "FILE", "let in only clients with a token of FILE", .text = &token_file},
    {"insecure", NULL, "let in clients of other machines without a token", .flag = &is_insecure},
    {"tls-cert", "FILE", "speak HTTPS, with the certificates in FILE", .text = &server.certificate},
    {"tls-key", "FILE", "private key of the first of them", .text = &server.key},
    {"allow-origin", "ORIGIN", "let pages of ORIGIN use it from a browser; \"*\": all",
     .text = &http.allow_origin},
    {"confirm-wait", "S", "answer PENDING if the broker takes longer (2)",
     .ms = &http.confirm_wait_ms, .least = WAIT_MIN_MS, .most = WAIT_MAX_MS},
    {.help = "\nLimits:"},
    {"max-connections", "N", "connections at once, at most (4096)", .number = &clients.most,
     .least = 1, .most = 1000000},
    {"max-per-address", "N", "of them from one address; 0: no limit (0)",
     .number = &clients.most_of_address, .most = 1000000},
    {"header-timeout", "S", "seconds for the header of a request (10)", .ms = &clients.header_ms,
     .least = WAIT_MIN_MS, .most = WAIT_MAX_MS},
    {"body-timeout", "S", "for its body (30)", .ms = &clients.body_ms, .least = WAIT_MIN_MS,
     .most = WAIT_MAX_MS},
    {"answer-timeout", "S", "for the answer (60)", .ms = &clients.answer_ms, .least = WAIT_MIN_MS,
     .most = WAIT_MAX_MS},
    {"idle-timeout", "S", "between an answer and the next request (15)", .ms = &clients.idle_ms,
     .least = WAIT_MIN_MS, .most = WAIT_MAX_MS},
    {.help = "\nThe broker:"},
    {.group = broker_option_table},
    {.group = publishing_option_table},
    {.group = where_orders_table},
    {.group = span_option_table},
    {.group = common_option_table},
    {0},
};

static void read_options(int argc, char **argv)
{
    options_refuse_operands(options_read(argc, argv, usage, options), "requests come by HTTP");
    if ((server.certificate == NULL) != (server.key == NULL))
        usage_error("--tls-cert and --tls-key belong together");
    if (http.confirm_wait_ms >= clients.answer_ms)
        usage_error("--confirm-wait must be shorter than --answer-timeout");
    /* A second less than it is kept, for what is on its way then. */
    http.keep_s = clients.idle_ms / 1000 - 1;
    http.uses_tls = server.certificate != NULL;
    clients.uses_tls = http.uses_tls;
}

static enum exit_code open_reader(void)
{
    struct store_patience patience = {.attempts = broker_options.retries,
                                      .delay_s = broker_options.retry_delay,
                                      .never_waits = true};

    return engine_open_orders(NULL, ORDERS_LOOK, &patience, &service.reader);
}

static enum exit_code open_all(void)
{
    enum exit_code code = broker_options_resolve(&broker_options);

    if (code == EXIT_OK && token_file != NULL)
        code = token_load(token_file);
    if (code == EXIT_OK)
        code = place_order_open(&service, &broker_options);
    if (code == EXIT_OK)
        code = open_reader();
    /* Last: whoever connects is served. */
    if (code == EXIT_OK)
        code = listen_open(where, token_file != NULL || is_insecure);
    if (code == EXIT_OK)
        code = server_open(&server);
    if (code != EXIT_OK)
        return code;
    if (hangup_descriptor() >= 0)
        server_watch(hangup_descriptor());
    routes_expect_requests();
    listen_tell();
    supervisor_ready();
    return EXIT_OK;
}

static bool must_stop(void)
{
    return !service.is_stopping && (stop_requested() || service.failure != EXIT_OK);
}

static bool is_done(void)
{
    return server_is_done() && (service.failure != EXIT_OK || place_order_is_idle(&service));
}

/* Reads tokens and certificate anew. Each stays as it was if that fails. */
static void renew(void)
{
    bool is_done;

    supervisor_reloading();
    is_done = token_file == NULL || token_load(token_file) == EXIT_OK;

    is_done = server_renew() == EXIT_OK && is_done;
    report_notice(is_done ? "tokens and certificates were read anew"
                          : "what cannot be read anew stays as it was");
    supervisor_reloaded();
}

static void serve(void)
{
    while (!is_done()) {
        int due_ms = server_step();

        supervisor_progress();
        if (hangup_came())
            renew();
        due_ms = server_sooner(due_ms, place_order_step(&service));
        if (must_stop())
            server_quiesce();
        else
            connection_wait(placement_connection(service.placement), server_descriptor(), due_ms);
    }
}

static void close_all(void)
{
    server_close();
    listen_close();
    if (service.reader != NULL)
        service.reader->operations->close(service.reader);
    place_order_close(&service);
    token_forget();
    broker_options_free(&broker_options);
}

int main(int argc, char **argv)
{
    enum exit_code code;

    report_program(argv[0]);
    report_never_waits();
    read_options(argc, argv);
    stop_on_signals();
    supervisor_open();
    /* A service manager that asks for a reload does not want an end. */
    if (token_file != NULL || server.certificate != NULL || supervisor_is_there())
        hangup_take();
    code = open_all();
    if (code == EXIT_OK) {
        serve();
        code = service.failure;
    }
    close_all();
    return program_end(code, true);
}
