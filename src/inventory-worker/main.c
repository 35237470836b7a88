/*
 * inventory-worker: takes OrderPlaced events, reserves or fails each order once, and publishes the
 * outcome; or OrderCancelled events, and releases each order once.
 *
 * pipeline.h says what holds when this program is killed, and at which point.
 */
#include "pipeline.h"

#include "amqp/broker_options.h"
#include "amqp/consumer.h"
#include "base/moment.h"
#include "base/options.h"
#include "base/program.h"
#include "base/report.h"
#include "base/stop.h"
#include "base/supervisor.h"
#include "base/text.h"
#include "engine/where.h"
#include "metrics/file.h"
#include "order/order.h"
#include "trace/span.h"

#include <stdio.h>
#include <string.h>

static const char usage[] =
    "usage: inventory-worker [options]\n"
    "       inventory-worker [options] --cancelled\n"
    "       inventory-worker [options] --flush\n"
    "Takes orders from order.placed.q, reserves or fails each once, and publishes the outcome,\n"
    "which it also prints as a line of JSON. With --cancelled, releases orders that are "
    "cancelled.\n";

static struct pipeline_settings settings = {
    .options = &broker_options, .rule = {.max_qty = 5}, .retain_days = -1};
static int prefetch = 256;

static bool only_digits(const char *text)
{
    return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static void read_expire(const char *option, const char *text)
{
    char age[32];
    int len = snprintf(age, sizeof age, "%s%s", text, only_digits(text) ? "d" : "");

    if (len >= (int)sizeof age || !moment_read_age(age, &settings.expire_after_ms) ||
        settings.expire_after_ms == 0)
        die(EXIT_USAGE, "%s: '%s' is neither an age such as 90m or 12h nor a number of days",
            option, printable_text(text));
}

static struct option_entry options[] = {
    {"max-qty", "N", "fail orders with more than N of an item (5)",
     .number = &settings.rule.max_qty, .most = ORDER_MAX_QTY},
    {"strict-stock", NULL, "fail orders with a sku that has no stock level",
     .flag = &settings.rule.is_strict},
    {"cancelled", NULL, "take cancellations from order.cancelled.q, and give back what they free",
     .flag = &settings.takes_cancelled},
    {"prefetch", "N", "unacknowledged deliveries at a time, the most in a batch (256)",
     .number = &prefetch, .least = 1, .most = 65535},
    {"flush", NULL, "publish events that ended workers left unpublished; take no orders",
     .flag = &settings.flush_only},
    /* With 0 days, a copy that comes because an acknowledgement was lost would be a new order. */
    {"retain", "DAYS", "forget orders that were handled more than DAYS ago (never)",
     .number = &settings.retain_days, .least = 1, .most = 36500},
    {"expire", "AGE",
     "release orders that were reserved more than AGE ago (90m, 12h, 2w, or a\n"
     "number of days), and are neither handed over nor cancelled (never)",
     .call = read_expire},
    {.group = metrics_option_table},
    {.group = consumer_option_table},
    {.group = broker_option_table},
    {.group = publishing_option_table},
    {.group = where_ledger_table},
    {.group = span_option_table},
    {.group = common_option_table},
    {0},
};

static void read_options(int argc, char **argv)
{
    options_refuse_operands(options_read(argc, argv, usage, options), "orders come from the queue");
    if (settings.flush_only && (consumer_count >= 0 || consumer_idle_s >= 0))
        usage_error("--flush takes no orders: --count and --idle-timeout do not go with it");
    if (settings.flush_only && settings.takes_cancelled)
        usage_error("--flush and --cancelled exclude each other");
    if (settings.takes_cancelled && settings.rule.is_strict)
        usage_error("--strict-stock is for orders, and --cancelled takes none");
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
    if (!settings.flush_only)
        supervisor_open();
    code = broker_options_resolve(&broker_options);
    if (code == EXIT_OK)
        code = pipeline_open(&settings);
    if (code == EXIT_OK)
        code = pipeline_run();
    pipeline_close();
    broker_options_free(&broker_options);
    /* A --flush that is asked to stop must not seem to have published everything. */
    return program_end(code, !settings.flush_only);
}
