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
#include "fate.h"
#include "filter.h"
#include "ids.h"
#include "json.h"
#include "json_stream.h"
#include "ledger.h"
#include "link.h"
#include "options.h"
#include "output.h"
#include "pace.h"
#include "progress.h"
#include "publisher.h"
#include "report.h"
#include "selection.h"
#include "stop.h"
#include "summary.h"
#include "text.h"
#include "topology.h"
#include "treatment.h"

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
    "      --audit FILE        add what was done, when and by whom, to FILE\n" PROGRESS_USAGE LINK_USAGE
        COMMON_USAGE;

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
                                             PROGRESS_LONG_OPTIONS,
                                             LINK_LONG_OPTIONS,
                                             COMMON_LONG_OPTIONS,
                                             {NULL, 0, NULL, 0}};

enum job { REPLAY = 1, LIST = 2, SUMMARY = 4, TAKE = 8, RESTORE = 16 };

static struct link_options link_options = LINK_OPTIONS_DEFAULT;
static enum job job = REPLAY;
static const char *from_file;
static const char *ledger_file;
static const char *audit_file;
static char **filter_command;
static struct treatment_rules rules = {
    .queue = DEAD_LETTER_QUEUE, .parking = PARKING_QUEUE, .parks = true, .max_replays = REPLAYS_MAX};
static size_t limit = SIZE_MAX;
static struct selection selection;
static struct pace pace;

static struct consumer *consumer;
static struct publisher *publisher;
static struct audit *audit;
static struct summary *summary;
static char run[UUID_TEXT_SIZE];

static struct delivery *batch[BATCH_MAX];
static struct treatment treated[BATCH_MAX];
static size_t treated_count;
static size_t total;        /* letters that were there at the start */
static size_t left;         /* of them, still to be looked at */
static size_t budget;       /* of those that are chosen, still to be handled */
static size_t removed;      /* acknowledged */
static bool some_kept;      /* on this connection, something that was delivered before the batch */
static bool some_wrong;     /* something was refused, or left that was to be sent */
static bool some_bad_input; /* of a file, something is no letter */

/* ---- sending ---- */

static void take_fates(void)
{
    uint64_t index;
    enum publish_fate fate;

    while (publisher_next(publisher, &index, &fate))
        if (fate != PUBLISH_CONFIRMED)
            treatment_refused(&treated[index], fate == PUBLISH_UNROUTABLE ? "no queue takes it there"
                                                                          : publisher_reason(publisher));
}

static enum exit_code send(struct treatment *treatment, size_t index)
{
    amqp_basic_properties_t properties = treatment_properties(treatment, &rules);
    struct message message = {.exchange = treatment->fate.exchange,
                              .routing_key = treatment->fate.routing_key,
                              .properties = &properties,
                              .body = treatment->body};
    enum exit_code code = EXIT_OK;

    pace_wait(&pace);
    while (code == EXIT_OK && !publisher_has_room(publisher)) {
        code = publisher_wait(publisher);
        take_fates();
    }
    return code == EXIT_OK ? publisher_send(publisher, &message, index) : code;
}

static void say_what_is_ignored(const struct treatment *treatment)
{
    if (treatment->fate.handled != NULL)
        report("order %s is %s already: the worker will ignore it", printable_text(treatment->fate.order_id),
               treatment->fate.handled);
}

/* Publishes what is to be sent, and waits until the fate of all of it is known. */
static enum exit_code send_batch(void)
{
    enum exit_code code = EXIT_OK;
    size_t i;

    for (i = 0; i < treated_count && code == EXIT_OK && !stop_requested(); i++) {
        say_what_is_ignored(&treated[i]);
        if (treated[i].is_sent && !rules.dry_run)
            code = send(&treated[i], i);
    }
    if (code == EXIT_OK && !rules.dry_run)
        code = publisher_settle(publisher);
    take_fates();
    for (; i < treated_count && code == EXIT_OK; i++)
        treatment_decide(&treated[i], FATE_LEFT, "asked to stop");
    return code;
}

/* ---- the end of a letter ---- */

static bool is_removed(const struct treatment *treatment)
{
    return !rules.dry_run && (treatment->fate.kind == FATE_REPLAYED || treatment->fate.kind == FATE_PARKED ||
                              treatment->fate.kind == FATE_DROPPED || treatment->fate.kind == FATE_TAKEN);
}

/* In the audit before it is acknowledged: what was done may stand there twice, and never not at all. */
static enum exit_code record(cJSON *const lines[])
{
    enum exit_code code = EXIT_OK;

    if (audit == NULL || rules.dry_run)
        return EXIT_OK;
    for (size_t i = 0; i < treated_count && code == EXIT_OK; i++) {
        const struct treatment *treatment = &treated[i];

        code =
            audit_add(audit, lines[i],
                      treatment->letter.delivery != NULL ? treatment->letter.delivery->body : treatment->body,
                      treatment->is_sent ? &treatment->body : NULL);
    }
    return code == EXIT_OK ? audit_sync(audit) : code;
}

static void settle_batch(enum exit_code code)
{
    struct delivery *gone[BATCH_MAX];
    size_t count = 0;
    bool is_current = true;

    for (size_t i = 0; i < treated_count; i++) {
        struct delivery *delivery = treated[i].letter.delivery;

        if (code == EXIT_OK && is_removed(&treated[i])) {
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

static void free_batch(void)
{
    for (size_t i = 0; i < treated_count; i++) {
        some_wrong = some_wrong || treated[i].is_wrong;
        some_bad_input = some_bad_input || treated[i].is_no_letter;
        treatment_free(&treated[i]);
    }
    treated_count = 0;
}

/* The letters of the batch have met their fates: says so, and settles them. */
static enum exit_code conclude(enum exit_code code)
{
    cJSON *lines[BATCH_MAX];
    enum exit_code printed = EXIT_OK;

    for (size_t i = 0; i < treated_count; i++)
        lines[i] = fate_line(&treated[i].fate);
    if (code == EXIT_OK)
        code = record(lines);
    if (job != RESTORE)
        settle_batch(code);
    for (size_t i = 0; i < treated_count; i++) {
        if (code == EXIT_OK && printed == EXIT_OK && job != TAKE)
            printed = output_json(lines[i]);
        else
            cJSON_Delete(lines[i]);
    }
    free_batch();
    if (code == EXIT_OK)
        code = printed;
    return code == EXIT_OK ? output_flush() : code;
}

/* ---- jobs ---- */

/* The letters of the batch that are meant. */
static void choose(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (budget == 0) {
            consumer_let_go(consumer, batch[i]);
            some_kept = true;
            continue;
        }
        treatment_of_letter(&treated[treated_count++], &rules, batch[i]);
        if (selection_has(&selection, &treated[treated_count - 1].letter)) {
            budget--;
            continue;
        }
        treatment_free(&treated[--treated_count]);
        consumer_let_go(consumer, batch[i]);
        some_kept = true;
    }
}

static enum exit_code show(struct treatment *treatment)
{
    cJSON *envelope = letter_envelope(&treatment->letter, rules.queue);
    enum exit_code code = treatment_look_up(treatment, &rules);

    if (treatment->fate.handled != NULL)
        json_need(cJSON_AddStringToObject(envelope, "handled", treatment->fate.handled));
    if (code == EXIT_OK)
        return output_json(envelope);
    cJSON_Delete(envelope);
    return code;
}

static enum exit_code show_batch(void)
{
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < treated_count && code == EXIT_OK; i++)
        code = show(&treated[i]);
    return code;
}

static enum exit_code take_batch(void)
{
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < treated_count && code == EXIT_OK; i++) {
        /* What cannot be shown as it is would be lost. */
        if (!treatment_can_be_taken(&treated[i]))
            continue;
        code = show(&treated[i]);
        treatment_decide(&treated[i], FATE_TAKEN, "");
    }
    return code == EXIT_OK ? output_sync() : code;
}

static enum exit_code consider_batch(void)
{
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < treated_count && code == EXIT_OK && !stop_requested(); i++)
        code = treatment_consider(&treated[i], &rules);
    return code == EXIT_OK && rules.filter != NULL ? filter_check(rules.filter) : code;
}

static enum exit_code handle_batch(size_t count)
{
    enum exit_code code;

    choose(count);
    left -= count;
    if (job == REPLAY) {
        code = consider_batch();
        if (code == EXIT_OK)
            code = send_batch();
        return conclude(code);
    }
    if (job == TAKE)
        return conclude(take_batch());
    code = job == LIST ? show_batch() : EXIT_OK;
    for (size_t i = 0; i < treated_count; i++) {
        if (job == SUMMARY)
            summary_add(summary, &treated[i].letter);
        consumer_let_go(consumer, treated[i].letter.delivery);
    }
    free_batch();
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
        progress_set(total - left, total);
    }
    if (code == EXIT_OK && count == 0 && left > 0 && !stop_requested())
        report("%zu of %zu letters did not come: somebody else may have them", left, total);
    return code;
}

static enum exit_code work_on_queue(void)
{
    bool removes = (job == REPLAY && !rules.dry_run) || job == TAKE;
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

/* Takes in what was read, up to a batch. False at the end of it all. */
static bool gather(struct json_stream *stream)
{
    struct json_piece piece;
    size_t bytes = 0;
    size_t most = pace.rate > 0 && pace.rate < BATCH_MAX ? (size_t)pace.rate : BATCH_MAX;

    while (treated_count < most && bytes < BATCH_BYTES) {
        switch (json_stream_next(stream, &piece)) {
        case JSON_STREAM_VALUE:
            treatment_of_piece(&treated[treated_count++], &rules, &piece);
            break;
        case JSON_STREAM_REFUSED:
            /* Of one that comes in several, only the first piece says why. */
            if (piece.reason != NULL)
                treatment_of_piece(&treated[treated_count++], &rules, &piece);
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
    size_t count;

    while (code == EXIT_OK && goes_on && !stop_requested()) {
        goes_on = gather(stream);
        count = treated_count;
        if (count > 0)
            code = conclude(send_batch());
        else if (goes_on)
            code = read_on(stream, fd);
        progress_advance(count);
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
        rules.queue = queue_name("--queue");
        return true;
    case OPTION_TO:
        rules.to_queue = queue_name("--to");
        return true;
    default:
        return false;
    }
}

static bool sending_option(int option)
{
    switch (option) {
    case OPTION_MAX_REPLAYS:
        rules.max_replays = option_number("--max-replays", optarg, 1, 1000000000);
        return true;
    case OPTION_PARKING:
        rules.parking = queue_name("--parking");
        return true;
    case OPTION_NO_PARK:
        rules.parks = false;
        return true;
    case OPTION_RATE:
        pace.rate = option_number("--rate", optarg, 1, 1000000);
        return true;
    case OPTION_LEDGER:
        ledger_file = optarg;
        return true;
    case OPTION_DRY_RUN:
        rules.dry_run = true;
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
    if (rules.dry_run && audit_file != NULL) {
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
                 !progress_option(option) && !link_option(&link_options, option) &&
                 !common_option(option, usage))
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
    struct consumer_settings settings = {
        .queue = rules.queue, .declare = is_ours(rules.queue), .max_body = SIZE_MAX};
    bool chooses = selection.reason != NULL || selection.error != NULL || selection.order_id != NULL ||
                   selection.before_ms != 0 || selection.after_ms != 0;
    unsigned char id[UUID_BYTES];
    enum exit_code code = link_options_resolve(&link_options);

    order_id_mint(id);
    uuid_to_text(id, run);
    rules.run = run;
    rules.user = code == EXIT_OK ? link_options_user(&link_options) : NULL;
    if (code == EXIT_OK && ledger_file != NULL)
        code = ledger_open_to_read(&rules.ledger, ledger_file);
    if (code == EXIT_OK && audit_file != NULL)
        code = audit_open(audit_file, &audit);
    if (code == EXIT_OK && filter_command != NULL)
        code = filter_start(filter_command, &rules.filter);
    if (code != EXIT_OK)
        return code;
    /* Letters that are shown or left stay unacknowledged, and must not keep others from coming. */
    settings.prefetch = !chooses && limit <= UINT16_MAX ? (unsigned)limit : 0;
    summary = job == SUMMARY ? summary_new() : NULL;
    consumer = consumer_new(&link_options, &settings);
    publisher =
        publisher_new(&link_options, settings.declare && job != RESTORE ? TOPOLOGY_WHOLE : TOPOLOGY_NOTHING);
    rules.looking = link_new(&link_options, "looking", link_no_setup, NULL);
    return EXIT_OK;
}

static void close_all(void)
{
    consumer_free(consumer);
    publisher_free(publisher);
    link_free(rules.looking);
    filter_free(rules.filter);
    ledger_close(rules.ledger);
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
    progress_spare(STDOUT_FILENO);
    progress_start("letters", 0);
    if (code == EXIT_OK)
        code = job == RESTORE ? restore() : work_on_queue();
    progress_done();
    if (code == EXIT_OK && some_wrong)
        code = EXIT_REFUSED;
    else if (code == EXIT_OK && some_bad_input)
        code = EXIT_INPUT;
    close_all();
    code = output_close(code);
    stop_by_signal();
    return (int)code;
}
