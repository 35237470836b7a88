/*
 * notify-worker: takes InventoryReserved events and tells the customers: a line of JSON each, or a command
 * run for each.
 *
 * telling.h says what holds when this program is killed, and at which point. Without a command, deliveries are handled
 * in batches of what has arrived. With one, each is handled by itself, and one that is to be tried again later waits
 * while others are handled.
 */
#include "consumer.h"
#include "errands.h"
#include "link.h"
#include "options.h"
#include "output.h"
#include "publisher.h"
#include "report.h"
#include "stop.h"
#include "telling.h"
#include "text.h"
#include "topology.h"

#include <stdlib.h>

#define BATCH_MAX 256

static const char usage[] =
    "usage: notify-worker [options] [--exec COMMAND [ARG...]]\n"
    "Takes reserved orders from inventory.reserved.q and prints a line of JSON for each.\n"
    "      --exec COMMAND...   run COMMAND for each, the event on its standard input;\n"
    "                          must come last\n"
    "      --prefetch N        deliveries in hand at once (1024; with --exec 16)\n"
    "      --count N           stop after N deliveries\n"
    "      --idle-timeout S    stop when S seconds pass without a delivery\n" LINK_USAGE COMMON_USAGE;

enum { OPTION_EXEC = OPTION_OWN, OPTION_PREFETCH, OPTION_COUNT, OPTION_IDLE_TIMEOUT };

static const struct option long_options[] = {{"exec", no_argument, NULL, OPTION_EXEC},
                                             {"prefetch", required_argument, NULL, OPTION_PREFETCH},
                                             {"count", required_argument, NULL, OPTION_COUNT},
                                             {"idle-timeout", required_argument, NULL, OPTION_IDLE_TIMEOUT},
                                             LINK_LONG_OPTIONS,
                                             COMMON_LONG_OPTIONS,
                                             {NULL, 0, NULL, 0}};

static struct link_options link_options = LINK_OPTIONS_DEFAULT;
static char **command_line; /* NULL without --exec */
static unsigned prefetch;
static long deliveries_left = -1; /* without end */
static int idle_ms = -1;

static struct telling *telling;
static struct consumer *consumer;
static struct publisher *publisher;
static struct delivery **batch;
static size_t batch_max;

/* Up to max of what has arrived, into batch. */
static enum exit_code take(size_t max, size_t *count, int timeout_ms)
{
    enum exit_code code;

    if (deliveries_left >= 0 && deliveries_left < (long)max)
        max = (size_t)deliveries_left;
    *count = 0;
    if (max == 0)
        return EXIT_OK;
    code = consumer_take(consumer, batch, max, count, timeout_ms);
    if (deliveries_left > 0)
        deliveries_left -= (long)*count;
    return code;
}

/* ---- without a command: in batches ---- */

static enum exit_code handle_batch(size_t count)
{
    struct notice *notices = telling_notices(telling);
    enum exit_code code = telling_take(telling, batch, count);

    if (code == EXIT_OK)
        code = telling_tell(telling, notices, count);
    if (code == EXIT_OK)
        consumer_ack_batch(consumer, batch, count);
    telling_drop(telling, notices, telling_count(telling));
    return code;
}

static enum exit_code work_in_batches(void)
{
    enum exit_code code = EXIT_OK;

    while (code == EXIT_OK && !stop_requested() && deliveries_left != 0) {
        size_t count;

        code = take(batch_max, &count, idle_ms);
        if (code != EXIT_OK || (count == 0 && idle_ms >= 0))
            break;
        if (count > 0)
            code = handle_batch(count);
        publisher_service(publisher);
    }
    return code;
}

/* ---- with a command: one by one ---- */

/* Takes what has arrived in hand, as far as there is room, and waits for it until one in hand is due. */
static enum exit_code hold_more(const struct errands *errands, size_t *count)
{
    size_t room = deliveries_left == 0 ? 0 : batch_max - telling_count(telling);
    int wait_ms = telling_count(telling) == 0 ? idle_ms : errands_wait_ms(errands);
    enum exit_code code = take(room, count, wait_ms);

    if (room == 0 && wait_ms > 0)
        link_wait(consumer_link(consumer), -1, wait_ms);
    return code == EXIT_OK && *count > 0 ? errands_take(errands, batch, *count) : code;
}

static enum exit_code work_one_by_one(void)
{
    const struct errands errands = {.command = command_line,
                                    .retry_ms = (int64_t)link_options.retry_delay * 1000,
                                    .telling = telling,
                                    .consumer = consumer};
    enum exit_code code = EXIT_OK;

    while (code == EXIT_OK && !stop_requested() && (deliveries_left != 0 || telling_count(telling) > 0)) {
        bool had_none = telling_count(telling) == 0;
        size_t count;

        code = hold_more(&errands, &count);
        if (code != EXIT_OK || (had_none && count == 0 && idle_ms >= 0))
            break;
        consumer_service(consumer);
        publisher_service(publisher);
        code = errands_run(&errands);
    }
    return code;
}

/* ---- the program ---- */

static void read_options(int argc, char **argv)
{
    int option;

    /* A plus sign, so that what comes after the command is the command's. */
    while (command_line == NULL &&
           (option = getopt_long(argc, argv, "+" LINK_SHORT_OPTIONS COMMON_SHORT_OPTIONS, long_options,
                                 NULL)) != -1) {
        if (option == OPTION_EXEC)
            command_line = argv + optind;
        else if (option == OPTION_PREFETCH)
            prefetch = (unsigned)option_number("--prefetch", optarg, 1, 65535);
        else if (option == OPTION_COUNT)
            deliveries_left = option_number("--count", optarg, 1, 1000000000);
        else if (option == OPTION_IDLE_TIMEOUT)
            idle_ms = consumer_idle_ms(option_number("--idle-timeout", optarg, 0, 86400));
        else if (!link_option(&link_options, option) && !common_option(option, usage))
            usage_error();
    }
    if (command_line != NULL && *command_line == NULL) {
        report("--exec needs a command");
        usage_error();
    }
    if (command_line == NULL && optind < argc) {
        report("events come from the queue: '%s' is no option", printable_text(argv[optind]));
        usage_error();
    }
    if (prefetch == 0)
        prefetch = command_line == NULL ? 1024 : 16;
    batch_max = prefetch < BATCH_MAX ? prefetch : BATCH_MAX;
}

static enum exit_code open_all(void)
{
    struct consumer_settings settings = {.queue = RESERVED_QUEUE, .declare = true, .max_body = SIZE_MAX};
    enum exit_code code = link_options_resolve(&link_options);

    if (code != EXIT_OK)
        return code;
    publisher = publisher_new(&link_options, &(struct publisher_settings){.scope = TOPOLOGY_OF_DEAD_LETTERS});
    code = telling_open(publisher, batch_max, &telling);
    if (code != EXIT_OK)
        return code;
    batch = need_calloc(batch_max, sizeof(*batch));
    settings.prefetch = prefetch;
    consumer = consumer_new(&link_options, &settings);
    return EXIT_OK;
}

static void close_all(void)
{
    consumer_free(consumer);
    telling_close(telling);
    publisher_free(publisher);
    free(batch);
    link_options_free(&link_options);
}

int main(int argc, char **argv)
{
    enum exit_code code;

    report_program(argv[0]);
    read_options(argc, argv);
    stop_on_signals();
    code = open_all();
    if (code == EXIT_OK)
        code = command_line == NULL ? work_in_batches() : work_one_by_one();
    /* Asked to stop while the broker was away: nothing is in hand, so that is a clean end. */
    if (code == EXIT_UNREACHABLE && stop_requested())
        code = EXIT_OK;
    close_all();
    return (int)output_close(code);
}
