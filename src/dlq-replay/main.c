/*
 * dlq-replay: shows dead letters, takes them out, sends them back to where they came from, or puts
 * them back.
 *
 * batch.h tells what is guaranteed if this program is killed, and snapshot.h which letters it
 * handles.
 */
#include "audit.h"
#include "batch.h"
#include "fate.h"
#include "list.h"
#include "park.h"
#include "prefetch.h"
#include "replay.h"
#include "restore.h"
#include "rules.h"
#include "selection.h"
#include "snapshot.h"
#include "summary.h"

#include "amqp/connection.h"
#include "amqp/publisher.h"
#include "amqp/queue.h"
#include "amqp/queue_traits.h"
#include "amqp/topology.h"
#include "base/clock.h"
#include "base/moment.h"
#include "base/options.h"
#include "base/output.h"
#include "base/program.h"
#include "base/report.h"
#include "base/stop.h"
#include "base/text.h"
#include "base/uuid.h"
#include "engine/open.h"
#include "process/coprocess.h"
#include "terminal/progress.h"
#include "trace/span.h"

#include <string.h>
#include <unistd.h>

#define REPLAYS_MAX 3

/* ---- options ---- */

static const char usage[] =
    "usage: dlq-replay [options] [--filter COMMAND [ARGUMENT...]]\n"
    "       dlq-replay [options] --list | --summary | --park | --take\n"
    "       dlq-replay [options] --from FILE [--filter COMMAND [ARGUMENT...]]\n"
    "Sends the dead letters of order.placed.dlq back to the exchange and routing key they came\n"
    "from, and prints a line of JSON for each.\n";

enum { REPLAY = 1, LIST = 2, SUMMARY = 4, TAKE = 8, RESTORE = 16, PARK = 32 };

/* The jobs that read letters from a queue. */
#define FROM_QUEUE (REPLAY | LIST | SUMMARY | TAKE | PARK)

static int job = REPLAY;
static const char *from_file;
static const char *ledger_file;
static const char *audit_file;
static bool audit_bodies;
static char **filter_command;
static struct replay_rules rules = {.queue = DEAD_LETTER_QUEUE,
                                    .parking = PARKING_QUEUE,
                                    .max_replays = REPLAYS_MAX,
                                    .delivery_limit = QUEUE_NO_LIMIT};
static bool no_park;
static int limit; /* 0 without one */
static struct selection selection;
static int rate;
static bool force;

static void check_queue_name(const char *option, const char *name)
{
    size_t len = strlen(name);

    if (len == 0 || len >= FATE_NAME_SIZE)
        die(EXIT_USAGE, "%s: the name of a queue has 1 to 255 bytes", option);
}

static int64_t moment(const char *option, const char *text)
{
    int64_t ms = 0;

    if (!moment_read(text, clock_utc_ms(), &ms))
        die(EXIT_USAGE,
            "%s: '%s' is neither an age such as 15m nor a time such as 2026-01-31T12:00:00Z",
            option, printable_text(text));
    return ms;
}

static void read_older(const char *option, const char *text)
{
    selection.before_ms = moment(option, text);
}

static void read_newer(const char *option, const char *text)
{
    selection.after_ms = moment(option, text);
}

static struct option_entry options[] = {
    {"list", NULL, "print the dead letters, and send nothing", .set = &job, .value = LIST},
    {"summary", NULL, "count them by error and reason, and send nothing", .set = &job,
     .value = SUMMARY},
    {"park", NULL, "put them aside into a parking queue, and send nothing back", .set = &job,
     .value = PARK},
    {"take", NULL, "print them as --list does, and remove them", .set = &job, .value = TAKE},
    {"from", "FILE",
     "publish what --list or --take printed, each to its queue\n"
     "(- for standard input)",
     .set = &job, .value = RESTORE, .text = &from_file},
    {"force", NULL, "proceed even if reading may remove dead letters or the queue", .flag = &force,
     .jobs = FROM_QUEUE},
    {"queue", "QUEUE", "read QUEUE instead of order.placed.dlq", .text = &rules.queue,
     .call = check_queue_name, .jobs = FROM_QUEUE},
    {"to", "QUEUE", "send all of them to QUEUE", .text = &rules.to_queue, .call = check_queue_name,
     .jobs = REPLAY | RESTORE},
    {"requeue", NULL, "send each only to the queue in which it died", .flag = &rules.requeues,
     .jobs = REPLAY},
    {.help = "Selection (a dead letter must match every option given):"},
    {"number", "N", "the first N", .letter = 'n', .number = &limit, .least = 1, .most = 1000000000,
     .jobs = FROM_QUEUE | RESTORE},
    {"reason", "REASON", "that died for this reason: rejected, expired...",
     .text = &selection.reason, .jobs = FROM_QUEUE | RESTORE},
    {"error", "TEXT", "whose error contains TEXT", .text = &selection.error,
     .jobs = FROM_QUEUE | RESTORE},
    {"order-id", "ID", "of this order", .text = &selection.order_id, .jobs = FROM_QUEUE | RESTORE},
    {"older", "WHEN", "that died before WHEN: an age (90s, 15m, 2h, 3d, 2w) or a UTC time",
     .call = read_older, .jobs = FROM_QUEUE | RESTORE},
    {"newer", "WHEN", "that died after WHEN", .call = read_newer, .jobs = FROM_QUEUE | RESTORE},
    {.help = "Replay:"},
    {"filter", "COMMAND",
     "let COMMAND edit each: it reads a line with the dead letter, and\n"
     "prints a line with what to send, null to leave it, or \"drop\" to\n"
     "remove it; the last option",
     .command = &filter_command, .jobs = REPLAY | RESTORE},
    {"max-replays", "N", "park those that were sent back N times (3)", .number = &rules.max_replays,
     .least = 1, .most = 1000000000, .jobs = REPLAY},
    {"parking", "QUEUE", "park in QUEUE (order.placed.parked)", .text = &rules.parking,
     .call = check_queue_name, .jobs = REPLAY | PARK},
    {"no-park", NULL, "leave them instead of parking them", .flag = &no_park, .jobs = REPLAY},
    {"rate", "N", "send at most N a second", .number = &rate, .least = 1, .most = 1000000,
     .jobs = REPLAY | RESTORE | PARK},
    {"ledger", "FILE", "say which of the orders are in inventory-worker's ledger FILE",
     .text = &ledger_file, .jobs = REPLAY | LIST},
    {"dry-run", NULL, "only print what would be done", .flag = &rules.dry_run,
     .jobs = REPLAY | RESTORE | PARK},
    {"audit", "FILE", "append what was done, when and by whom, to FILE", .text = &audit_file,
     .jobs = REPLAY | TAKE | RESTORE | PARK},
    {"audit-bodies", NULL, "with the bodies in full, before and after", .flag = &audit_bodies,
     .jobs = REPLAY | TAKE | RESTORE | PARK},
    {.group = progress_option_table},
    {.group = broker_option_table},
    {.group = publishing_option_table},
    {.group = span_option_table},
    {.group = common_option_table},
    {0},
};

static void check_job(struct option_entry *option, void *context)
{
    static const char *const names[] = {[REPLAY] = "sending letters back",
                                        [LIST] = "--list",
                                        [SUMMARY] = "--summary",
                                        [TAKE] = "--take",
                                        [RESTORE] = "--from",
                                        [PARK] = "--park"};

    (void)context;
    if (option->given > 0 && option->jobs != 0 && (option->jobs & (unsigned)job) == 0)
        usage_error("--%s does not go with %s", option->name, names[job]);
}

static void read_options(int argc, char **argv)
{
    /* It is shared by programs without jobs. */
    span_option_table[0].jobs = REPLAY | TAKE | RESTORE | PARK;
    options_refuse_operands(options_read(argc, argv, usage, options),
                            "dead letters come from the queue");
    options_exclude_each_other(options, &job);
    options_each(options, check_job, NULL);
    if (rules.requeues && rules.to_queue != NULL)
        usage_error("--to and --requeue exclude each other");
    if (rules.dry_run && audit_file != NULL)
        usage_error("--dry-run does nothing that --audit could record");
    if (audit_bodies && audit_file == NULL)
        usage_error("--audit-bodies goes with --audit");
    rules.parks = !no_park;
    rules.parks_all = job == PARK;
    if (rules.parks_all && strcmp(rules.queue, rules.parking) == 0)
        usage_error("--park: the letters are in '%s' already", printable_text(rules.queue));
}

static struct snapshot *snapshot;
static struct batch *batch;
static struct publisher *publisher;
static struct audit *audit;
static struct summary *summary;
static char run[UUID_TEXT_SIZE];

/* ---- the queue ---- */

static bool only_looks(void)
{
    return job == LIST || job == SUMMARY || rules.dry_run;
}

/* A connection_setup: a queue whose node is down is waited for, on this broker or another. */
static enum exit_code await_queue(struct connection *connection, void *context)
{
    struct queue_depth depth;
    enum exit_code code = queue_look(connection, rules.queue, &depth);

    (void)context;
    return code == EXIT_OK && depth.refused == EXIT_UNREACHABLE ? EXIT_UNREACHABLE : code;
}

/*
 * Finds out what the queue is like. Returns EXIT_TOPOLOGY, reported, if consuming from it would
 * change it, unless that is forced: an auto-delete queue is deleted once we leave, and a delivery
 * limit counts what is only looked at. Letters that are handled may use up deliveries.
 */
static enum exit_code check_queue(void)
{
    struct queue_traits traits;
    enum exit_code code = EXIT_UNREACHABLE;

    while (code == EXIT_UNREACHABLE && !connection_is_up(rules.looking)) {
        code = connection_open(rules.looking);
        if (code != EXIT_OK)
            return code;
        code = queue_traits_read(rules.looking, rules.queue, &traits);
    }
    if (code != EXIT_OK || !traits.exists)
        return code;
    rules.delivery_limit = queue_traits_limit(&traits);
    if (traits.limit >= 0)
        snapshot_spare(snapshot);
    rules.only_looks = only_looks();
    if (!rules.only_looks)
        traits.limit = QUEUE_NO_LIMIT;
    return queue_traits_permit(&traits, rules.queue, QUEUE_BY_CONSUMING, force);
}

/* ---- jobs ---- */

static enum exit_code handle_batch(void)
{
    switch (job) {
    case LIST:
        return list_letters(batch);
    case SUMMARY:
        summary_add_letters(summary, batch);
        return EXIT_OK;
    case TAKE:
        return take_letters(batch);
    default:
        return replay_letters(batch);
    }
}

static enum exit_code handle_letters(void)
{
    enum exit_code code = snapshot_open(snapshot);
    size_t count = 1;

    while (code == EXIT_OK && count > 0) {
        code = batch_fill(batch, &count);
        if (code == EXIT_OK && count > 0)
            code = handle_batch();
        snapshot_show_progress(snapshot);
    }
    return code;
}

/* Closes the snapshot. Reports how many letters were removed and may come again all the same, and
 * returns EXIT_UNREACHABLE if there are any. */
static enum exit_code end_with(enum exit_code code)
{
    size_t unsure;

    (void)snapshot_finish(snapshot);
    unsure = snapshot_unsure(snapshot);
    if (unsure == 0)
        return code;
    report("%zu letter%s may come again in '%s': the broker may not have seen that %s removed",
           unsure, unsure == 1 ? "" : "s", printable_text(rules.queue),
           unsure == 1 ? "it was" : "they were");
    return first_failure(code, EXIT_UNREACHABLE);
}

static enum exit_code work_on_queue(void)
{
    bool removes = !only_looks();
    enum exit_code code = check_queue();

    if (code == EXIT_OK)
        code = handle_letters();
    while (code == EXIT_OK && removes && !snapshot_finish(snapshot) && !stop_requested())
        code = handle_letters();
    park_report(batch);
    if (removes)
        code = end_with(code);
    return code == EXIT_OK && job == SUMMARY ? summary_print(summary) : code;
}

static enum exit_code restore(void)
{
    return restore_run(&(struct restore_settings){.path = from_file,
                                                  .selection = &selection,
                                                  .limit = limit > 0 ? (size_t)limit : SIZE_MAX,
                                                  .publisher = publisher},
                       batch);
}

/* ---- the program ---- */

/* Returns whether a queue is one of the workflow's, which is declared if it is missing. */
static bool is_ours(const char *name)
{
    for (size_t i = 0; topology_queues[i] != NULL; i++)
        if (strcmp(name, topology_queues[i]) == 0)
            return true;
    return false;
}

/* Letters that leave the ways of the workflow do not need it: what is missing stays so. */
static bool declares(void)
{
    return job != RESTORE && job != PARK && rules.to_queue == NULL && is_ours(rules.queue);
}

static enum exit_code open_audit(void)
{
    return audit_open(&(struct audit_settings){.path = audit_file,
                                               .run = run,
                                               .broker = &broker_options,
                                               .filter = filter_command,
                                               .bodies = audit_bodies},
                      &audit);
}

/* Opens what the rules refer to, and the audit. */
static enum exit_code open_rules(void)
{
    unsigned char id[UUID_BYTES];
    enum exit_code code = broker_options_resolve(&broker_options);

    order_id_mint(id);
    uuid_to_text(id, run);
    rules.run = run;
    rules.user = code == EXIT_OK ? broker_options_user(&broker_options) : NULL;
    if (code == EXIT_OK && ledger_file != NULL)
        code = engine_open_ledger(ledger_file, LEDGER_READ, NULL, &rules.ledger);
    if (code == EXIT_OK && audit_file != NULL)
        code = open_audit();
    if (code == EXIT_OK && filter_command != NULL)
        code = coprocess_start(filter_command, &rules.filter);
    if (code == EXIT_OK)
        rules.looking = connection_new(&broker_options, "looking", await_queue, NULL);
    return code;
}

/* Returns how many letters are handed out ahead at first: one where a filter or a reader of unknown
 * speed decides how long each takes. */
static size_t first_prefetch(void)
{
    if (rules.filter != NULL || job == TAKE)
        return 1;
    return rate > 0 && rate < PREFETCH_MAX ? (size_t)rate : PREFETCH_MAX;
}

static enum exit_code open_all(void)
{
    struct snapshot_settings waiting = {.queue = rules.queue,
                                        .declare = declares() ? topology_declare : NULL,
                                        .selection = &selection,
                                        .limit = limit > 0 ? (size_t)limit : SIZE_MAX};
    struct batch_settings handling = {.rules = &rules, .rate = rate};
    enum exit_code code = open_rules();

    if (code != EXIT_OK)
        return code;
    waiting.prefetch = first_prefetch();
    if (job == LIST || job == SUMMARY)
        waiting.once = job == LIST ? "list" : "summary";
    if (job != RESTORE)
        snapshot = snapshot_new(&broker_options, &waiting);
    publisher =
        publisher_new(&broker_options, &(struct publisher_settings){.declare = waiting.declare,
                                                                    .many_destinations = true,
                                                                    .nacked = NACKED_IS_SKIPPED});
    summary = job == SUMMARY ? summary_new() : NULL;
    handling.snapshot = snapshot;
    handling.publisher = publisher;
    handling.audit = audit;
    batch = batch_new(&handling);
    return EXIT_OK;
}

static void close_all(void)
{
    batch_free(batch);
    snapshot_free(snapshot);
    publisher_free(publisher);
    connection_free(rules.looking);
    coprocess_free(rules.filter);
    if (rules.ledger != NULL)
        rules.ledger->operations->close(rules.ledger);
    audit_close(audit);
    summary_free(summary);
    broker_options_free(&broker_options);
}

int main(int argc, char **argv)
{
    enum exit_code code;

    report_program(argv[0]);
    read_options(argc, argv);
    stop_on_signals();
    if (only_looks())
        output_only_shows();
    code = open_all();
    progress_spare(STDOUT_FILENO);
    progress_start("letters", 0);
    if (code == EXIT_OK)
        code = job == RESTORE ? restore() : work_on_queue();
    progress_done();
    if (code == EXIT_OK)
        code = batch_verdict(batch);
    close_all();
    return program_end(code, false);
}
