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
#include "amqp/look.h"
#include "amqp/publisher.h"
#include "amqp/topology.h"
#include "base/clock.h"
#include "base/options.h"
#include "base/output.h"
#include "base/report.h"
#include "base/stop.h"
#include "base/text.h"
#include "base/uuid.h"
#include "process/coprocess.h"
#include "store/ledger.h"
#include "terminal/progress.h"

#include <string.h>
#include <unistd.h>

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
    "      --force             even if a look, or leaving, costs letters or the queue\n"
    "      --queue QUEUE       of that queue, rather than order.placed.dlq\n"
    "      --to QUEUE          send them into that queue\n"
    "      --requeue           send each into the queue in which it died, and no other\n"
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
    "      --audit FILE        add what was done, when and by whom, to FILE\n" PROGRESS_USAGE
        BROKER_USAGE COMMON_USAGE;

enum {
    OPTION_LIST = OPTION_OWN,
    OPTION_SUMMARY,
    OPTION_TAKE,
    OPTION_FROM,
    OPTION_FORCE,
    OPTION_QUEUE,
    OPTION_TO,
    OPTION_REQUEUE,
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

static const struct option long_options[] = {
    {"list", no_argument, NULL, OPTION_LIST},
    {"summary", no_argument, NULL, OPTION_SUMMARY},
    {"take", no_argument, NULL, OPTION_TAKE},
    {"from", required_argument, NULL, OPTION_FROM},
    {"force", no_argument, NULL, OPTION_FORCE},
    {"queue", required_argument, NULL, OPTION_QUEUE},
    {"to", required_argument, NULL, OPTION_TO},
    {"requeue", no_argument, NULL, OPTION_REQUEUE},
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
    BROKER_LONG_OPTIONS,
    COMMON_LONG_OPTIONS,
    {NULL, 0, NULL, 0}};

enum job { REPLAY = 1, LIST = 2, SUMMARY = 4, TAKE = 8, RESTORE = 16 };

static struct broker_options broker_options = BROKER_OPTIONS_DEFAULT;
static enum job job = REPLAY;
static const char *from_file;
static const char *ledger_file;
static const char *audit_file;
static char **filter_command;
static struct replay_rules rules = {.queue = DEAD_LETTER_QUEUE,
                                    .parking = PARKING_QUEUE,
                                    .parks = true,
                                    .max_replays = REPLAYS_MAX,
                                    .delivery_limit = LOOK_NO_LIMIT};
static size_t limit = SIZE_MAX;
static struct selection selection;
static long rate;
static bool force;

static struct snapshot *snapshot;
static struct batch *batch;
static struct publisher *publisher;
static struct audit *audit;
static struct summary *summary;
static char run[UUID_TEXT_SIZE];

/* ---- the queue ---- */

static bool only_looks(void)
{
    return job == LIST || job == SUMMARY || (job == REPLAY && rules.dry_run);
}

/*
 * Finds out what the queue is like. Returns EXIT_TOPOLOGY, reported, if consuming from it would
 * change it, unless that is forced: an auto-delete queue is deleted once we leave, and a delivery
 * limit counts what is only looked at. Letters that are handled may use up deliveries.
 */
static enum exit_code check_queue(void)
{
    struct look look;
    enum exit_code code = EXIT_UNREACHABLE;

    while (code == EXIT_UNREACHABLE && !connection_is_up(rules.looking)) {
        code = connection_open(rules.looking);
        if (code != EXIT_OK)
            return code;
        code = look_at_queue(rules.looking, rules.queue, &look);
    }
    if (code != EXIT_OK || !look.exists)
        return code;
    rules.delivery_limit = look_limit(&look);
    if (look.limit >= 0)
        snapshot_spare(snapshot);
    rules.only_looks = only_looks();
    if (!rules.only_looks)
        look.limit = LOOK_NO_LIMIT;
    return look_permit(&look, rules.queue, LOOK_BY_CONSUMING, force);
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
    return code == EXIT_OK ? EXIT_UNREACHABLE : code;
}

static enum exit_code work_on_queue(void)
{
    bool removes = (job == REPLAY && !rules.dry_run) || job == TAKE;
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
        die(EXIT_USAGE,
            "%s: '%s' is neither an age such as 15m nor a time such as 2026-01-31T12:00:00Z",
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
    case OPTION_FORCE:
        force = true;
        return true;
    case OPTION_QUEUE:
        rules.queue = queue_name("--queue");
        return true;
    case OPTION_TO:
        rules.to_queue = queue_name("--to");
        return true;
    case OPTION_REQUEUE:
        rules.requeues = true;
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
        rate = option_number("--rate", optarg, 1, 1000000);
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
    case OPTION_FORCE:
    case OPTION_QUEUE:
    case OPTION_REASON:
    case OPTION_ERROR:
    case OPTION_ORDER_ID:
    case OPTION_OLDER:
    case OPTION_NEWER:
        return ~(unsigned)RESTORE;
    case OPTION_FILTER:
    case OPTION_REQUEUE:
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
    if (rules.requeues && rules.to_queue != NULL) {
        report("--to and --requeue exclude each other");
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
           (option = getopt_long(argc, argv, "+n:" BROKER_SHORT_OPTIONS COMMON_SHORT_OPTIONS,
                                 long_options, NULL)) != -1) {
        if (option == OPTION_FILTER)
            filter_command = argv + optind;
        else if (!choice_option(option) && !job_option(option) && !sending_option(option) &&
                 !progress_option(option) && !broker_option(&broker_options, option) &&
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

/* Returns whether a queue is one of the workflow's, which is declared if it is missing. */
static bool is_ours(const char *name)
{
    for (size_t i = 0; topology_queues[i] != NULL; i++)
        if (strcmp(name, topology_queues[i]) == 0)
            return true;
    return false;
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
        code = ledger_open_to_read(&rules.ledger, ledger_file);
    if (code == EXIT_OK && audit_file != NULL)
        code = audit_open(audit_file, &audit);
    if (code == EXIT_OK && filter_command != NULL)
        code = coprocess_start(filter_command, &rules.filter);
    if (code == EXIT_OK)
        rules.looking = connection_new(&broker_options, "looking", connection_no_setup, NULL);
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
                                        .declare = is_ours(rules.queue) ? topology_declare : NULL,
                                        .selection = &selection,
                                        .limit = limit};
    struct batch_settings handling = {.rules = &rules, .rate = rate};
    enum exit_code code = open_rules();

    if (code != EXIT_OK)
        return code;
    waiting.prefetch = first_prefetch();
    if (job == LIST || job == SUMMARY)
        waiting.once = job == LIST ? "list" : "summary";
    if (job != RESTORE)
        snapshot = snapshot_new(&broker_options, &waiting);
    publisher = publisher_new(
        &broker_options,
        &(struct publisher_settings){.declare = job != RESTORE ? waiting.declare : NULL,
                                     .many_destinations = true});
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
    ledger_close(rules.ledger);
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
    code = open_all();
    progress_spare(STDOUT_FILENO);
    progress_start("letters", 0);
    if (code == EXIT_OK)
        code = job == RESTORE ? restore_run(from_file, batch, publisher) : work_on_queue();
    progress_done();
    if (code == EXIT_OK)
        code = batch_verdict(batch);
    close_all();
    code = output_close(code);
    if (code != EXIT_OUTPUT)
        stop_by_signal();
    return (int)code;
}
