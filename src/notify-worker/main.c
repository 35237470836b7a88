/*
 * notify-worker: takes InventoryReserved events, or InventoryFailed or InventoryReleased ones, and
 * tells the customers: a line of JSON each, or a command run for each.
 *
 * notifier.h says what holds when this program is killed, and at which point. Without a command,
 * what has arrived is told in one turn. With one, each order is a turn, and one that is to be tried
 * again later waits while others are handled.
 */
#include "exec.h"
#include "metrics.h"
#include "notifier.h"

#include "amqp/connection.h"
#include "amqp/consumer.h"
#include "amqp/publisher.h"
#include "amqp/topology.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/program.h"
#include "base/report.h"
#include "base/stop.h"
#include "base/supervisor.h"
#include "engine/where.h"
#include "metrics/file.h"
#include "process/command.h"
#include "trace/span.h"

#include <stdlib.h>

#define BATCH_MAX 256
#define STUCK_MS 300 /* to wait for other deliveries while none in hand can be settled */

static const char usage[] =
    "usage: notify-worker [options] [--exec COMMAND [ARG...]]\n"
    "Takes reserved orders from inventory.reserved.q and prints a line of JSON for each.\n";

static int kind = NOTIFIED_RESERVED;
static const struct subject *subject;
static char **command_line; /* NULL without --exec */
static int prefetch;
static int deliveries_left; /* negative: without end */
static int idle_ms;         /* negative: never */
static int max_attempts = 3;
static size_t together; /* deliveries that are told in one turn */

static struct option_entry options[] = {
    {"failed", NULL, "take failed orders from inventory.failed.q instead", .set = &kind,
     .value = NOTIFIED_FAILED},
    {"released", NULL, "take released orders from inventory.released.q instead", .set = &kind,
     .value = NOTIFIED_RELEASED},
    {"exec", "COMMAND...",
     "run COMMAND for each instead, with the event on its standard\n"
     "input; the last option",
     .command = &command_line},
    {"max-attempts", "N", "give up an order after N attempts that failed or are in doubt (3)",
     .number = &max_attempts, .least = 1, .most = 1000000},
    {"prefetch", "N", "unacknowledged deliveries at a time (1024; with --exec 16)",
     .number = &prefetch, .least = 1, .most = 65535},
    {.group = metrics_option_table},
    {.group = consumer_option_table},
    {.group = broker_option_table},
    {.group = publishing_option_table},
    {.group = where_notified_table},
    {.group = span_option_table},
    {.group = common_option_table},
    {0},
};

static void read_options(int argc, char **argv)
{
    options_refuse_operands(options_read(argc, argv, usage, options), "events come from the queue");
    options_exclude_each_other(options, &kind);
    subject = subject_of((enum notified_kind)kind);
    if (prefetch == 0)
        prefetch = command_line == NULL ? 1024 : 16;
    deliveries_left = consumer_count;
    idle_ms = consumer_idle_ms();
    /* Half of the prefetch, so that the broker sends the next turn while this one is told. */
    together = (prefetch + 1) / 2 < BATCH_MAX ? (size_t)(prefetch + 1) / 2 : BATCH_MAX;
    if (command_line != NULL)
        together = 1;
}

static struct notifier *notifier;
static const struct hand *hand; /* the notifier's */
static struct consumer *consumer;
static struct publisher *publisher;
static struct delivery **batch;

/* Returns whether all deliveries in hand are dead letters that the broker does not take. */
static bool is_stuck(void)
{
    size_t stuck = hand_stuck(hand);

    return stuck > 0 && stuck == hand_count(hand) && hand->turn.count == 0;
}

/* Takes what has arrived, as far as there is room; *count is how many. Waits for deliveries unless
 * there is other work. */
static enum exit_code hold_more(size_t *count)
{
    int wait_ms = hand_count(hand) == 0 ? idle_ms : hand_wait_ms(hand);
    size_t room = hand->spare.count;
    enum exit_code code;

    *count = 0;
    if (is_stuck())
        wait_ms = STUCK_MS;
    /* Record what was told before waiting for anything, even for a new connection. */
    if (hand->turn.count > 0 && consumer_arrived(consumer) == 0)
        return EXIT_OK;
    if (room > BATCH_MAX)
        room = BATCH_MAX;
    if (deliveries_left >= 0 && deliveries_left < (int)room)
        room = (size_t)deliveries_left;
    if (room == 0) {
        if (wait_ms > 0)
            connection_wait(consumer_connection(consumer), -1, wait_ms);
        return EXIT_OK;
    }
    code = consumer_take(consumer, batch, room, count, wait_ms);
    if (deliveries_left > 0)
        deliveries_left -= (int)*count;
    if (code == EXIT_OK && *count > 0)
        notifier_take(notifier, batch, *count);
    return code;
}

static enum exit_code work(void)
{
    const struct exec exec = {.command = command_line,
                              .event_type = subject->event_type,
                              .retry_ms = (int64_t)broker_options.retry_delay * 1000,
                              .max_attempts = max_attempts,
                              .notifier = notifier,
                              .consumer = consumer};
    enum exit_code code = EXIT_OK;

    while (code == EXIT_OK && !stop_requested() && (deliveries_left != 0 || hand_count(hand) > 0)) {
        bool had_none = hand_count(hand) == 0;
        size_t count;

        notifier_measure(notifier);
        metrics_file_step();
        supervisor_progress();
        code = hold_more(&count);
        if (code != EXIT_OK || (count == 0 && (is_stuck() || (had_none && idle_ms >= 0))))
            break;
        consumer_service(consumer);
        publisher_service(publisher);
        code = notifier_next(notifier);
        if (code == EXIT_OK && notifier_may_tell(notifier))
            code = command_line == NULL ? notifier_tell(notifier) : exec_run(&exec);
    }
    return code;
}

/* Records what was told, whatever ended the work, and waits until the broker has seen all
 * acknowledgements. Returns the exit code of the program. */
static enum exit_code finish(enum exit_code code)
{
    enum exit_code settled = notifier_settle(notifier);

    /* Asked to stop while the broker was away: that is a clean end. */
    if (code == EXIT_UNREACHABLE && stop_requested())
        code = EXIT_OK;
    code = first_failure(code, settled);
    code = first_failure(code, hand_verdict(hand));
    return first_failure(code, consumer_end(consumer));
}

/* ---- the program ---- */

static enum exit_code open_all(void)
{
    struct consumer_settings settings = {
        .queue = subject->queue, .declare = subject->declare, .max_body = SIZE_MAX};
    enum exit_code code = broker_options_resolve(&broker_options);

    if (code == EXIT_OK && command_line != NULL)
        code = command_check(command_line[0]);
    if (code == EXIT_OK)
        code = metrics_open();
    if (code != EXIT_OK)
        return code;
    publisher = publisher_new(&broker_options,
                              &(struct publisher_settings){.declare = topology_declare_dead_letters,
                                                           .repair = topology_declare,
                                                           .nacked = NACKED_IS_FINAL});
    settings.prefetch = (unsigned)prefetch;
    consumer = consumer_new(&broker_options, &settings);
    batch = xcalloc(BATCH_MAX, sizeof(*batch));
    code = notifier_open(&(struct notifier_settings){.subject = subject,
                                                     .consumer = consumer,
                                                     .publisher = publisher,
                                                     .in_hand = (size_t)prefetch,
                                                     .together = together,
                                                     .max_attempts = max_attempts},
                         &notifier);
    if (code == EXIT_OK)
        hand = notifier_hand(notifier);
    metrics_of(hand);
    return code;
}

static void close_all(void)
{
    metrics_file_close();
    notifier_close(notifier);
    consumer_free(consumer);
    publisher_free(publisher);
    free(batch);
    broker_options_free(&broker_options);
}

int main(int argc, char **argv)
{
    enum exit_code code;

    report_program(argv[0]);
    read_options(argc, argv);
    stop_on_signals();
    supervisor_open();
    code = open_all();
    if (code == EXIT_OK)
        code = finish(work());
    close_all();
    return program_end(code, true);
}
