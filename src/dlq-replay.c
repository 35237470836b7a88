/*
 * dlq-replay: shows dead letters, or sends each back to where it came from.
 *
 * A dead letter that is sent back is published first, confirmed and routed, and acknowledged second: killed
 * in between, it is in both places; never in none. Only what was in the queue at the start is handled, so
 * that what comes straight back is not replayed for ever.
 */
#include "consumer.h"
#include "dead_letter.h"
#include "envelope.h"
#include "json.h"
#include "link.h"
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

#define BATCH_MAX 256
#define ARRIVE_MS 2000 /* that a message in the queue may take to arrive */

static const char usage[] =
    "usage: dlq-replay [options]\n"
    "       dlq-replay [options] --list\n"
    "Sends the dead letters of order.placed.dlq back to the exchange and routing key they came\n"
    "from, and prints a line of JSON for each.\n"
    "      --list              show them, and why they are refused, and send nothing\n"
    "  -n, --number N          the first N of them only\n" LINK_USAGE COMMON_USAGE;

enum { OPTION_LIST = OPTION_OWN };

static const struct option long_options[] = {{"list", no_argument, NULL, OPTION_LIST},
                                             {"number", required_argument, NULL, 'n'},
                                             LINK_LONG_OPTIONS,
                                             COMMON_LONG_OPTIONS,
                                             {NULL, 0, NULL, 0}};

/* A dead letter in hand. */
struct letter {
    struct delivery *delivery;
    const char *fate;
    const char *reason; /* why it was left where it is, or NULL */
    char exchange[256];
    char routing_key[256];
};

static struct link_options link_options = LINK_OPTIONS_DEFAULT;
static bool list_only;
static size_t limit = SIZE_MAX;

static struct consumer *consumer;
static struct publisher *publisher;
static struct delivery *batch[BATCH_MAX];
static struct letter letters[BATCH_MAX];
static struct link *looking;
static size_t total; /* letters to be handled: those that were there at the start */
static size_t left;  /* of them, still to be handled */
static size_t acknowledged;
static bool some_left;

/* ---- showing ---- */

static bool came_from(const struct death *death, const char *queue)
{
    return death->queue.len == strlen(queue) && memcmp(death->queue.bytes, queue, death->queue.len) == 0;
}

/* What the worker on the queue that it came from would say to the message now; NULL if it would take it. */
static const char *why_refused(const struct delivery *delivery, const struct death *death,
                               struct order_fault *fault)
{
    const char *type = came_from(death, RESERVED_QUEUE) ? EVENT_RESERVED : EVENT_PLACED;
    struct order order;

    if (event_read(&order, type, delivery->body.bytes, delivery->body.len, fault) != EVENT_SOUND)
        return fault->reason;
    order_free(&order);
    return NULL;
}

static enum exit_code show(const struct delivery *delivery)
{
    amqp_pool_t pool;
    const amqp_basic_properties_t *properties;
    struct death death;
    struct order_fault fault;
    const char *error;
    cJSON *envelope;

    init_amqp_pool(&pool, 4096);
    properties = delivery_properties(delivery, &pool);
    (void)death_read(properties, &death);
    envelope = envelope_new(delivery, properties, DEAD_LETTER_QUEUE);
    error = why_refused(delivery, &death, &fault);
    if (error == NULL)
        json_need(cJSON_AddNullToObject(envelope, "error"));
    else
        json_need(cJSON_AddStringToObject(envelope, "error", error));
    empty_amqp_pool(&pool);
    return output_json(envelope);
}

static enum exit_code show_batch(size_t count)
{
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < count; i++) {
        if (code == EXIT_OK)
            code = show(batch[i]);
        consumer_let_go(consumer, batch[i]);
    }
    left -= count;
    return code;
}

/* ---- sending back ---- */

static void leave(struct letter *letter, const char *fate, const char *reason)
{
    letter->fate = fate;
    letter->reason = reason;
}

static bool fits_name(amqp_bytes_t bytes)
{
    return bytes.len <= 255 && memchr(bytes.bytes == NULL ? "" : bytes.bytes, '\0', bytes.len) == NULL;
}

/* Where to? False if the letter does not say. */
static bool find_origin(struct letter *letter, const amqp_basic_properties_t *properties)
{
    struct death death;

    if (!death_read(properties, &death) || !fits_name(death.exchange) || !fits_name(death.routing_key))
        return false;
    (void)snprintf(letter->exchange, sizeof letter->exchange, "%.*s", (int)death.exchange.len,
                   (const char *)death.exchange.bytes);
    (void)snprintf(letter->routing_key, sizeof letter->routing_key, "%.*s", (int)death.routing_key.len,
                   (const char *)death.routing_key.bytes);
    return true;
}

/* A message published where no exchange is would cost all of its channel. */
static enum exit_code exchange_is_there(const char *exchange, bool *there)
{
    static char last[256];
    static bool last_known;
    static bool last_there;

    while (!last_known || strcmp(last, exchange) != 0) {
        enum exit_code code = link_open(looking);

        if (code != EXIT_OK)
            return code;
        code = topology_has_exchange(looking, exchange, &last_there);
        if (code == EXIT_UNREACHABLE)
            continue;
        if (code != EXIT_OK)
            return code;
        (void)snprintf(last, sizeof last, "%s", exchange);
        last_known = true;
    }
    *there = last_there;
    return EXIT_OK;
}

static enum exit_code send_back(struct letter *letter, size_t index)
{
    amqp_pool_t pool;
    const amqp_basic_properties_t *given;
    amqp_basic_properties_t properties;
    struct message message = {.exchange = letter->exchange,
                              .routing_key = letter->routing_key,
                              .properties = &properties,
                              .body = letter->delivery->body};
    bool exists = false;
    enum exit_code code = EXIT_OK;

    init_amqp_pool(&pool, 4096);
    given = delivery_properties(letter->delivery, &pool);
    if (!find_origin(letter, given)) {
        leave(letter, "left", "its headers do not say where it came from");
    } else {
        code = exchange_is_there(letter->exchange, &exists);
        if (code == EXIT_OK && !exists)
            leave(letter, "left", "the exchange it came from is not there");
    }
    if (code == EXIT_OK && exists) {
        properties = dead_letter_revived(given, &pool);
        code = publisher_send(publisher, &message, index);
    }
    empty_amqp_pool(&pool);
    return code;
}

static enum exit_code print_fate(const struct letter *letter)
{
    cJSON *line = cJSON_CreateObject();

    json_need(line);
    json_need(cJSON_AddStringToObject(line, "fate", letter->fate));
    json_need(cJSON_AddStringToObject(line, "exchange", printable_text(letter->exchange)));
    json_need(cJSON_AddStringToObject(line, "routing_key", printable_text(letter->routing_key)));
    if (letter->reason != NULL)
        json_need(cJSON_AddStringToObject(line, "reason", letter->reason));
    return output_json(line);
}

static void take_fates(void)
{
    uint64_t index;
    enum publish_fate fate;

    while (publisher_next(publisher, &index, &fate)) {
        if (fate == PUBLISH_CONFIRMED)
            letters[index].fate = "replayed";
        else
            leave(&letters[index], "left",
                  fate == PUBLISH_UNROUTABLE ? "no queue takes it there" : "the broker could not take it");
    }
}

static enum exit_code send_batch(size_t count)
{
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < count; i++) {
        memset(&letters[i], 0, sizeof letters[i]);
        letters[i].delivery = batch[i];
    }
    for (size_t i = 0; i < count && code == EXIT_OK; i++) {
        while (code == EXIT_OK && !publisher_has_room(publisher)) {
            code = publisher_wait(publisher);
            take_fates();
        }
        if (code == EXIT_OK)
            code = send_back(&letters[i], i);
    }
    if (code == EXIT_OK)
        code = publisher_settle(publisher);
    take_fates();
    return code;
}

static enum exit_code replay_batch(size_t count)
{
    enum exit_code code = send_batch(count);

    for (size_t i = 0; i < count; i++) {
        struct letter *letter = &letters[i];

        if (letter->fate == NULL)
            leave(letter, "left", "the broker did not answer");
        if (letter->reason == NULL) {
            acknowledged += consumer_is_current(consumer, letter->delivery) ? 1 : 0;
            consumer_ack(consumer, letter->delivery);
        } else {
            consumer_let_go(consumer, letter->delivery);
            some_left = true;
        }
        if (print_fate(letter) != EXIT_OK)
            code = EXIT_OUTPUT;
    }
    left -= count;
    return code == EXIT_OK ? output_flush() : code;
}

/* ---- the program ---- */

/*
 * What is unacknowledged when the connection is lost comes again, from the first. Of the last acknowledgements nobody knows
 * whether the broker has seen them, so what is in the queue now is what counts.
 */
static enum exit_code after_reconnection(void)
{
    size_t waiting = consumer_waiting(consumer);

    if (list_only) {
        report("the connection was lost: the list is not complete");
        return EXIT_UNREACHABLE;
    }
    left = limit == SIZE_MAX ? total : total - acknowledged;
    if (left > waiting)
        left = waiting;
    return EXIT_OK;
}

/* Takes letters and handles them, until none is left or none comes any more. */
static enum exit_code handle_letters(void)
{
    unsigned generation = link_generation(consumer_link(consumer));
    enum exit_code code = EXIT_OK;
    size_t count = 1;

    /* Another consumer may be quicker: then fewer arrive than were counted. */
    while (code == EXIT_OK && left > 0 && count > 0 && !stop_requested()) {
        code = consumer_take(consumer, batch, left < BATCH_MAX ? left : BATCH_MAX, &count, ARRIVE_MS);
        if (code == EXIT_OK && generation != link_generation(consumer_link(consumer))) {
            generation = link_generation(consumer_link(consumer));
            code = after_reconnection();
        }
        if (count > left)
            count = left;
        if (code == EXIT_OK)
            code = list_only ? show_batch(count) : replay_batch(count);
    }
    return code;
}

static enum exit_code handle_all(void)
{
    enum exit_code code = consumer_open(consumer);

    total = consumer_waiting(consumer) < limit ? consumer_waiting(consumer) : limit;
    left = total;
    if (code == EXIT_OK)
        code = handle_letters();
    while (code == EXIT_OK && !list_only && !consumer_finish(consumer) && !stop_requested()) {
        code = consumer_open(consumer);
        if (code == EXIT_OK)
            code = after_reconnection();
        if (code == EXIT_OK)
            code = handle_letters();
    }
    return code == EXIT_OK && some_left ? EXIT_REFUSED : code;
}

static void read_options(int argc, char **argv)
{
    int option;

    while ((option = getopt_long(argc, argv, "n:" LINK_SHORT_OPTIONS COMMON_SHORT_OPTIONS, long_options,
                                 NULL)) != -1) {
        if (option == OPTION_LIST)
            list_only = true;
        else if (option == 'n')
            limit = (size_t)option_number("-n", optarg, 1, 1000000000);
        else if (!link_option(&link_options, option) && !common_option(option, usage))
            usage_error();
    }
    if (optind < argc) {
        report("dead letters come from the queue: '%s' is no option", printable_text(argv[optind]));
        usage_error();
    }
}

int main(int argc, char **argv)
{
    struct consumer_settings settings = {.queue = DEAD_LETTER_QUEUE, .declare = true, .max_body = SIZE_MAX};
    enum exit_code code;

    report_program(argv[0]);
    read_options(argc, argv);
    stop_on_signals();
    code = link_options_resolve(&link_options);
    if (code == EXIT_OK) {
        /* Letters that are shown or left stay unacknowledged, and must not keep others from coming. */
        settings.prefetch = limit <= UINT16_MAX ? (unsigned)limit : 0;
        consumer = consumer_new(&link_options, &settings);
        publisher = publisher_new(&link_options);
        looking = link_new(&link_options, "looking", link_no_setup, NULL);
        code = handle_all();
    }
    consumer_free(consumer);
    link_free(looking);
    publisher_free(publisher);
    link_options_free(&link_options);
    code = output_close(code);
    stop_by_signal();
    return (int)code;
}
