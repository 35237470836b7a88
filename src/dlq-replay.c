/*
 * dlq-replay: shows dead letters, takes them out, sends them back to where they came from, or puts them back.
 *
 * A letter that is sent back or parked is published first, confirmed and routed, and acknowledged second. One that is
 * taken is written out first, and synced if that is to a file. Killed in between, it is in both places; never in none.
 * Only what was in the queue at the start is handled, so that what comes straight back is not replayed for ever.
 */
#include "audit.h"
#include "clock.h"
#include "consumer.h"
#include "dead_letter.h"
#include "envelope.h"
#include "fate.h"
#include "filter.h"
#include "ids.h"
#include "json.h"
#include "json_stream.h"
#include "ledger.h"
#include "letter.h"
#include "link.h"
#include "options.h"
#include "output.h"
#include "pace.h"
#include "publisher.h"
#include "report.h"
#include "selection.h"
#include "stop.h"
#include "summary.h"
#include "text.h"
#include "topology.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH_MAX 256
#define BATCH_BYTES ((size_t)16 << 20)
#define ARRIVE_MS 2000 /* that a message in the queue may take to arrive */
#define ENVELOPE_MAX ((size_t)512 << 20)
#define PARKING_QUEUE "order.placed.parked"
#define REPLAYS_MAX 3

static const char usage[] =
    "usage: dlq-replay [options] [--filter COMMAND [ARGUMENT...]]\n"
    "       dlq-replay [options] --list | --summary | --take\n"
    "       dlq-replay [options] --from FILE\n"
    "Sends the dead letters of order.placed.dlq back to the exchange and routing key they came\n"
    "from, and prints a line of JSON for each.\n"
    "      --list              show them, and why they are refused, and send nothing\n"
    "      --summary           count them by error and reason\n"
    "      --take              print them as --list does, and remove them\n"
    "      --from FILE         publish what --list or --take printed, each into its queue;\n"
    "                          - for standard input\n"
    "      --queue QUEUE       of that queue, rather than order.placed.dlq\n"
    "      --to QUEUE          send them into that queue\n"
    "Which letters:\n"
    "  -n, --number N          the first N only\n"
    "      --reason REASON     that died for that reason: rejected, expired...\n"
    "      --error TEXT        whose error has TEXT in it\n"
    "      --order-id ID       of that order\n"
    "      --older WHEN        that died before: an age (90s, 15m, 2h, 3d) or a time in UTC\n"
    "      --newer WHEN        that died after it\n"
    "How to send them back:\n"
    "      --filter COMMAND    ask COMMAND about each: a line with the letter in, a line out with\n"
    "                          what to send, null to leave it, or \"drop\"; the last option\n"
    "      --max-replays N     those that were sent back N times are parked instead (3)\n"
    "      --parking QUEUE     in that queue (order.placed.parked)\n"
    "      --no-park           they are left instead\n"
    "      --rate N            at most N a second\n"
    "      --ledger FILE       say which of the orders inventory has handled already\n"
    "      --dry-run           only say what would be done\n"
    "      --audit FILE        add what was done, when and by whom, to FILE\n" LINK_USAGE COMMON_USAGE;

enum {
    OPTION_LIST = OPTION_OWN,
    OPTION_SUMMARY,
    OPTION_TAKE,
    OPTION_FROM,
    OPTION_QUEUE,
    OPTION_TO,
    OPTION_REASON,
    OPTION_ERROR,
    OPTION_ORDER_ID,
    OPTION_OLDER,
    OPTION_NEWER,
    OPTION_FILTER,
    OPTION_MAX_REPLAYS,
    OPTION_PARKING,
    OPTION_NO_PARK,
    OPTION_RATE,
    OPTION_LEDGER,
    OPTION_DRY_RUN,
    OPTION_AUDIT
};

static const struct option long_options[] = {{"list", no_argument, NULL, OPTION_LIST},
                                             {"summary", no_argument, NULL, OPTION_SUMMARY},
                                             {"take", no_argument, NULL, OPTION_TAKE},
                                             {"from", required_argument, NULL, OPTION_FROM},
                                             {"queue", required_argument, NULL, OPTION_QUEUE},
                                             {"to", required_argument, NULL, OPTION_TO},
                                             {"number", required_argument, NULL, 'n'},
                                             {"reason", required_argument, NULL, OPTION_REASON},
                                             {"error", required_argument, NULL, OPTION_ERROR},
                                             {"order-id", required_argument, NULL, OPTION_ORDER_ID},
                                             {"older", required_argument, NULL, OPTION_OLDER},
                                             {"newer", required_argument, NULL, OPTION_NEWER},
                                             {"filter", no_argument, NULL, OPTION_FILTER},
                                             {"max-replays", required_argument, NULL, OPTION_MAX_REPLAYS},
                                             {"parking", required_argument, NULL, OPTION_PARKING},
                                             {"no-park", no_argument, NULL, OPTION_NO_PARK},
                                             {"rate", required_argument, NULL, OPTION_RATE},
                                             {"ledger", required_argument, NULL, OPTION_LEDGER},
                                             {"dry-run", no_argument, NULL, OPTION_DRY_RUN},
                                             {"audit", required_argument, NULL, OPTION_AUDIT},
                                             LINK_LONG_OPTIONS,
                                             COMMON_LONG_OPTIONS,
                                             {NULL, 0, NULL, 0}};

enum job { REPLAY = 1, LIST = 2, SUMMARY = 4, TAKE = 8, RESTORE = 16 };

/* A letter on its way through the program. */
struct item {
    struct letter letter;
    struct fate fate;
    const amqp_basic_properties_t *properties; /* of what is to be sent: its own, or the filter's answer's */
    amqp_bytes_t body;
    struct envelope
        envelope;     /* that answer, or what was read from a file; its tree is NULL if there is none */
    amqp_pool_t pool; /* of the envelope, and of what is sent */
    char *order_id;   /* of what is to be sent */
    struct order_fault fault;
    bool is_sent; /* to be published, rather than only settled */
};

static struct link_options link_options = LINK_OPTIONS_DEFAULT;
static enum job job = REPLAY;
static const char *queue = DEAD_LETTER_QUEUE;
static const char *to_queue;
static const char *from_file;
static const char *parking = PARKING_QUEUE;
static const char *ledger_file;
static const char *audit_file;
static char **filter_command;
static long max_replays = REPLAYS_MAX;
static bool parks = true;
static bool dry_run;
static size_t limit = SIZE_MAX;
static struct selection selection;
static struct pace pace;

static struct consumer *consumer;
static struct publisher *publisher;
static struct link *looking;
static struct filter *filter;
static struct ledger *ledger;
static struct audit *audit;
static struct summary *summary;
static char run[UUID_TEXT_SIZE];

static struct delivery *batch[BATCH_MAX];
static struct item items[BATCH_MAX];
static size_t item_count;
static size_t total;   /* letters that were there at the start */
static size_t left;    /* of them, still to be looked at */
static size_t budget;  /* of those that are chosen, still to be handled */
static size_t removed; /* acknowledged */
static bool
    some_kept; /* on this connection something is unacknowledged that was delivered before the batch */
static bool some_wrong;     /* something was refused, or left that was to be sent */
static bool some_bad_input; /* of a file, something is no letter */

/* ---- what is to be done with a letter ---- */

static void decide(struct item *item, enum fate_kind kind, const char *reason)
{
    item->fate.kind = kind;
    item->is_sent = kind == FATE_REPLAYED || kind == FATE_PARKED || kind == FATE_RESTORED;
    (void)snprintf(item->fate.reason, sizeof item->fate.reason, "%s", reason);
}

static void cannot(struct item *item, enum fate_kind kind, const char *reason)
{
    decide(item, kind, reason);
    some_wrong = true;
}

static void no_letter(struct item *item, const char *reason)
{
    decide(item, FATE_REFUSED, reason);
    some_bad_input = true;
}

static void set_target(struct item *item, const char *exchange, const char *routing_key)
{
    (void)snprintf(item->fate.exchange, sizeof item->fate.exchange, "%s", exchange);
    (void)snprintf(item->fate.routing_key, sizeof item->fate.routing_key, "%s", routing_key);
}

/* As a C string; false if it is none, or too long for a name of AMQP. */
static bool name_of(amqp_bytes_t bytes, char name[FATE_NAME_SIZE])
{
    if (bytes.len >= FATE_NAME_SIZE || memchr(bytes.len == 0 ? "" : bytes.bytes, '\0', bytes.len) != NULL)
        return false;
    (void)snprintf(name, FATE_NAME_SIZE, "%.*s", (int)bytes.len,
                   bytes.len == 0 ? "" : (const char *)bytes.bytes);
    return true;
}

/* Where to? False if neither the command line, nor the filter, nor the letter says. */
static bool find_target(struct item *item)
{
    const struct letter *letter = &item->letter;
    const struct envelope *envelope = &item->envelope;

    if (to_queue != NULL) {
        set_target(item, "", to_queue);
        return true;
    }
    if (envelope->tree != NULL) {
        if (envelope->exchange != NULL)
            set_target(item, envelope->exchange, envelope->routing_key);
        return envelope->exchange != NULL;
    }
    return letter->has_death && name_of(letter->death.exchange, item->fate.exchange) &&
           name_of(letter->death.routing_key, item->fate.routing_key);
}

/* A message published where no exchange is would cost all of its channel. */
static enum exit_code exchange_is_there(const char *exchange, bool *there)
{
    static char last[FATE_NAME_SIZE];
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

static enum exit_code parking_is_there(void)
{
    static bool there;

    while (!there) {
        enum exit_code code = link_open(looking);

        if (code != EXIT_OK)
            return code;
        code = topology_need_queue(looking, parking);
        if (code != EXIT_OK && code != EXIT_UNREACHABLE)
            return code;
        there = code == EXIT_OK;
    }
    return EXIT_OK;
}

/* It has been sent back often enough. */
static enum exit_code put_aside(struct item *item)
{
    const struct letter *letter = &item->letter;
    char reason[sizeof item->fate.reason];

    (void)snprintf(reason, sizeof reason, "sent back %ld times already%s%s",
                   (long)replay_count(letter->properties), letter->error == NULL ? "" : ": ",
                   letter->error == NULL ? "" : letter->error);
    decide(item, parks && strcmp(queue, parking) != 0 ? FATE_PARKED : FATE_LEFT, reason);
    if (!item->is_sent)
        return EXIT_OK;
    set_target(item, "", parking);
    return dry_run ? EXIT_OK : parking_is_there();
}

/* Says beforehand what would otherwise be swallowed in silence. */
static enum exit_code look_up(struct item *item)
{
    struct ledger_entry entry;
    bool found = false;
    enum exit_code code;

    if (ledger == NULL || item->fate.order_id == NULL || letter_died_in(&item->letter, RESERVED_QUEUE))
        return EXIT_OK;
    code = ledger_find(ledger, item->fate.order_id, &entry, &found);
    if (code != EXIT_OK || !found)
        return code;
    item->fate.handled = entry.outcome == LEDGER_RESERVED ? "reserved" : "failed";
    return EXIT_OK;
}

/* What the filter wants to be sent in the letter's place. */
static enum exit_code take_answer(struct item *item, const char *answer, size_t len)
{
    char fault[160];

    if (!envelope_read(&item->envelope, answer, len, &item->pool, fault)) {
        report("the filter's answer to %s is no letter: %s",
               printable_text(item->fate.order_id == NULL ? "a letter without an order_id"
                                                          : item->fate.order_id),
               fault);
        return EXIT_INPUT;
    }
    item->properties = &item->envelope.properties;
    item->body = item->envelope.body;
    item->fate.error = letter_error(&item->letter, item->body, &item->fault, &item->order_id);
    item->fate.order_id = item->order_id;
    return EXIT_OK;
}

static bool is_word(const char *answer, size_t len, const char *word)
{
    return len == strlen(word) && memcmp(answer, word, len) == 0;
}

/* Asks the filter. *goes_on is false if there is nothing to be sent. */
static enum exit_code ask_filter(struct item *item, bool *goes_on)
{
    cJSON *envelope = letter_envelope(&item->letter, queue);
    char *text = json_print(envelope);
    const char *answer;
    size_t len = 0;
    enum exit_code code = filter_ask(filter, text, strlen(text), &answer, &len);

    cJSON_free(text);
    cJSON_Delete(envelope);
    *goes_on = false;
    if (code != EXIT_OK)
        return code;
    while (answer != NULL && len > 0 && strchr(" \t\r", answer[len - 1]) != NULL)
        len--;
    if (answer == NULL)
        decide(item, FATE_LEFT, "asked to stop");
    else if (is_word(answer, len, "null"))
        decide(item, FATE_LEFT, "the filter leaves it");
    else if (is_word(answer, len, "\"drop\""))
        decide(item, FATE_DROPPED, "the filter drops it");
    else
        *goes_on = true;
    return *goes_on ? take_answer(item, answer, len) : EXIT_OK;
}

/* Where the letter is to be sent, if it is. */
static enum exit_code route(struct item *item)
{
    bool there = true;
    enum exit_code code;

    if (!find_target(item)) {
        set_target(item, "", "");
        cannot(item, FATE_LEFT, "its headers do not say where it came from");
        return EXIT_OK;
    }
    code = exchange_is_there(item->fate.exchange, &there);
    if (code != EXIT_OK)
        return code;
    if (!there) {
        cannot(item, FATE_REFUSED, "the exchange it came from is not there");
        return EXIT_OK;
    }
    decide(item, FATE_REPLAYED, "");
    item->fate.replays++;
    return look_up(item);
}

static enum exit_code consider(struct item *item)
{
    const struct letter *letter = &item->letter;
    bool goes_on = true;
    enum exit_code code = EXIT_OK;

    if (!letter->is_readable) {
        cannot(item, FATE_LEFT, "its headers cannot be read");
        return EXIT_OK;
    }
    if (replayed_by(letter->properties, run)) {
        decide(item, FATE_LEFT, "it was sent back in this run, and has died again");
        return EXIT_OK;
    }
    if (replay_count(letter->properties) >= max_replays)
        return put_aside(item);
    if (filter != NULL)
        code = ask_filter(item, &goes_on);
    return code == EXIT_OK && goes_on ? route(item) : code;
}

/* ---- sending ---- */

static void refused(struct item *item, const char *reason)
{
    if (item->fate.kind == FATE_REPLAYED)
        item->fate.replays--;
    cannot(item, FATE_REFUSED, reason);
}

static void take_fates(void)
{
    uint64_t index;
    enum publish_fate fate;

    while (publisher_next(publisher, &index, &fate))
        if (fate != PUBLISH_CONFIRMED)
            refused(&items[index],
                    fate == PUBLISH_UNROUTABLE ? "no queue takes it there" : publisher_reason(publisher));
}

/* Who is logged in, if that is the same whichever broker of the list it is. */
static const char *login_name(void)
{
    const char *user = link_options.endpoints[0].user;

    for (size_t i = 1; i < link_options.endpoint_count; i++)
        if (strcmp(link_options.endpoints[i].user, user) != 0)
            return NULL;
    return user;
}

static amqp_basic_properties_t properties_to_send(struct item *item)
{
    switch (item->fate.kind) {
    case FATE_PARKED:
        return dead_letter_parked(item->properties, item->fate.reason, &item->pool);
    case FATE_RESTORED:
        return dead_letter_restored(item->properties, login_name(), &item->pool);
    default:
        return dead_letter_revived(item->properties, run, &item->pool);
    }
}

static enum exit_code send(struct item *item, size_t index)
{
    amqp_basic_properties_t properties = properties_to_send(item);
    struct message message = {.exchange = item->fate.exchange,
                              .routing_key = item->fate.routing_key,
                              .properties = &properties,
                              .body = item->body};
    enum exit_code code = EXIT_OK;

    pace_wait(&pace);
    while (code == EXIT_OK && !publisher_has_room(publisher)) {
        code = publisher_wait(publisher);
        take_fates();
    }
    return code == EXIT_OK ? publisher_send(publisher, &message, index) : code;
}

static void say_what_is_ignored(const struct item *item)
{
    if (item->fate.handled != NULL)
        report("order %s is %s already: the worker will ignore it", printable_text(item->fate.order_id),
               item->fate.handled);
}

/* Publishes what is to be sent, and waits until the fate of all of it is known. */
static enum exit_code send_items(void)
{
    enum exit_code code = EXIT_OK;
    size_t i;

    for (i = 0; i < item_count && code == EXIT_OK && !stop_requested(); i++) {
        say_what_is_ignored(&items[i]);
        if (items[i].is_sent && !dry_run)
            code = send(&items[i], i);
    }
    if (code == EXIT_OK && !dry_run)
        code = publisher_settle(publisher);
    take_fates();
    for (; i < item_count && code == EXIT_OK; i++)
        decide(&items[i], FATE_LEFT, "asked to stop");
    return code;
}

/* ---- the end of a letter ---- */

static bool is_removed(const struct item *item)
{
    return !dry_run && (item->fate.kind == FATE_REPLAYED || item->fate.kind == FATE_PARKED ||
                        item->fate.kind == FATE_DROPPED || item->fate.kind == FATE_TAKEN);
}

/* In the audit before it is acknowledged: what was done may stand there twice, and never not at all. */
static enum exit_code record(cJSON *const lines[])
{
    enum exit_code code = EXIT_OK;

    if (audit == NULL || dry_run)
        return EXIT_OK;
    for (size_t i = 0; i < item_count && code == EXIT_OK; i++) {
        const struct item *item = &items[i];

        code = audit_add(audit, lines[i],
                         item->letter.delivery != NULL ? item->letter.delivery->body : item->body,
                         item->is_sent ? &item->body : NULL);
    }
    return code == EXIT_OK ? audit_sync(audit) : code;
}

static void settle_items(enum exit_code code)
{
    struct delivery *gone[BATCH_MAX];
    size_t count = 0;
    bool is_current = true;

    for (size_t i = 0; i < item_count; i++) {
        struct delivery *delivery = items[i].letter.delivery;

        if (code == EXIT_OK && is_removed(&items[i])) {
            gone[count++] = delivery;
            is_current = is_current && consumer_is_current(consumer, delivery);
        } else {
            consumer_let_go(consumer, delivery);
            some_kept = true;
        }
    }
    if (is_current)
        removed += count;
    if (!some_kept)
        consumer_ack_batch(consumer, gone, count);
    for (size_t i = 0; i < count && some_kept; i++)
        consumer_ack(consumer, gone[i]);
}

static void free_items(void)
{
    for (size_t i = 0; i < item_count; i++) {
        envelope_free(&items[i].envelope);
        free(items[i].order_id);
        if (items[i].letter.delivery != NULL)
            letter_free(&items[i].letter);
        empty_amqp_pool(&items[i].pool);
    }
    item_count = 0;
}

/* The letters of the batch have met their fates: says so, and settles them. */
static enum exit_code conclude(enum exit_code code)
{
    cJSON *lines[BATCH_MAX];
    enum exit_code printed = EXIT_OK;

    for (size_t i = 0; i < item_count; i++)
        lines[i] = fate_line(&items[i].fate);
    if (code == EXIT_OK)
        code = record(lines);
    if (job != RESTORE)
        settle_items(code);
    for (size_t i = 0; i < item_count; i++) {
        if (code == EXIT_OK && printed == EXIT_OK && job != TAKE)
            printed = output_json(lines[i]);
        else
            cJSON_Delete(lines[i]);
    }
    free_items();
    if (code == EXIT_OK)
        code = printed;
    return code == EXIT_OK ? output_flush() : code;
}

/* ---- jobs ---- */

static struct item *new_item(void)
{
    struct item *item = &items[item_count++];

    memset(item, 0, sizeof *item);
    init_amqp_pool(&item->pool, 1024);
    item->fate.dry_run = dry_run;
    return item;
}

static void add_letter(struct delivery *delivery)
{
    struct item *item = new_item();
    struct letter *letter = &item->letter;

    letter_read(letter, delivery);
    item->properties = letter->properties;
    item->body = delivery->body;
    item->fate.queue = queue;
    item->fate.order_id = letter->order_id;
    item->fate.error = letter->error;
    item->fate.replays = replay_count(letter->properties);
    decide(item, FATE_LEFT, "");
}

static void forget_item(void)
{
    struct item *item = &items[--item_count];

    consumer_let_go(consumer, item->letter.delivery);
    letter_free(&item->letter);
    empty_amqp_pool(&item->pool);
    some_kept = true;
}

/* The letters of the batch that are meant. */
static void choose(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (budget == 0) {
            consumer_let_go(consumer, batch[i]);
            some_kept = true;
            continue;
        }
        add_letter(batch[i]);
        if (selection_has(&selection, &items[item_count - 1].letter))
            budget--;
        else
            forget_item();
    }
}

static enum exit_code show(struct item *item)
{
    cJSON *envelope = letter_envelope(&item->letter, queue);
    enum exit_code code = look_up(item);

    if (item->fate.handled != NULL)
        json_need(cJSON_AddStringToObject(envelope, "handled", item->fate.handled));
    if (code == EXIT_OK)
        return output_json(envelope);
    cJSON_Delete(envelope);
    return code;
}

static enum exit_code show_items(void)
{
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < item_count && code == EXIT_OK; i++)
        code = show(&items[i]);
    return code;
}

static enum exit_code take_items(void)
{
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < item_count && code == EXIT_OK; i++) {
        /* What cannot be shown as it is would be lost. */
        if (!items[i].letter.is_readable) {
            report("a letter stays where it is: its headers cannot be read");
            cannot(&items[i], FATE_LEFT, "its headers cannot be read");
            continue;
        }
        code = show(&items[i]);
        decide(&items[i], FATE_TAKEN, "");
    }
    return code == EXIT_OK ? output_sync() : code;
}

static enum exit_code consider_items(void)
{
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < item_count && code == EXIT_OK && !stop_requested(); i++)
        code = consider(&items[i]);
    return code == EXIT_OK && filter != NULL ? filter_check(filter) : code;
}

static enum exit_code handle_batch(size_t count)
{
    enum exit_code code;

    choose(count);
    left -= count;
    if (job == REPLAY) {
        code = consider_items();
        if (code == EXIT_OK)
            code = send_items();
        return conclude(code);
    }
    if (job == TAKE)
        return conclude(take_items());
    code = job == LIST ? show_items() : EXIT_OK;
    for (size_t i = 0; i < item_count; i++) {
        if (job == SUMMARY)
            summary_add(summary, &items[i].letter);
        consumer_let_go(consumer, items[i].letter.delivery);
    }
    free_items();
    return code;
}

/*
 * What is unacknowledged when the connection is lost comes again, from the first. Of the last acknowledgements nobody knows
 * whether the broker has seen them, so what is in the queue now is what counts.
 */
static enum exit_code after_reconnection(void)
{
    size_t waiting = consumer_waiting(consumer);

    if (job == LIST || job == SUMMARY) {
        report("the connection was lost: the %s is not complete", job == LIST ? "list" : "summary");
        return EXIT_UNREACHABLE;
    }
    left = total < waiting ? total : waiting;
    budget = limit == SIZE_MAX ? SIZE_MAX : limit - removed;
    some_kept = false;
    return EXIT_OK;
}

static size_t batch_size(void)
{
    size_t size = pace.rate > 0 && pace.rate < BATCH_MAX ? (size_t)pace.rate : BATCH_MAX;

    return left < size ? left : size;
}

/* Takes letters and handles them, until none is left or none comes any more. */
static enum exit_code handle_letters(void)
{
    unsigned generation = link_generation(consumer_link(consumer));
    enum exit_code code = EXIT_OK;
    size_t count = 1;

    /* Another consumer may be quicker: then fewer arrive than were counted. */
    while (code == EXIT_OK && left > 0 && budget > 0 && count > 0 && !stop_requested()) {
        code = consumer_take(consumer, batch, batch_size(), &count, ARRIVE_MS);
        if (code == EXIT_OK && generation != link_generation(consumer_link(consumer))) {
            generation = link_generation(consumer_link(consumer));
            code = after_reconnection();
        }
        if (count > left)
            count = left;
        if (code == EXIT_OK)
            code = handle_batch(count);
    }
    if (code == EXIT_OK && count == 0 && left > 0 && !stop_requested())
        report("%zu of %zu letters did not come: somebody else may have them", left, total);
    return code;
}

static enum exit_code work_on_queue(void)
{
    bool removes = (job == REPLAY && !dry_run) || job == TAKE;
    enum exit_code code = consumer_open(consumer);

    total = consumer_waiting(consumer);
    left = total;
    budget = limit;
    if (code == EXIT_OK)
        code = handle_letters();
    while (code == EXIT_OK && removes && !consumer_finish(consumer) && !stop_requested()) {
        code = consumer_open(consumer);
        if (code == EXIT_OK)
            code = after_reconnection();
        if (code == EXIT_OK)
            code = handle_letters();
    }
    if (code == EXIT_OK && job == SUMMARY)
        code = summary_print(summary);
    return code;
}

/* ---- from a file ---- */

static void add_envelope(const struct json_piece *piece)
{
    struct item *item = new_item();
    char fault[160];

    item->fate.number = piece->number;
    if (!envelope_read(&item->envelope, piece->text, piece->len, &item->pool, fault)) {
        report("letter %lu, line %lu: %s", (unsigned long)piece->number, (unsigned long)piece->line, fault);
        no_letter(item, fault);
        return;
    }
    item->properties = &item->envelope.properties;
    item->body = item->envelope.body;
    item->fate.replays = replay_count(item->properties);
    item->letter.has_death = death_read(item->properties, &item->letter.death);
    item->fate.error = letter_error(&item->letter, item->body, &item->fault, &item->order_id);
    item->fate.order_id = item->order_id;
    decide(item, FATE_RESTORED, "");
    if (to_queue != NULL)
        set_target(item, "", to_queue);
    else if (item->envelope.queue != NULL)
        set_target(item, "", item->envelope.queue);
    else
        no_letter(item, "it does not say which queue it is of");
}

static void refuse_piece(const struct json_piece *piece)
{
    if (piece->reason == NULL)
        return;
    report("letter %lu, line %lu: %s", (unsigned long)piece->number, (unsigned long)piece->line,
           piece->reason);
    new_item()->fate.number = piece->number;
    no_letter(&items[item_count - 1], piece->reason);
}

/* Takes in what was read, up to a batch. False at the end of it all. */
static bool gather(struct json_stream *stream)
{
    struct json_piece piece;
    size_t bytes = 0;
    size_t most = pace.rate > 0 && pace.rate < BATCH_MAX ? (size_t)pace.rate : BATCH_MAX;

    while (item_count < most && bytes < BATCH_BYTES) {
        switch (json_stream_next(stream, &piece)) {
        case JSON_STREAM_VALUE:
            add_envelope(&piece);
            break;
        case JSON_STREAM_REFUSED:
            refuse_piece(&piece);
            break;
        case JSON_STREAM_EMPTY:
            return true;
        case JSON_STREAM_END:
            return false;
        }
        bytes += piece.len;
    }
    return true;
}

static enum exit_code read_on(struct json_stream *stream, int fd)
{
    while (!link_readable(fd) && !stop_requested()) {
        link_wait(publisher_link(publisher), fd, -1);
        publisher_service(publisher);
    }
    if (stop_requested() || json_stream_fill(stream))
        return EXIT_OK;
    report_errno("cannot read '%s'", printable_text(from_file));
    return EXIT_INPUT;
}

static enum exit_code restore_from(int fd)
{
    struct json_stream *stream = json_stream_new(fd, ENVELOPE_MAX);
    enum exit_code code = EXIT_OK;
    bool goes_on = true;

    while (code == EXIT_OK && goes_on && !stop_requested()) {
        goes_on = gather(stream);
        if (item_count > 0)
            code = conclude(send_items());
        else if (goes_on)
            code = read_on(stream, fd);
    }
    json_stream_free(stream);
    return code;
}

static enum exit_code restore(void)
{
    bool is_input = strcmp(from_file, "-") == 0;
    int fd = is_input ? STDIN_FILENO : open(from_file, O_RDONLY | O_CLOEXEC);
    enum exit_code code = EXIT_INPUT;

    if (fd < 0)
        report_errno("cannot open '%s'", printable_text(from_file));
    else
        code = restore_from(fd);
    if (fd >= 0 && !is_input)
        (void)close(fd);
    return code;
}

/* ---- the program ---- */

static void set_job(enum job wanted)
{
    if (job != REPLAY) {
        report("--list, --summary, --take and --from exclude each other");
        usage_error();
    }
    job = wanted;
}

static int64_t moment(const char *option)
{
    int64_t ms = 0;

    if (!selection_moment(optarg, clock_utc_ms(), &ms))
        die(EXIT_USAGE, "%s: '%s' is neither an age such as 15m nor a time such as 2026-01-31T12:00:00Z",
            option, printable_text(optarg));
    return ms;
}

static const char *queue_name(const char *option)
{
    size_t len = strlen(optarg);

    if (len == 0 || len >= FATE_NAME_SIZE)
        die(EXIT_USAGE, "%s: the name of a queue has 1 to 255 bytes", option);
    return optarg;
}

static bool choice_option(int option)
{
    switch (option) {
    case 'n':
        limit = (size_t)option_number("-n", optarg, 1, 1000000000);
        return true;
    case OPTION_REASON:
        selection.reason = optarg;
        return true;
    case OPTION_ERROR:
        selection.error = optarg;
        return true;
    case OPTION_ORDER_ID:
        selection.order_id = optarg;
        return true;
    case OPTION_OLDER:
        selection.before_ms = moment("--older");
        return true;
    case OPTION_NEWER:
        selection.after_ms = moment("--newer");
        return true;
    default:
        return false;
    }
}

static bool job_option(int option)
{
    switch (option) {
    case OPTION_LIST:
        set_job(LIST);
        return true;
    case OPTION_SUMMARY:
        set_job(SUMMARY);
        return true;
    case OPTION_TAKE:
        set_job(TAKE);
        return true;
    case OPTION_FROM:
        set_job(RESTORE);
        from_file = optarg;
        return true;
    case OPTION_QUEUE:
        queue = queue_name("--queue");
        return true;
    case OPTION_TO:
        to_queue = queue_name("--to");
        return true;
    default:
        return false;
    }
}

static bool sending_option(int option)
{
    switch (option) {
    case OPTION_MAX_REPLAYS:
        max_replays = option_number("--max-replays", optarg, 1, 1000000000);
        return true;
    case OPTION_PARKING:
        parking = queue_name("--parking");
        return true;
    case OPTION_NO_PARK:
        parks = false;
        return true;
    case OPTION_RATE:
        pace.rate = option_number("--rate", optarg, 1, 1000000);
        return true;
    case OPTION_LEDGER:
        ledger_file = optarg;
        return true;
    case OPTION_DRY_RUN:
        dry_run = true;
        return true;
    case OPTION_AUDIT:
        audit_file = optarg;
        return true;
    default:
        return false;
    }
}

/* For which jobs an option means something; for all if it is not among these. */
static unsigned jobs_of(int option)
{
    switch (option) {
    case 'n':
    case OPTION_QUEUE:
    case OPTION_REASON:
    case OPTION_ERROR:
    case OPTION_ORDER_ID:
    case OPTION_OLDER:
    case OPTION_NEWER:
        return ~(unsigned)RESTORE;
    case OPTION_FILTER:
    case OPTION_MAX_REPLAYS:
    case OPTION_PARKING:
    case OPTION_NO_PARK:
        return REPLAY;
    case OPTION_TO:
    case OPTION_RATE:
    case OPTION_DRY_RUN:
        return REPLAY | RESTORE;
    case OPTION_LEDGER:
        return REPLAY | LIST;
    case OPTION_AUDIT:
        return REPLAY | TAKE | RESTORE;
    default:
        return ~0U;
    }
}

static void check_options(const bool given[])
{
    static const char *const names[] = {[REPLAY] = "sending letters back",
                                        [LIST] = "--list",
                                        [SUMMARY] = "--summary",
                                        [TAKE] = "--take",
                                        [RESTORE] = "--from"};

    for (const struct option *option = long_options; option->name != NULL; option++)
        if (given[option - long_options] && (jobs_of(option->val) & job) == 0) {
            report("--%s does not go with %s", option->name, names[job]);
            usage_error();
        }
    if (filter_command != NULL && *filter_command == NULL) {
        report("--filter needs a command");
        usage_error();
    }
    if (dry_run && audit_file != NULL) {
        report("--dry-run does nothing that --audit could record");
        usage_error();
    }
}

static void read_options(int argc, char **argv)
{
    bool given[sizeof long_options / sizeof long_options[0]] = {false};
    int option;

    /* A plus sign, so that what comes after the filter's command is the command's. */
    while (filter_command == NULL &&
           (option = getopt_long(argc, argv, "+n:" LINK_SHORT_OPTIONS COMMON_SHORT_OPTIONS, long_options,
                                 NULL)) != -1) {
        if (option == OPTION_FILTER)
            filter_command = argv + optind;
        else if (!choice_option(option) && !job_option(option) && !sending_option(option) &&
                 !link_option(&link_options, option) && !common_option(option, usage))
            usage_error();
        for (size_t i = 0; long_options[i].name != NULL; i++)
            given[i] = given[i] || long_options[i].val == option;
    }
    if (filter_command == NULL && optind < argc) {
        report("dead letters come from the queue: '%s' is no option", printable_text(argv[optind]));
        usage_error();
    }
    check_options(given);
}

/* One of the workflow's, which is set up if it is not there. */
static bool is_ours(const char *name)
{
    for (size_t i = 0; topology_queues[i] != NULL; i++)
        if (strcmp(name, topology_queues[i]) == 0)
            return true;
    return false;
}

static enum exit_code open_all(void)
{
    struct consumer_settings settings = {.queue = queue, .declare = is_ours(queue), .max_body = SIZE_MAX};
    bool chooses = selection.reason != NULL || selection.error != NULL || selection.order_id != NULL ||
                   selection.before_ms != 0 || selection.after_ms != 0;
    unsigned char id[UUID_BYTES];
    enum exit_code code = link_options_resolve(&link_options);

    order_id_mint(id);
    uuid_to_text(id, run);
    if (code == EXIT_OK && ledger_file != NULL)
        code = ledger_open_to_read(&ledger, ledger_file);
    if (code == EXIT_OK && audit_file != NULL)
        code = audit_open(audit_file, &audit);
    if (code == EXIT_OK && filter_command != NULL)
        code = filter_start(filter_command, &filter);
    if (code != EXIT_OK)
        return code;
    /* Letters that are shown or left stay unacknowledged, and must not keep others from coming. */
    settings.prefetch = !chooses && limit <= UINT16_MAX ? (unsigned)limit : 0;
    summary = job == SUMMARY ? summary_new() : NULL;
    consumer = consumer_new(&link_options, &settings);
    publisher = publisher_new(&link_options, settings.declare && job != RESTORE);
    looking = link_new(&link_options, "looking", link_no_setup, NULL);
    return EXIT_OK;
}

static void close_all(void)
{
    consumer_free(consumer);
    publisher_free(publisher);
    link_free(looking);
    filter_free(filter);
    ledger_close(ledger);
    audit_close(audit);
    summary_free(summary);
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
        code = job == RESTORE ? restore() : work_on_queue();
    if (code == EXIT_OK && some_wrong)
        code = EXIT_REFUSED;
    else if (code == EXIT_OK && some_bad_input)
        code = EXIT_INPUT;
    close_all();
    code = output_close(code);
    stop_by_signal();
    return (int)code;
}
