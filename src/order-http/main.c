/*
 * order-http: order-place and order-show for those who speak HTTP.
 *
 * An order that got 202 is on disk at least (P1 of place/placement.h), whatever dies after that.
 */
#include "clients.h"
#include "listen.h"
#include "server.h"
#include "service.h"
#include "token.h"

#include "amqp/broker_options.h"
#include "amqp/connection.h"
#include "base/clock.h"
#include "base/options.h"
#include "base/program.h"
#include "base/report.h"
#include "base/stop.h"

#include <stdio.h>

static const char usage[] =
    "usage: order-http [options]\n"
    "Takes orders by HTTP, stores and publishes them as order-place does, and shows them as\n"
    "order-show does: POST /order, GET /order/ID, GET /orders, GET /health.\n";

static const char *where;
static const char *token_file;
static bool insecure;

static struct clients_settings clients = {
    .most = 4096, .header_ms = 10000, .body_ms = 30000, .answer_ms = 60000, .idle_ms = 15000};
static struct http_settings http = {.confirm_wait_ms = 2000};
static struct service service = {.settings = &http};
static struct server_settings server = {.service = &service, .clients = &clients};

static struct option_entry options[] = {
    {"listen", "ADDRESS",
     "where: HOST:PORT, [HOST]:PORT or unix:PATH (default\n"
     "127.0.0.1:8001, or the sockets that systemd hands over)",
     .text = &where},
    {"token-file", "FILE", "let in only those who have a token of FILE", .text = &token_file},
    {"insecure", NULL, "let in everybody, from other machines, too", .flag = &insecure},
    {.group = broker_option_table},
    {.group = common_option_table},
    {0},
};

static void serve(void)
{
    while (!server_is_done()) {
        int due_ms;

        if (stop_requested() && !service.is_stopping)
            server_quiesce();
        due_ms = server_step();
        connection_wait(NULL, server_descriptor(), due_ms);
    }
}

int main(int argc, char **argv)
{
    enum exit_code code;

    report_program(argv[0]);
    options_refuse_operands(options_read(argc, argv, usage, options), "requests come by HTTP");
    stop_on_signals();
    code = listen_open(where, token_file != NULL || insecure);
    if (code == EXIT_OK && token_file != NULL)
        code = token_load(token_file);
    if (code == EXIT_OK)
        code = server_open(&server);
    if (code == EXIT_OK)
        serve();
    server_close();
    listen_close();
    token_forget();
    return program_end(code, true);
}
