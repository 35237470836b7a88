#include "order-http/metrics.h"

#include "unit.h"

#include "base/version.h"

#include <stdlib.h>
#include <string.h>

static char *text;

static void print(const struct metrics_now *now)
{
    size_t len;

    free(text);
    text = metrics_text(now, &len);
    EQUAL(strlen(text), len);
}

/* Returns whether line is one of the text. */
static bool has(const char *line)
{
    size_t len = strlen(line);

    for (const char *at = text; (at = strstr(at, line)) != NULL; at++)
        if ((at == text || at[-1] == '\n') && at[len] == '\n')
            return true;
    return false;
}

static void begins_with_zeros(void)
{
    print(&(struct metrics_now){.broker_is_connected = false});
    CHECK(has("order_http_requests_in_flight 0"));
    CHECK(has("order_http_orders_total{outcome=\"placed\"} 0"));
    CHECK(has("order_http_orders_total{outcome=\"refused\"} 0"));
    CHECK(has("order_http_stored_to_answer_seconds_bucket{le=\"+Inf\"} 0"));
    CHECK(has("order_http_stored_to_answer_seconds_sum 0.000000"));
    CHECK(has("order_http_connections_cut_total{reason=\"answer\"} 0"));
    CHECK(has("order_http_broker_connected 0"));
    CHECK(has("order_http_store_readable 0"));
    CHECK(strstr(text, "pending_orders") == NULL);
    CHECK(has("order_http_build_info{version=\"" ORDER_TOOLS_VERSION "\"} 1"));
}

static void says_what_is_now(void)
{
    print(&(struct metrics_now){
        .broker_is_connected = true, .store_is_readable = true, .pending = 1234567890123});
    CHECK(has("order_http_broker_connected 1"));
    CHECK(has("order_http_broker_blocked 0"));
    CHECK(has("order_http_store_readable 1"));
    CHECK(has("order_http_pending_orders 1234567890123"));
}

static void counts_requests(void)
{
    metrics_request_expected("/order", "POST");
    print(&(struct metrics_now){.pending = 0});
    CHECK(has("order_http_requests_total{route=\"/order\",method=\"POST\",status=\"2xx\"} 0"));
    CHECK(has("order_http_requests_total{route=\"/order\",method=\"POST\",status=\"5xx\"} 0"));
    for (int i = 0; i < 5; i++)
        metrics_request_began();
    metrics_request_ended("/order", "POST", 202, 250);
    metrics_request_ended("/order", "POST", 202, 251);
    metrics_request_ended("/order", "POST", 422, 12500000);
    metrics_request_ended(NULL, "BREW", 404, 0);
    print(&(struct metrics_now){.pending = 0});
    CHECK(has("order_http_requests_in_flight 1"));
    metrics_request_ended(NULL, "PURGE", 0, -1);
    print(&(struct metrics_now){.pending = 0});
    CHECK(has("order_http_requests_in_flight 0"));
    CHECK(has("order_http_requests_total{route=\"/order\",method=\"POST\",status=\"2xx\"} 2"));
    CHECK(has("order_http_requests_total{route=\"/order\",method=\"POST\",status=\"4xx\"} 1"));
    CHECK(has("order_http_requests_total{route=\"other\",method=\"other\",status=\"4xx\"} 1"));
    CHECK(has("order_http_requests_total{route=\"other\",method=\"other\",status=\"none\"} 1"));
    CHECK(has("order_http_request_duration_seconds_bucket{route=\"/order\",le=\"0.00025\"} 1"));
    CHECK(has("order_http_request_duration_seconds_bucket{route=\"/order\",le=\"0.0005\"} 2"));
    CHECK(has("order_http_request_duration_seconds_bucket{route=\"/order\",le=\"10\"} 2"));
    CHECK(has("order_http_request_duration_seconds_bucket{route=\"/order\",le=\"+Inf\"} 3"));
    CHECK(has("order_http_request_duration_seconds_sum{route=\"/order\"} 12.500501"));
    CHECK(has("order_http_request_duration_seconds_count{route=\"/order\"} 3"));
    CHECK(has("order_http_request_duration_seconds_sum{route=\"other\"} 0.000000"));
}

static void counts_orders(void)
{
    metrics_order(METRICS_PLACED);
    metrics_order(METRICS_PLACED);
    metrics_order(METRICS_PENDING);
    metrics_order(METRICS_REFUSED);
    metrics_answered(2000000);
    print(&(struct metrics_now){.pending = 0});
    CHECK(has("order_http_orders_total{outcome=\"placed\"} 2"));
    CHECK(has("order_http_orders_total{outcome=\"pending\"} 1"));
    CHECK(has("order_http_orders_total{outcome=\"refused\"} 1"));
    CHECK(has("order_http_stored_to_answer_seconds_bucket{le=\"1\"} 0"));
    CHECK(has("order_http_stored_to_answer_seconds_bucket{le=\"2.5\"} 1"));
    CHECK(has("order_http_stored_to_answer_seconds_count 1"));
}

static void counts_connections(void)
{
    metrics_connection_opened();
    metrics_connection_opened();
    metrics_connection_opened();
    metrics_connection_closed();
    metrics_connection_cut(METRICS_CUT_FULL);
    metrics_connection_cut(METRICS_CUT_ANSWER);
    metrics_bytes(10, 20);
    metrics_bytes(1, 2);
    print(&(struct metrics_now){.pending = 0});
    CHECK(has("order_http_connections 2"));
    CHECK(has("order_http_connections_total 3"));
    CHECK(has("order_http_connections_cut_total{reason=\"full\"} 1"));
    CHECK(has("order_http_connections_cut_total{reason=\"header\"} 0"));
    CHECK(has("order_http_connections_cut_total{reason=\"answer\"} 1"));
    CHECK(has("order_http_received_bytes_total 11"));
    CHECK(has("order_http_sent_bytes_total 22"));
}

int main(void)
{
    RUN(begins_with_zeros);
    RUN(says_what_is_now);
    RUN(counts_requests);
    RUN(counts_orders);
    RUN(counts_connections);
    free(text);
    return unit_end();
}
