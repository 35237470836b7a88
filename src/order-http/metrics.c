#include "metrics.h"

#include "amqp/connection_metrics.h"
#include "base/memory.h"
#include "base/report.h"
#include "base/text.h"
#include "place/placement_metrics.h"

#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define SERIES_MAX 64
#define ROUTES_MAX 16
#define CLASSES 6 /* of status codes; 0: no answer */

/* Requests of one route and method. */
struct series {
    const char *route;
    const char *method;
    uint64_t by_class[CLASSES];
};

struct route_time {
    const char *route;
    struct histogram histogram;
};

static struct series series[SERIES_MAX];
static size_t series_count;
static struct route_time route_times[ROUTES_MAX];
static size_t route_count;
static uint64_t in_flight;

static uint64_t outcomes[METRICS_REFUSED + 1];
static struct histogram stored_to_answer = {.scale = &histogram_seconds};

static uint64_t opened;
static uint64_t closed;
static uint64_t cuts[METRICS_CUT_ANSWER + 1];
static uint64_t received_bytes;
static uint64_t sent_bytes;

/* ---- counting ---- */

void metrics_connection_opened(void)
{
    opened++;
}

void metrics_connection_closed(void)
{
    closed++;
}

void metrics_connection_cut(enum metrics_cut why)
{
    cuts[why]++;
}

void metrics_bytes(uint64_t received, uint64_t sent)
{
    received_bytes += received;
    sent_bytes += sent;
}

void metrics_request_began(void)
{
    in_flight++;
}

/* A method is a label: one that a client made up must not become one more. */
static const char *known_method(const char *method)
{
    static const char *const known[] = {"GET", "HEAD", "POST", "OPTIONS"};

    for (size_t i = 0; i < COUNT(known); i++)
        if (text_equals(method, known[i]))
            return known[i];
    return "other";
}

static struct series *find_series(const char *route, const char *method)
{
    size_t i = 0;

    while (i < series_count && (series[i].method != method || !text_equals(series[i].route, route)))
        i++;
    if (i == SERIES_MAX)
        die(EXIT_BUG, "more routes and methods than metrics can count");
    if (i == series_count)
        series[series_count++] = (struct series){.route = route, .method = method};
    return &series[i];
}

static struct histogram *find_route_time(const char *route)
{
    size_t i = 0;

    while (i < route_count && !text_equals(route_times[i].route, route))
        i++;
    if (i == ROUTES_MAX)
        die(EXIT_BUG, "more routes than metrics can count");
    if (i == route_count)
        route_times[route_count++] =
            (struct route_time){.route = route, .histogram = {.scale = &histogram_seconds}};
    return &route_times[i].histogram;
}

void metrics_request_ended(const char *route, const char *method, unsigned status, int64_t duration)
{
    if (route == NULL)
        route = "other";
    in_flight--;
    find_series(route, known_method(method))->by_class[status / 100 % CLASSES]++;
    histogram_observe(find_route_time(route), duration);
}

void metrics_request_expected(const char *route, const char *method)
{
    (void)find_series(route, known_method(method));
    (void)find_route_time(route);
}

void metrics_order(enum metrics_outcome outcome)
{
    outcomes[outcome]++;
}

void metrics_answered(int64_t duration)
{
    histogram_observe(&stored_to_answer, duration);
}

/* ---- text ---- */

static void print_requests(const struct metrics_text *text)
{
    static const char *const classes[CLASSES] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
    static const bool is_usual[CLASSES] = {[2] = true, [4] = true, [5] = true};
    char labels[128];

    metrics_head(text, "requests_total", "counter",
                 "Requests by route, method and class of the status; none if the client left "
                 "before.");
    for (size_t i = 0; i < series_count; i++) {
        for (size_t class = 0; class < CLASSES; class ++) {
            if (series[i].by_class[class] == 0 && !is_usual[class])
                continue;
            (void)snprintf(labels, sizeof labels, "route=\"%s\",method=\"%s\",status=\"%s\"",
                           series[i].route, series[i].method, classes[class]);
            metrics_sample(text, "requests_total", labels, (int64_t)series[i].by_class[class]);
        }
    }
    metrics_gauge(text, "requests_in_flight", "Requests that are not answered yet.",
                  (int64_t)in_flight);
    metrics_head(text, "request_duration_seconds", "histogram",
                 "From the first byte of a request to the last of its answer.");
    for (size_t i = 0; i < route_count; i++) {
        (void)snprintf(labels, sizeof labels, "route=\"%s\"", route_times[i].route);
        metrics_sample_histogram(text, "request_duration_seconds", labels,
                                 &route_times[i].histogram);
    }
}

static void print_orders(const struct metrics_text *text)
{
    static const char *const names[] = {"placed", "pending", "refused"};

    metrics_counters(text, "orders_total", "Orders that were posted, by what the answer said.",
                     "outcome", names, outcomes, COUNT(outcomes));
    metrics_histogram(text, "stored_to_answer_seconds",
                      "From the commit that stored an order to its answer.", &stored_to_answer);
}

static void print_connections(const struct metrics_text *text)
{
    static const char *const reasons[] = {"full", "address", "header", "body", "answer"};

    metrics_gauge(text, "connections", "Connections that are open.", (int64_t)(opened - closed));
    metrics_counter(text, "connections_total", "Connections that were accepted.", opened);
    metrics_counters(text, "connections_cut_total", "Connections refused or cut off, by reason.",
                     "reason", reasons, cuts, COUNT(cuts));
    metrics_counter(text, "received_bytes_total", "Bytes of bodies received.", received_bytes);
    metrics_counter(text, "sent_bytes_total", "Bytes of bodies sent.", sent_bytes);
}

static void print_now(const struct metrics_text *text, const struct metrics_now *now)
{
    metrics_gauge(text, "broker_connected", "1 while the broker is connected.",
                  now->broker_is_connected);
    metrics_gauge(text, "broker_blocked", "1 while the broker takes no messages.",
                  now->broker_is_blocked);
    metrics_gauge(text, "store_readable", "1 while the store can be read.", now->store_is_readable);
    if (now->store_is_readable)
        metrics_gauge(text, "pending_orders", "Orders in the store that wait for the broker.",
                      now->pending);
    connection_print_metrics(text);
    if (now->placement != NULL)
        placement_print_metrics(now->placement, text);
    metrics_build_info(text);
}

char *metrics_text(const struct metrics_now *now, size_t *len)
{
    char *all = NULL;
    struct metrics_text text = {
        .out = open_memstream(&all, len), .prefix = "order_http", .labels = ""};

    if (text.out == NULL)
        die_no_memory();
    print_requests(&text);
    print_orders(&text);
    print_connections(&text);
    print_now(&text, now);
    if (fclose(text.out) != 0)
        die_no_memory();
    return all;
}
