/*
 * queue-inspect: shows queues and their messages, waits for a depth, and checks the workflow.
 *
 * It changes nothing on the broker, except that --peek marks messages as redelivered, that --follow
 * declares a queue of its own, which is deleted with its connection, and that --declare declares
 * the workflow.
 */
#include "declare.h"
#include "health.h"
#include "management.h"
#include "messages.h"
#include "queues.h"
#include "tap.h"
#include "topology_check.h"
#include "until.h"
#include "watch.h"

#include "amqp/broker_options.h"
#include "amqp/connection.h"
#include "amqp/topology.h"
#include "base/options.h"
#include "base/output.h"
#include "base/program.h"
#include "base/report.h"
#include "base/stop.h"
#include "base/text.h"
#include "terminal/progress.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

/* ---- options ---- */

static const char usage[] =
    "usage: queue-inspect [options] [QUEUE...]\n"
    "Prints a line of JSON for each queue, or a table on a terminal. Without names, takes all\n"
    "queues of the workflow, or, to wait for them, those that the workers consume.\n";

#define OF_HEALTH 1U /* the option goes with --health alone */

enum { LIST, WATCH, PEEK, FOLLOW, UNTIL_EMPTY, UNTIL, CHECK_TOPOLOGY, DECLARE, HEALTH };

static int job = LIST;
static int number; /* of --peek and --until */
static bool force;
static int timeout_s = -1;
static int period_s = 2;
static const char *api_url;
static struct health_settings health = {.ready = LIMIT_UNSET,
                                        .dead = {0, LIMIT_NONE},
                                        .failed = LIMIT_UNSET,
                                        .parked = LIMIT_UNSET,
                                        .age = LIMIT_UNSET,
                                        .options = &broker_options};
static struct tap tap;
static enum queues_format format;
static const char *const *names;
static bool are_named;

static void read_format(const char *option, const char *text)
{
    if (strcmp(text, "json") == 0)
        format = FORMAT_JSON;
    else if (strcmp(text, "table") == 0)
        format = FORMAT_TABLE;
    else
        die(EXIT_USAGE, "%s: '%s' is neither json nor table", option, printable_text(text));
}

/* AMQP's short strings. */
static void check_name(const char *what, const char *name)
{
    size_t len = strlen(name);

    if (len == 0 || len > 255)
        die(EXIT_USAGE, "the name of %s has 1 to 255 bytes", what);
}

static void check_exchange(const char *option, const char *name)
{
    (void)option;
    check_name("an exchange", name);
}

static void add_routing_key(const char *option, const char *key)
{
    (void)option;
    if (strlen(key) > 255)
        die(EXIT_USAGE, "a routing key has at most 255 bytes");
    tap_add_key(&tap, key);
}

static void read_limit(const char *option, const char *text)
{
    static const struct {
        const char *option;
        struct limit *limit;
        bool (*read)(struct limit *limit, const char *text);
    } limits[] = {{"--max-ready", &health.ready, limit_read_numbers},
                  {"--max-dead", &health.dead, limit_read_numbers},
                  {"--max-failed", &health.failed, limit_read_numbers},
                  {"--max-parked", &health.parked, limit_read_numbers},
                  {"--max-age", &health.age, limit_read_ages}};
    size_t i = 0;

    while (strcmp(limits[i].option, option) != 0)
        i++;
    if (!limits[i].read(limits[i].limit, text))
        die(EXIT_USAGE,
            "%s: '%s' is neither a limit nor two with a comma between, the second not less", option,
            printable_text(text));
}

static struct option_entry options[] = {
    {"api", "URL", "also ask the management API (MANAGEMENT_URL)", .text = &api_url},
    {"format", "json|table", "how to print (table on a terminal, otherwise json)",
     .call = read_format},
    {"watch", "[S]", "print again every S seconds (2)", .set = &job, .value = WATCH,
     .number = &period_s, .least = 1, .most = 3600},
    {"peek", "N", "print the first N messages of one queue, and leave them there", .set = &job,
     .value = PEEK, .number = &number, .least = 1, .most = 1000000},
    {"force", NULL, "peek even if that uses up a limited number of deliveries", .flag = &force},
    {"follow", "EXCHANGE", "print messages as they are published to an exchange", .set = &job,
     .value = FOLLOW, .text = &tap.exchange, .call = check_exchange},
    {"routing-key", "KEY", "follow only messages with this key; may be repeated",
     .call = add_routing_key},
    {"until-empty", NULL, "wait until the queues have no messages ready", .set = &job,
     .value = UNTIL_EMPTY},
    {"until", "N", "wait until each queue has N or more messages ready", .set = &job,
     .value = UNTIL, .number = &number, .most = 1000000000},
    {"timeout", "S", "stop waiting, watching or following after S seconds", .number = &timeout_s,
     .most = 1000000},
    {"check-topology", NULL, "print missing or different exchanges, queues and bindings",
     .set = &job, .value = CHECK_TOPOLOGY},
    {"declare", NULL, "declare what is missing of the workflow, and optional queues that are named",
     .set = &job, .value = DECLARE},
    {"queue-type", "quorum|default", "how to declare queues (ORDER_QUEUE_TYPE)",
     .text = &broker_options.queue_type},
    {"health", NULL, "print whether the workflow is healthy", .set = &job, .value = HEALTH},
    {.help = "Health (more than N is a warning, more than M critical):"},
    {"max-ready", "N[,M]", "at most N messages ready for a worker", .call = read_limit,
     .jobs = OF_HEALTH},
    {"max-dead", "N[,M]", "at most N dead letters (0)", .call = read_limit, .jobs = OF_HEALTH},
    {"max-failed", "N[,M]", "at most N events about failed orders", .call = read_limit,
     .jobs = OF_HEALTH},
    {"max-parked", "N[,M]", "at most N parked messages", .call = read_limit, .jobs = OF_HEALTH},
    {"max-age", "AGE[,AGE]", "nothing older than AGE (90s, 15m, 2h, 3d, 2w) waits",
     .call = read_limit, .jobs = OF_HEALTH},
    {"ledger", "FILE", "no events in this ledger wait long (INVENTORY_LEDGER)",
     .text = &health.ledger, .jobs = OF_HEALTH},
    {"nagios", NULL, "print a line as plugins of Nagios do, and exit with 0 to 3",
     .flag = &health.nagios, .jobs = OF_HEALTH},
    {.help = "General:"},
    {.group = progress_option_table},
    {.group = broker_option_table},
    {.group = common_option_table},
    {0},
};

static bool waits_for_depth(void)
{
    return job == UNTIL || job == UNTIL_EMPTY;
}

static void check_job(struct option_entry *option, void *context)
{
    (void)context;
    if (option->given > 0 && option->jobs == OF_HEALTH && job != HEALTH)
        usage_error("--%s goes with --health", option->name);
}

/* Whether an argument is --nagios, or as much of it as names no other option. */
static bool is_for_nagios(char *const *arguments)
{
    for (; *arguments != NULL; arguments++) {
        size_t len = strlen(*arguments);

        if (len >= sizeof "--na" - 1 && strncmp("--nagios", *arguments, len) == 0)
            return true;
    }
    return false;
}

/* A program_translate(): other codes are not Nagios's. */
static enum exit_code code_for_nagios(enum exit_code code)
{
    return code == EXIT_OK || code == EXIT_NO || code == EXIT_CRITICAL ? code : EXIT_UNKNOWN;
}

static void check_options(void)
{
    bool lasts = waits_for_depth() || job == WATCH || job == FOLLOW;
    bool looks_at_all = job == HEALTH || job == CHECK_TOPOLOGY;

    options_exclude_each_other(options, &job);
    if (looks_at_all && are_named)
        usage_error("--health and --check-topology look at the whole workflow, and take no names");
    if (job == DECLARE)
        declare_check_names(names);
    if (broker_options.queue_type != NULL && job != DECLARE)
        usage_error("--queue-type goes with --declare");
    if (job == FOLLOW && are_named)
        usage_error("--follow takes an exchange, and no queues");
    if (job == PEEK && (!are_named || names[1] != NULL))
        usage_error("--peek looks into one queue: name it");
    if (format == FORMAT_TABLE && (looks_at_all || job == PEEK || job == FOLLOW))
        usage_error("--format table is for lists of queues");
    if (force && job != PEEK)
        usage_error("--force goes with --peek");
    if (timeout_s >= 0 && !lasts)
        usage_error("--timeout goes with --until, --until-empty, --watch or --follow");
    if (tap.key_count > 0 && job != FOLLOW)
        usage_error("--routing-key goes with --follow");
    options_each(options, check_job, NULL);
}

static void read_options(int argc, char **argv)
{
    names = (const char *const *)options_read(argc, argv, usage, options);
    are_named = *names != NULL;
    check_options();
    if (!are_named)
        names = waits_for_depth() ? topology_work_queues : topology_queues;
    /* An empty name would mean the queue that was declared last. */
    for (size_t i = 0; names[i] != NULL; i++)
        check_name("a queue", names[i]);
}

static struct connection *looking;
static struct management *management; /* NULL without one */
static struct queues queues;

/* ---- the program ---- */

/* To wait takes no management API; a program that only waits shall not fail because that does. */
static enum exit_code set_up_management(void)
{
    const char *environment = getenv("MANAGEMENT_URL");
    const char *url = api_url;

    if (waits_for_depth())
        return EXIT_OK;
    if (url == NULL && environment != NULL && *environment != '\0')
        url = environment;
    return url == NULL ? EXIT_OK : management_new(url, &broker_options, &management);
}

static enum exit_code report_missing(void)
{
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < queues.count; i++) {
        if (!queues.views[i].depth.exists && queues.views[i].error == NULL) {
            report("no queue '%s'", printable_text(queues.views[i].name));
            code = EXIT_NO;
        }
    }
    return code;
}

static enum exit_code list(void)
{
    enum exit_code code = queues_look_patiently(&queues);

    if (code != EXIT_OK)
        return code;
    code = queues_ask(&queues);
    if (code != EXIT_OK)
        report("%s", management_reason(management));
    code = first_failure(queues_print(&queues, format), code);
    code = first_failure(code, queues_report_refused(&queues));
    return are_named ? first_failure(code, report_missing()) : code;
}

static enum exit_code declare(void)
{
    enum exit_code code = declare_all(&broker_options, names);

    return code == EXIT_OK ? list() : code;
}

static enum exit_code do_job(void)
{
    switch (job) {
    case WATCH:
        return watch_queues(&queues, &(struct watch_settings){.period_s = period_s,
                                                              .timeout_s = timeout_s,
                                                              .retries = broker_options.retries,
                                                              .format = format});
    case PEEK:
        return messages_peek(&broker_options, management, names[0], (size_t)number, force);
    case FOLLOW:
        return messages_follow(&broker_options, management, &tap, timeout_s);
    case UNTIL:
    case UNTIL_EMPTY:
        return until_reached(&queues, &(struct until_settings){.is_empty = job == UNTIL_EMPTY,
                                                               .ready = number,
                                                               .timeout_s = timeout_s,
                                                               .format = format});
    case CHECK_TOPOLOGY:
        return topology_check(looking, management);
    case DECLARE:
        return declare();
    case HEALTH:
        return health_check(&queues, &health);
    default:
        return list();
    }
}

int main(int argc, char **argv)
{
    enum exit_code code;

    report_program(argv[0]);
    /* What is wrong with the options counts, too. */
    if (is_for_nagios(argv + 1))
        program_translate(code_for_nagios);
    /* How wide characters are, and whether the terminal shows them. */
    (void)setlocale(LC_CTYPE, "");
    read_options(argc, argv);
    stop_on_signals();
    /* What the others find out is in the exit code. */
    if (job == LIST || job == WATCH || job == PEEK || job == FOLLOW)
        output_only_shows();
    code = broker_options_resolve(&broker_options);
    if (code == EXIT_OK)
        code = set_up_management();
    if (code == EXIT_OK) {
        looking = connection_new(&broker_options, "looking", NULL, NULL);
        queues_start(&queues, names,
                     are_named || waits_for_depth() ? NULL : topology_optional_queues, looking,
                     management);
        code = do_job();
    }
    queues_free(&queues);
    management_free(management);
    connection_free(looking);
    tap_free(&tap);
    broker_options_free(&broker_options);
    return program_end(code, false);
}
