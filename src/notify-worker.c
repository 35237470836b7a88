/*
 * notify-worker: takes InventoryReserved events and tells the customers: a line of JSON each, or a command
 * run for each.
 *
 * What is on disk and on the broker when this program is killed, per delivery:
 *
 *   N0  delivered                            redelivered, handled afresh
 *   N1  line written, or command succeeded   redelivered; the customer is told again
 *   N2  one transaction: order_id was told   redelivered; a repeat, nobody is told
 *   N3  acknowledged                         done; a later copy is a repeat
 *
 * Without a command, deliveries are handled in batches of what has arrived. With one, each is handled by
 * itself, and one that is to be tried again later waits while others are handled.
 */
#include "clock.h"
#include "command.h"
#include "consumer.h"
#include "dead_letter.h"
#include "link.h"
#include "notices.h"
#include "options.h"
#include "order.h"
#include "output.h"
#include "publisher.h"
#include "report.h"
#include "stop.h"
#include "text.h"
#include "topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH_MAX 256
#define MARKS (16 * BATCH_MAX)
#define TRIES 3
#define NAP_US 20 /* before looking at a command that seems to end; twice as long each time, up to */
#define NAP_MAX_US 5000
#define TRY_LATER 75 /* EX_TEMPFAIL */
#define WAIT_MS 60000

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

enum verdict {
    VERDICT_TELL,
    VERDICT_REPEAT,   /* the customer was told before */
    VERDICT_OTHER,    /* an event of another type: acknowledged */
    VERDICT_MALFORMED /* moved to the dead letter queue */
};

/* A delivery in hand. */
struct notice {
    struct delivery *delivery;
    enum verdict verdict;
    char order_id[ORDER_MAX_ID + 1];
    struct order_fault fault;
    char *event;    /* VERDICT_TELL: as one line */
    int tries;      /* of the command */
    int64_t due_ms; /* when it arrived, or is to be tried again */
};

static struct link_options link_options = LINK_OPTIONS_DEFAULT;
static char **command_line; /* NULL without --exec */
static unsigned prefetch;
static long deliveries_left = -1; /* without end */
static int idle_ms = -1;

static struct notices *notices;
static struct consumer *consumer;
static struct publisher *publisher;
static struct delivery **batch;
static size_t batch_max;
static struct notice *held;
static size_t held_count;

/* ---- one delivery ---- */

/* Puts a mark for an id; was it there? If not, none held is of that id; but ids share marks. */
static bool mark(const char *order_id)
{
    static bool marks[MARKS];
    uint32_t hash = 2166136261; /* FNV-1a */
    bool *its_mark;
    bool there;

    for (; *order_id != '\0'; order_id++)
        hash = (hash ^ (unsigned char)*order_id) * 16777619;
    if (held_count == 0)
        memset(marks, false, sizeof marks);
    its_mark = &marks[hash % MARKS];
    there = *its_mark;
    *its_mark = true;
    return there;
}

static bool is_held(const char *order_id)
{
    if (!mark(order_id))
        return false;
    for (size_t i = 0; i < held_count; i++)
        if (held[i].verdict == VERDICT_TELL && strcmp(held[i].order_id, order_id) == 0)
            return true;
    return false;
}

/* The event as it came, on one line: no line break can stand in a JSON text but between its tokens. */
static char *one_line(amqp_bytes_t body)
{
    char *line = need_calloc(body.len + 1, 1);

    memcpy(line, body.bytes, body.len);
    for (char *end = line; (end = strpbrk(end, "\r\n")) != NULL;)
        *end = ' ';
    return line;
}

/* Takes a delivery in hand, as the next of those held, and finds out what is to be done about it. */
static enum exit_code look_at(struct delivery *delivery)
{
    struct notice *notice = &held[held_count];
    enum exit_code code;
    struct order order;
    bool told;

    memset(notice, 0, sizeof *notice);
    notice->delivery = delivery;
    notice->due_ms = clock_steady_ms();
    switch (event_read(&order, EVENT_RESERVED, delivery->body.bytes, delivery->body.len, &notice->fault)) {
    case EVENT_OTHER_TYPE:
        notice->verdict = VERDICT_OTHER;
        held_count++;
        return EXIT_OK;
    case EVENT_MALFORMED:
        notice->verdict = VERDICT_MALFORMED;
        held_count++;
        return EXIT_OK;
    case EVENT_SOUND:
        break;
    }
    memcpy(notice->order_id, order.order_id, strlen(order.order_id) + 1);
    order_free(&order);
    code = notices_find(notices, notice->order_id, &told);
    if (code != EXIT_OK)
        return code;
    notice->verdict = told || is_held(notice->order_id) ? VERDICT_REPEAT : VERDICT_TELL;
    if (notice->verdict == VERDICT_TELL)
        notice->event = one_line(delivery->body);
    held_count++;
    return EXIT_OK;
}

/*
 * Moves a delivery that this queue has no dead letter exchange for; it is acknowledged by the caller,
 * afterwards.
 */
static enum exit_code move_to_dead_letters(const struct delivery *delivery, const char *reason)
{
    struct death death = {.queue = amqp_cstring_bytes(RESERVED_QUEUE),
                          .reason = amqp_cstring_bytes(reason),
                          .exchange = delivery->exchange,
                          .routing_key = delivery->routing_key,
                          .time = clock_utc_ms() / 1000};
    static const amqp_basic_properties_t none;
    const amqp_basic_properties_t *given;
    amqp_basic_properties_t properties;
    struct message message = {.exchange = DEAD_LETTER_EXCHANGE,
                              .routing_key = DEAD_LETTER_KEY,
                              .properties = &properties,
                              .body = delivery->body};
    enum publish_fate fate = PUBLISH_REFUSED;
    enum exit_code code;
    amqp_pool_t pool;
    uint64_t cookie;

    init_amqp_pool(&pool, 4096);
    given = delivery_properties(delivery, &pool);
    properties = dead_letter_marked(given == NULL ? &none : given, &death, &pool);
    code = publisher_send(publisher, &message, 0);
    empty_amqp_pool(&pool);
    if (code == EXIT_OK)
        code = publisher_settle(publisher);
    if (code != EXIT_OK)
        return code;
    if (publisher_next(publisher, &cookie, &fate) && fate == PUBLISH_CONFIRMED)
        return EXIT_OK;
    report("cannot move a message to '%s': %s", DEAD_LETTER_QUEUE, publisher_reason(publisher));
    return EXIT_REFUSED;
}

/* What is done about a notice that is not to be told. Not yet acknowledged afterwards. */
static enum exit_code put_aside(const struct notice *notice)
{
    switch (notice->verdict) {
    case VERDICT_OTHER:
        log_line("[notify] unexpected event ignored: %s", notice->fault.reason);
        return EXIT_OK;
    case VERDICT_REPEAT:
        log_line("[notify] repeat ignored: %s", notice->order_id);
        return EXIT_OK;
    default:
        log_line("[notify] moved to %s: %s", DEAD_LETTER_QUEUE, notice->fault.reason);
        return move_to_dead_letters(notice->delivery, notice->fault.reason);
    }
}

static enum exit_code tell(const struct notice *notice)
{
    log_line("[notify] Order confirmed: %s", notice->order_id);
    return output_json_text(notice->event, strlen(notice->event));
}

/* ---- without a command: in batches ---- */

/* N2: all that were told, in one transaction. */
static enum exit_code record_held(void)
{
    int64_t now = clock_utc_ms();
    enum exit_code code = notices_begin(notices);

    if (code != EXIT_OK)
        return code;
    for (size_t i = 0; i < held_count && code == EXIT_OK; i++)
        if (held[i].verdict == VERDICT_TELL)
            code = notices_add(notices, held[i].order_id, now);
    if (code == EXIT_OK)
        return notices_commit(notices);
    notices_roll_back(notices);
    return code;
}

static enum exit_code tell_held(void)
{
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < held_count && code == EXIT_OK; i++)
        code = held[i].verdict == VERDICT_TELL ? tell(&held[i]) : put_aside(&held[i]);
    if (code == EXIT_OK)
        code = output_flush();
    if (code == EXIT_OK)
        code = record_held();
    return code;
}

static void free_events(void)
{
    for (size_t i = 0; i < held_count; i++)
        free(held[i].event);
    held_count = 0;
}

static enum exit_code handle_batch(size_t count)
{
    enum exit_code code = notices_begin_reading(notices);

    for (size_t i = 0; i < count && code == EXIT_OK; i++)
        code = look_at(batch[i]);
    notices_roll_back(notices);
    if (code == EXIT_OK)
        code = tell_held();
    if (code == EXIT_OK)
        consumer_ack_batch(consumer, batch, count);
    notices_tidy(notices);
    free_events();
    return code;
}

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

/* Takes a notice out of those held, once it is settled. */
static void drop(struct notice *notice)
{
    size_t behind = (size_t)(held + held_count - notice) - 1;

    free(notice->event);
    memmove(notice, notice + 1, behind * sizeof *notice);
    held_count--;
}

/* Deliveries of a connection that is gone come again. */
static void drop_stale(void)
{
    for (size_t i = held_count; i-- > 0;) {
        if (!consumer_is_current(consumer, held[i].delivery)) {
            consumer_let_go(consumer, held[i].delivery);
            drop(&held[i]);
        }
    }
}

/* Whoever has waited longest, be it from arriving or from when it is to be tried again. */
static struct notice *first_due(void)
{
    struct notice *first = NULL;

    for (size_t i = 0; i < held_count; i++)
        if (first == NULL || held[i].due_ms < first->due_ms)
            first = &held[i];
    return first;
}

static void nap(long *us)
{
    const struct timespec pause = {.tv_nsec = *us * 1000};

    (void)nanosleep(&pause, NULL);
    *us = *us * 2 < NAP_MAX_US ? *us * 2 : NAP_MAX_US;
}

static enum exit_code run_command(const struct notice *notice, int *exit_status)
{
    struct command *command;
    long nap_us = NAP_US;
    enum exit_code code = command_start(command_line, notice->event, strlen(notice->event), &command);

    if (code != EXIT_OK)
        return code;
    while (!command_ended(command, exit_status)) {
        link_wait(consumer_link(consumer), command_descriptor(command), WAIT_MS);
        consumer_service(consumer);
        /* It ends in a moment, unless it has closed what it does not know, and runs on. */
        if (link_readable(command_descriptor(command)))
            nap(&nap_us);
    }
    return EXIT_OK;
}

static enum exit_code record_one(const struct notice *notice)
{
    enum exit_code code = notices_begin(notices);

    if (code != EXIT_OK)
        return code;
    code = notices_add(notices, notice->order_id, clock_utc_ms());
    if (code == EXIT_OK)
        return notices_commit(notices);
    notices_roll_back(notices);
    return code;
}

static enum exit_code told(struct notice *notice)
{
    enum exit_code code = tell(notice);

    if (code == EXIT_OK)
        code = output_flush();
    if (code == EXIT_OK)
        code = record_one(notice);
    if (code != EXIT_OK)
        return code;
    consumer_ack(consumer, notice->delivery);
    drop(notice);
    notices_tidy(notices);
    return EXIT_OK;
}

static void try_later(struct notice *notice, int exit_status)
{
    log_line("[notify] later: %s: '%s' exited with %d", notice->order_id, printable_text(command_line[0]),
             exit_status);
    notice->due_ms = clock_steady_ms() + (int64_t)link_options.retry_delay * 1000;
}

static enum exit_code give_up(struct notice *notice, int exit_status)
{
    char reason[PRINTABLE_MAX + 128];
    enum exit_code code;

    (void)snprintf(reason, sizeof reason, "'%s' exited with %d, %d times", printable_text(command_line[0]),
                   exit_status, TRIES);
    log_line("[notify] moved to %s: %s: %s", DEAD_LETTER_QUEUE, notice->order_id, reason);
    code = move_to_dead_letters(notice->delivery, reason);
    if (code != EXIT_OK)
        return code;
    consumer_ack(consumer, notice->delivery);
    drop(notice);
    return EXIT_OK;
}

static enum exit_code try_to_tell(struct notice *notice)
{
    int exit_status = 0;
    enum exit_code code = run_command(notice, &exit_status);

    if (code != EXIT_OK)
        return code;
    if (exit_status == 0)
        return told(notice);
    if (exit_status != TRY_LATER && ++notice->tries >= TRIES)
        return give_up(notice, exit_status);
    try_later(notice, exit_status);
    return EXIT_OK;
}

/* Takes what has arrived in hand; of that, settles at once what needs no command. */
static enum exit_code hold_more(int timeout_ms, size_t *count)
{
    enum exit_code code = take(batch_max - held_count, count, timeout_ms);

    /* First: what comes again after a lost connection is no repeat of the copy that is held of it. */
    drop_stale();
    for (size_t i = 0; i < *count && code == EXIT_OK; i++) {
        struct notice *notice = &held[held_count];

        code = look_at(batch[i]);
        if (code != EXIT_OK || notice->verdict == VERDICT_TELL)
            continue;
        code = put_aside(notice);
        if (code == EXIT_OK)
            consumer_ack(consumer, notice->delivery);
        held_count--;
    }
    return code;
}

/* How long to wait for deliveries before something else is to be done. */
static int patience(void)
{
    const struct notice *first = first_due();
    int64_t left;

    if (first == NULL)
        return idle_ms;
    left = first->due_ms - clock_steady_ms();
    return left > 0 ? (int)left : 0;
}

static enum exit_code work_one_by_one(void)
{
    enum exit_code code = EXIT_OK;

    while (code == EXIT_OK && !stop_requested() && (deliveries_left != 0 || held_count > 0)) {
        struct notice *notice;
        bool had_none = held_count == 0;
        size_t count = 0;

        if (held_count < batch_max && deliveries_left != 0)
            code = hold_more(patience(), &count);
        else if (patience() > 0)
            link_wait(consumer_link(consumer), -1, patience());
        if (code != EXIT_OK)
            break;
        consumer_service(consumer);
        publisher_service(publisher);
        drop_stale();
        notice = first_due();
        if (had_none && count == 0 && idle_ms >= 0)
            break;
        if (notice != NULL && notice->due_ms <= clock_steady_ms())
            code = try_to_tell(notice);
    }
    free_events();
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

    if (code == EXIT_OK)
        code = notices_open(&notices);
    if (code != EXIT_OK)
        return code;
    batch = need_calloc(batch_max, sizeof(*batch));
    held = need_calloc(batch_max, sizeof *held);
    settings.prefetch = prefetch;
    consumer = consumer_new(&link_options, &settings);
    publisher = publisher_new(&link_options, TOPOLOGY_OF_DEAD_LETTERS);
    return EXIT_OK;
}

static void close_all(void)
{
    consumer_free(consumer);
    publisher_free(publisher);
    notices_close(notices);
    free(batch);
    free(held);
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
