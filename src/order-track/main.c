/*
 * order-track: takes what became of orders, and records it in the store of orders.
 *
 * tracker.h says what holds when this program is killed, and at which point.
 */
#include "tracker.h"

#include "amqp/broker_options.h"
#include "amqp/consumer.h"
#include "base/options.h"
#include "base/program.h"
#include "base/report.h"
#include "base/stop.h"
#include "base/supervisor.h"
#include "engine/where.h"
#include "metrics/file.h"
#include "trace/span.h"

static const char usage[] =
    "usage: order-track [options]\n"
    "Takes the outcomes of orders from order.outcome.q, records them for order-show, and prints\n"
    "those that are new, a line of JSON each.\n";

static struct tracker_settings settings = {.options = &broker_options};
static int prefetch = 256;

static struct option_entry options[] = {
    {"prefetch", "N", "unacknowledged deliveries at a time, the most in a batch (256)",
     .number = &prefetch, .least = 1, .most = 65535},
    {.group = metrics_option_table},
    {.group = consumer_option_table},
    {.group = broker_option_table},
    {.group = publishing_option_table},
    {.group = where_orders_table},
    {.group = span_option_table},
    {.group = common_option_table},
    {0},
};

static void read_options(int argc, char **argv)
{
    options_refuse_operands(options_read(argc, argv, usage, options),
                            "outcomes come from the queue");
    settings.prefetch = (unsigned)prefetch;
    settings.count = consumer_count;
    settings.idle_ms = consumer_idle_ms();
}

int main(int argc, char **argv)
{
    enum exit_code code;

    report_program(argv[0]);
    read_options(argc, argv);
    stop_on_signals();
    supervisor_open();
    code = broker_options_resolve(&broker_options);
    if (code == EXIT_OK)
        code = tracker_open(&settings);
    if (code == EXIT_OK)
        code = tracker_run();
    tracker_close();
    broker_options_free(&broker_options);
    return program_end(code, true);
}
