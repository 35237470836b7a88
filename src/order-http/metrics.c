#include "metrics.h"

#include "base/memory.h"
#include "base/report.h"
#include "base/text.h"
#include "base/version.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define SERIES_MAX 64
#define ROUTES_MAX 16
#define CLASSES 6 /* of status codes; 0: no answer */

/* Upper bounds of the buckets, in microseconds, and as text in seconds. */
static const struct {
    int64_t us;
    const char *seconds;
} bounds[] = {
    {250, "0.00025"}, {500, "0.0005"},  {1000, "0.001"},  {2500, "0.0025"}, {5000, "0.005"},
    {10000, "0.01"},  {25000, "0.025"}, {50000, "0.05"},  {100000, "0.1"},  {250000, "0.25"},
    {500000, "0.5"},  {1000000, "1"},   {2500000, "2.5"}, {5000000, "5"},   {10000000, "10"},
};

struct histogram {
    uint64_t buckets[COUNT(bounds) + 1]; /* not cumulated; the last one is above all bounds */
    uint64_t sum_us;
};

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
static struct histogram stored_to_answer;

static uint64_t opened;
static uint64_t closed;
static uint64_t cuts[METRICS_CUT_ANSWER + 1];
static uint64_t received_bytes;
static uint64_t sent_bytes;

/* ---- counting ---- */

static void observe(struct histogram *histogram, int64_t us)
{
    size_t i = 0;

    while (i < COUNT(bounds) && us > bounds[i].us)
        i++;
    histogram->buckets[i]++;
    histogram->sum_us += us > 0 ? (uint64_t)us : 0;
}

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
        route_times[route_count++].route = route;
    return &route_times[i].histogram;
}

void metrics_request_ended(const char *route, const char *method, unsigned status, int64_t duration)
{
    if (route == NULL)
        route = "other";
    in_flight--;
    find_series(route, known_method(method))->by_class[status / 100 % CLASSES]++;
    observe(find_route_time(route), duration);
}

void metrics_order(enum metrics_outcome outcome)
{
    outcomes[outcome]++;
}

void metrics_answered(int64_t duration)
{
    observe(&stored_to_answer, duration);
}

/* ---- text ---- */

static void head(FILE *out, const char *name, const char *type, const char *help)
{
    (void)fprintf(out, "# HELP order_http_%s %s\n# TYPE order_http_%s %s\n", name, help, name,
                  type);
}

static void single(FILE *out, const char *name, const char *type, const char *help, uint64_t value)
{
    head(out, name, type, help);
    (void)fprintf(out, "order_http_%s %" PRIu64 "\n", name, value);
}

/* Writes a counter with one label, for each of its values. */
static void labelled(FILE *out, const char *name, const char *label, const char *const *values,
                     const uint64_t *counts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        (void)fprintf(out, "order_http_%s{%s=\"%s\"} %" PRIu64 "\n", name, label, values[i],
                      counts[i]);
}

/* Writes a histogram. label is empty or ends with a comma: route="/order",. */
static void print_histogram(FILE *out, const char *name, const char *label,
                            const struct histogram *histogram)
{
    int label_len = *label == '\0' ? 0 : (int)strlen(label) - 1;
    uint64_t below = 0;

    for (size_t i = 0; i <= COUNT(bounds); i++) {
        below += histogram->buckets[i];
        (void)fprintf(out, "order_http_%s_bucket{%sle=\"%s\"} %" PRIu64 "\n", name, label,
                      i < COUNT(bounds) ? bounds[i].seconds : "+Inf", below);
    }
    (void)fprintf(out, "order_http_%s_sum{%.*s} %" PRIu64 ".%06" PRIu64 "\n", name, label_len,
                  label, histogram->sum_us / 1000000, histogram->sum_us % 1000000);
    (void)fprintf(out, "order_http_%s_count{%.*s} %" PRIu64 "\n", name, label_len, label, below);
}

static void print_requests(FILE *out)
{
    static const char *const classes[CLASSES] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
    char label[64];

    head(out, "requests_total", "counter",
         "Requests by route, method and class of the status; none if the client left before.");
    for (size_t i = 0; i < series_count; i++)
        for (size_t class = 0; class < CLASSES; class ++)
            if (series[i].by_class[class] > 0)
                (void)fprintf(out,
                              "order_http_requests_total{route=\"%s\",method=\"%s\",status=\"%s\"} "
                              "%" PRIu64 "\n",
                              series[i].route, series[i].method, classes[class],
                              series[i].by_class[class]);
    single(out, "requests_in_flight", "gauge", "Requests that are not answered yet.", in_flight);
    head(out, "request_duration_seconds", "histogram",
         "From the first byte of a request to the last of its answer.");
    for (size_t i = 0; i < route_count; i++) {
        (void)snprintf(label, sizeof label, "route=\"%s\",", route_times[i].route);
        print_histogram(out, "request_duration_seconds", label, &route_times[i].histogram);
    }
}

static void print_orders(FILE *out)
{
    static const char *const names[] = {"placed", "pending", "refused"};

    head(out, "orders_total", "counter", "Orders that were posted, by what the answer said.");
    labelled(out, "orders_total", "outcome", names, outcomes, COUNT(outcomes));
    head(out, "stored_to_answer_seconds", "histogram",
         "From the commit that stored an order to its answer.");
    print_histogram(out, "stored_to_answer_seconds", "", &stored_to_answer);
}

static void print_connections(FILE *out)
{
    static const char *const reasons[] = {"full", "address", "header", "body", "answer"};

    single(out, "connections", "gauge", "Connections that are open.", opened - closed);
    single(out, "connections_total", "counter", "Connections that were accepted.", opened);
    head(out, "connections_cut_total", "counter", "Connections refused or cut off, by reason.");
    labelled(out, "connections_cut_total", "reason", reasons, cuts, COUNT(cuts));
    single(out, "received_bytes_total", "counter", "Bytes of bodies received.", received_bytes);
    single(out, "sent_bytes_total", "counter", "Bytes of bodies sent.", sent_bytes);
}

static void print_now(FILE *out, const struct metrics_now *now)
{
    single(out, "broker_connected", "gauge", "1 while the broker is connected.",
           now->broker_is_connected);
    single(out, "broker_blocked", "gauge", "1 while the broker takes no messages.",
           now->broker_is_blocked);
    single(out, "store_readable", "gauge", "1 while the store can be read.",
           now->store_is_readable);
    if (now->store_is_readable)
        single(out, "pending_orders", "gauge", "Orders in the store that wait for the broker.",
               (uint64_t)now->pending);
    head(out, "build_info", "gauge", "1, with the version of the program.");
    (void)fprintf(out, "order_http_build_info{version=\"%s\"} 1\n", ORDER_TOOLS_VERSION);
}

static FILE *open_text(char **text, size_t *len)
{
    FILE *out = open_memstream(text, len);

    if (out != NULL)
        return out;
    die_no_memory();
}

char *metrics_text(const struct metrics_now *now, size_t *len)
{
    char *text = NULL;
    FILE *out = open_text(&text, len);

    print_requests(out);
    print_orders(out);
    print_connections(out);
    print_now(out, now);
    if (fclose(out) != 0)
        die_no_memory();
    return text;
}
