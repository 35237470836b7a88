/*
 * inventory-worker: takes OrderPlaced events, reserves or fails each order once, and publishes the
 * outcome.
 *
 * pipeline.h says what holds when this program is killed, and at which point.
 */
#include "pipeline.h"

#include "amqp/broker_options.h"
#include "amqp/consumer.h"
#include "base/options.h"
#include "base/output.h"
#include "base/report.h"
#include "base/stop.h"
#include "base/text.h"
#include "order/order.h"

static const char usage[] =
    "usage: inventory-worker [options]\n"
    "       inventory-worker [options] --flush\n"
    "Takes orders from order.placed.q, reserves or fails each once, and publishes the outcome,\n"
    "which is printed as a line of JSON too.\n"
    "      --max-qty N         an item of more than N fails its order (5)\n"
    "      --prefetch N        deliveries in hand at once: the largest batch (256)\n"
    "      --flush             publish what workers that have ended left unpublished, and take no\n"
    "                          orders\n"
    "      --retain DAYS       forget orders that were handled more than DAYS ago (never)\n"
    "      --count N           stop after N deliveries\n"
    "      --idle-timeout S    stop when S seconds pass without a delivery\n" BROKER_USAGE
        COMMON_USAGE;

enum {
    OPTION_MAX_QTY = OPTION_OWN,
    OPTION_PREFETCH,
    OPTION_COUNT,
    OPTION_IDLE_TIMEOUT,
    OPTION_RETAIN,
    OPTION_FLUSH
};

static const struct option long_options[] = {
    {"max-qty", required_argument, NULL, OPTION_MAX_QTY},
    {"prefetch", required_argument, NULL, OPTION_PREFETCH},
    {"flush", no_argument, NULL, OPTION_FLUSH},
    {"retain", required_argument, NULL, OPTION_RETAIN},
    {"count", required_argument, NULL, OPTION_COUNT},
    {"idle-timeout", required_argument, NULL, OPTION_IDLE_TIMEOUT},
    BROKER_LONG_OPTIONS,
    COMMON_LONG_OPTIONS,
    {NULL, 0, NULL, 0}};

static struct broker_options broker_options = BROKER_OPTIONS_DEFAULT;
static struct pipeline_settings settings = {.options = &broker_options,
                                            .max_qty = 5,
                                            .prefetch = 256,
                                            .retain_days = -1,
                                            .count = -1,
                                            .idle_ms = -1};

static void read_options(int argc, char **argv)
{
    int option;

    while ((option = getopt_long(argc, argv, BROKER_SHORT_OPTIONS COMMON_SHORT_OPTIONS,
                                 long_options, NULL)) != -1) {
        if (option == OPTION_MAX_QTY)
            settings.max_qty = (int)option_number("--max-qty", optarg, 0, ORDER_MAX_QTY);
        else if (option == OPTION_PREFETCH)
            settings.prefetch = (unsigned)option_number("--prefetch", optarg, 1, 65535);
        else if (option == OPTION_FLUSH)
            settings.flush_only = true;
        else if (option == OPTION_RETAIN)
            /* With 0 a copy that comes because an acknowledgement was lost would be a new order. */
            settings.retain_days = option_number("--retain", optarg, 1, 36500);
        else if (option == OPTION_COUNT)
            settings.count = option_number("--count", optarg, 1, 1000000000);
        else if (option == OPTION_IDLE_TIMEOUT)
            settings.idle_ms = consumer_idle_ms(option_number("--idle-timeout", optarg, 0, 86400));
        else if (!broker_option(&broker_options, option) && !common_option(option, usage))
            usage_error();
    }
    if (optind < argc) {
        report("orders come from the queue: '%s' is no option", printable_text(argv[optind]));
        usage_error();
    }
    if (settings.flush_only && (settings.count >= 0 || settings.idle_ms >= 0)) {
        report("--flush takes no orders: --count and --idle-timeout do not go with it");
        usage_error();
    }
}

int main(int argc, char **argv)
{
    enum exit_code code;

    report_program(argv[0]);
    read_options(argc, argv);
    stop_on_signals();
    code = broker_options_resolve(&broker_options);
    if (code == EXIT_OK)
        code = pipeline_open(&settings);
    if (code == EXIT_OK)
        code = pipeline_run();
    pipeline_close();
    broker_options_free(&broker_options);
    code = output_close(code);
    /* That all was sent is not said by a --flush that was asked to stop. */
    if (settings.flush_only)
        stop_by_signal();
    return (int)code;
}
