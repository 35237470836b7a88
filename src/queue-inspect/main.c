/*
 * queue-inspect: what the queues hold, and what goes through them; and waiting until they hold it.
 *
 * It changes nothing. --peek takes messages in hand and lets them go again: they keep their place
 * and are marked as redelivered. --follow has a queue of its own, which goes when it does.
 */
#include "health.h"
#include "management.h"
#include "messages.h"
#include "queues.h"
#include "queues_print.h"
#include "tap_keys.h"
#include "topology_check.h"
#include "watch.h"

#include "amqp/connection.h"
#include "amqp/topology.h"
#include "base/clock.h"
#include "base/options.h"
#include "base/output.h"
#include "base/report.h"
#include "base/stop.h"
#include "base/text.h"
#include "json/json.h"
#include "json/output.h"
#include "terminal/progress.h"
#include "terminal/screen.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POLL_MS 200
#define WATCH_SECONDS 2

static const char usage[] =
    "usage: queue-inspect [options] [QUEUE...]\n"
    "Prints a line of JSON for each queue, or a table on a terminal. If none is named, all of\n"
    "the workflow; to wait for, those that the workers empty.\n"
    "      --api URL           ask the management API, too (MANAGEMENT_URL)\n"
    "      --format FORMAT     json or table\n"
    "      --watch [S]         look again every S seconds (2)\n"
    "      --peek N            print the first N messages of one queue, without taking them\n"
    "      --force             even if that uses up deliveries of which there is a limit\n"
    "      --follow EXCHANGE   print messages as they are published to an exchange\n"
    "      --routing-key KEY   only those with this key; may be repeated\n"
    "      --until-empty       wait until nothing is ready in the queues\n"
    "      --until N           wait until each of the queues has N messages ready, or more\n"
    "      --timeout S         stop waiting, watching or following after S seconds\n"
    "      --check-topology    a line of JSON for all that is missing or different\n"
    "      --health            one line of JSON: is all well?\n"
    "      --max-ready N       it is not with more than N messages ready for a worker\n"
    "      --ledger FILE       nor if inventory-worker owes events for long "
    "(INVENTORY_LEDGER)\n" PROGRESS_USAGE BROKER_USAGE COMMON_USAGE;

enum {
    OPTION_API = OPTION_OWN,
    OPTION_FORMAT,
    OPTION_WATCH,
    OPTION_PEEK,
    OPTION_FORCE,
    OPTION_FOLLOW,
    OPTION_ROUTING_KEY,
    OPTION_UNTIL_EMPTY,
    OPTION_UNTIL,
    OPTION_TIMEOUT,
    OPTION_CHECK_TOPOLOGY,
    OPTION_HEALTH,
    OPTION_MAX_READY,
    OPTION_LEDGER
};

static const struct option long_options[] = {
    {"api", required_argument, NULL, OPTION_API},
    {"format", required_argument, NULL, OPTION_FORMAT},
    {"watch", optional_argument, NULL, OPTION_WATCH},
    {"peek", required_argument, NULL, OPTION_PEEK},
    {"force", no_argument, NULL, OPTION_FORCE},
    {"follow", required_argument, NULL, OPTION_FOLLOW},
    {"routing-key", required_argument, NULL, OPTION_ROUTING_KEY},
    {"until-empty", no_argument, NULL, OPTION_UNTIL_EMPTY},
    {"until", required_argument, NULL, OPTION_UNTIL},
    {"timeout", required_argument, NULL, OPTION_TIMEOUT},
    {"check-topology", no_argument, NULL, OPTION_CHECK_TOPOLOGY},
    {"health", no_argument, NULL, OPTION_HEALTH},
    {"max-ready", required_argument, NULL, OPTION_MAX_READY},
    {"ledger", required_argument, NULL, OPTION_LEDGER},
    PROGRESS_LONG_OPTIONS,
    BROKER_LONG_OPTIONS,
    COMMON_LONG_OPTIONS,
    {NULL, 0, NULL, 0}};

static struct broker_options broker_options = BROKER_OPTIONS_DEFAULT;
static enum job {
    LIST,
    WATCH,
    PEEK,
    FOLLOW,
    UNTIL_EMPTY,
    UNTIL,
    CHECK_TOPOLOGY,
    HEALTH
} job = LIST;
static long number; /* of --peek and --until */
static bool force;
static int timeout_s = -1;
static int period_s = WATCH_SECONDS;
static long max_ready = HEALTH_NO_LIMIT;
static const char *api_url;
static const char *ledger_file;
static struct tap tap;
static enum { FORMAT_BY_OUTPUT, FORMAT_JSON, FORMAT_TABLE } format;

static const char *const *queues;
static bool queues_named;
static struct connection *looking;
static struct management *management; /* NULL without one */
static struct queues survey;

/* ---- listing ---- */

static enum exit_code print_survey(void)
{
    if (format == FORMAT_TABLE || (format == FORMAT_BY_OUTPUT && isatty(STDOUT_FILENO) == 1))
        return queues_print_table(&survey);
    return queues_print_lines(&survey);
}

static enum exit_code report_missing(void)
{
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < survey.count; i++) {
        if (!survey.views[i].depth.exists && survey.views[i].error == NULL) {
            report("no queue '%s'", printable_text(survey.views[i].name));
            code = EXIT_NO;
        }
    }
    return code;
}

static enum exit_code list_queues(void)
{
    enum exit_code code = queues_look_patiently(&survey);
    enum exit_code asked;
    enum exit_code printed;
    enum exit_code refused;

    if (code != EXIT_OK)
        return code;
    asked = queues_ask(&survey);
    if (asked != EXIT_OK)
        report("%s", management_reason(management));
    printed = print_survey();
    refused = queues_report_refused(&survey);
    if (queues_named)
        code = report_missing();
    if (printed != EXIT_OK)
        return printed;
    if (asked != EXIT_OK)
        return asked;
    return refused != EXIT_OK ? refused : code;
}

static enum exit_code watch(void)
{
    struct watch_settings settings = {
        .period_s = period_s, .timeout_s = timeout_s, .retries = broker_options.retries};

    settings.screen = format != FORMAT_JSON && screen_is_possible();
    if (format == FORMAT_TABLE && !settings.screen) {
        report("--watch with --format table needs a terminal that can be drawn on");
        return EXIT_USAGE;
    }
    return watch_queues(&survey, &settings);
}

/* ---- waiting ---- */

static bool is_satisfied(const struct queue_depth *depth)
{
    return queues_obstacle(depth) == NULL &&
           (job == UNTIL_EMPTY ? depth->ready == 0 : (long)depth->ready >= number);
}

/* The first queue that the wait is for still; NULL if there is none. */
static const struct queue_view *unsatisfied(void)
{
    for (size_t i = 0; i < survey.count; i++)
        if (!is_satisfied(&survey.views[i].depth))
            return &survey.views[i];
    return NULL;
}

static void report_unsatisfied(const struct queue_view *view)
{
    const char *name = printable_text(view->name);

    if (!view->depth.exists)
        report("queue '%s' is not there", name);
    else if (job == UNTIL_EMPTY)
        report("queue '%s' is not empty: %u ready", name, view->depth.ready);
    else
        report("queue '%s' has %u of %ld messages ready", name, view->depth.ready, number);
}

/* Waiting does not help against a lock or a lack of rights; a node that is down may come back, like
 * what is missing. */
static bool waiting_helps(void)
{
    for (size_t i = 0; i < survey.count; i++)
        if (survey.views[i].error != NULL && survey.views[i].depth.refused != EXIT_UNREACHABLE)
            return false;
    return true;
}

/* What has come, or what has gone of the most that was there. */
static void show_progress(void)
{
    static uint64_t most;
    uint64_t ready = 0;

    for (size_t i = 0; i < survey.count; i++) {
        unsigned there = survey.views[i].depth.ready;

        ready += job == UNTIL && (long)there > number ? (uint64_t)number : there;
    }
    most = job == UNTIL ? survey.count * (uint64_t)number : ready > most ? ready : most;
    progress_set(job == UNTIL ? ready : most - ready, most);
}

static enum exit_code wait_for_queues(void)
{
    int64_t until = clock_monotonic_ms() + (int64_t)timeout_s * 1000;
    enum exit_code code = queues_look_patiently(&survey);
    enum exit_code printed;
    bool over = false;

    progress_start("messages", 0);
    while (code == EXIT_OK && unsatisfied() != NULL && waiting_helps() && !over &&
           !stop_requested()) {
        int64_t left = timeout_s < 0 ? POLL_MS : until - clock_monotonic_ms();

        show_progress();
        over = left <= 0;
        if (!over)
            connection_wait(looking, -1, left < POLL_MS ? (int)left : POLL_MS);
        code = queues_look_patiently(&survey);
    }
    progress_done();
    if (code != EXIT_OK)
        return code;
    printed = print_survey();
    if (unsatisfied() == NULL || printed != EXIT_OK)
        return printed;
    code = queues_report_refused(&survey);
    if (code != EXIT_OK)
        return over && waiting_helps() ? EXIT_NO : code;
    report_unsatisfied(unsatisfied());
    return EXIT_NO;
}

static enum exit_code peek(void)
{
    struct peek_settings settings = {.queue = queues[0], .count = (size_t)number, .force = force};

    return messages_peek(&broker_options, management, &settings);
}

static enum exit_code follow(void)
{
    enum exit_code code = tap.key_count > 0 ? EXIT_OK : tap_find_keys(&tap, management);

    return code == EXIT_OK ? messages_follow(&broker_options, &tap, timeout_s) : code;
}

/* ---- checks ---- */

static enum exit_code find_faults(cJSON **findings)
{
    enum exit_code code = EXIT_UNREACHABLE;

    *findings = NULL;
    while (code == EXIT_UNREACHABLE) {
        code = management == NULL ? connection_open(looking) : EXIT_OK;
        if (code != EXIT_OK)
            return code;
        cJSON_Delete(*findings);
        *findings = cJSON_CreateArray();
        json_need(*findings);
        code = topology_check(looking, management, *findings);
        if (code != EXIT_OK && management != NULL) {
            report("%s", management_reason(management));
            return code;
        }
    }
    return code;
}

static enum exit_code check_topology(void)
{
    cJSON *findings;
    cJSON *finding;
    enum exit_code code = find_faults(&findings);
    bool fits = cJSON_GetArraySize(findings) == 0;

    while (code == EXIT_OK && (finding = cJSON_DetachItemFromArray(findings, 0)) != NULL)
        code = output_json(finding);
    cJSON_Delete(findings);
    return code == EXIT_OK && !fits ? EXIT_NO : code;
}

static enum exit_code check_health(void)
{
    bool healthy;
    enum exit_code code = output_json(health_check(&survey, max_ready, ledger_file, &healthy));

    return code == EXIT_OK && !healthy ? EXIT_NO : code;
}

/* ---- the program ---- */

static void set_job(enum job wanted)
{
    if (job != LIST) {
        report("--watch, --peek, --follow, --until-empty, --until, --check-topology and --health "
               "exclude "
               "each other");
        usage_error();
    }
    job = wanted;
}

static void read_format(const char *text)
{
    if (strcmp(text, "json") == 0)
        format = FORMAT_JSON;
    else if (strcmp(text, "table") == 0)
        format = FORMAT_TABLE;
    else
        die(EXIT_USAGE, "--format: '%s' is neither json nor table", printable_text(text));
}

/* AMQP's short strings. */
static void check_name(const char *what, const char *name)
{
    size_t len = strlen(name);

    if (len == 0 || len > 255)
        die(EXIT_USAGE, "the name of %s has 1 to 255 bytes", what);
}

/* A number after the option belongs to it; getopt_long() would have it written with "=". */
static void read_period(char **argv)
{
    const char *text = optarg;

    if (text == NULL && argv[optind] != NULL && *argv[optind] != '\0' &&
        strspn(argv[optind], "0123456789") == strlen(argv[optind]))
        text = argv[optind++];
    if (text != NULL)
        period_s = (int)option_number("--watch", text, 1, 3600);
}

static bool job_option(int option, char **argv)
{
    switch (option) {
    case OPTION_WATCH:
        set_job(WATCH);
        read_period(argv);
        return true;
    case OPTION_PEEK:
        set_job(PEEK);
        number = option_number("--peek", optarg, 1, 1000000);
        return true;
    case OPTION_FOLLOW:
        set_job(FOLLOW);
        check_name("an exchange", optarg);
        tap.exchange = optarg;
        return true;
    case OPTION_UNTIL_EMPTY:
        set_job(UNTIL_EMPTY);
        return true;
    case OPTION_UNTIL:
        set_job(UNTIL);
        number = option_number("--until", optarg, 0, 1000000000);
        return true;
    case OPTION_CHECK_TOPOLOGY:
        set_job(CHECK_TOPOLOGY);
        return true;
    case OPTION_HEALTH:
        set_job(HEALTH);
        return true;
    default:
        return false;
    }
}

static bool own_option(int option)
{
    switch (option) {
    case OPTION_API:
        api_url = optarg;
        return true;
    case OPTION_FORMAT:
        read_format(optarg);
        return true;
    case OPTION_FORCE:
        force = true;
        return true;
    case OPTION_ROUTING_KEY:
        if (strlen(optarg) > 255)
            die(EXIT_USAGE, "a routing key has at most 255 bytes");
        tap_add_key(&tap, optarg);
        return true;
    case OPTION_TIMEOUT:
        timeout_s = (int)option_number("--timeout", optarg, 0, 1000000);
        return true;
    case OPTION_MAX_READY:
        max_ready = option_number("--max-ready", optarg, 0, 1000000000);
        return true;
    case OPTION_LEDGER:
        ledger_file = optarg;
        return true;
    default:
        return false;
    }
}

static void require(bool fits, const char *rule)
{
    if (!fits) {
        report("%s", rule);
        usage_error();
    }
}

static void check_options(int names)
{
    bool waits = job == UNTIL || job == UNTIL_EMPTY || job == WATCH || job == FOLLOW;
    bool looks_at_all = job == HEALTH || job == CHECK_TOPOLOGY;

    require(!looks_at_all || names == 0,
            "--health and --check-topology look at the whole workflow, and take no names");
    require(job != FOLLOW || names == 0, "--follow takes an exchange, and no queues");
    require(job != PEEK || names == 1, "--peek looks into one queue: name it");
    require(!force || job == PEEK, "--force goes with --peek");
    require(timeout_s < 0 || waits,
            "--timeout goes with --until, --until-empty, --watch or --follow");
    require(tap.key_count == 0 || job == FOLLOW, "--routing-key goes with --follow");
    require(max_ready == HEALTH_NO_LIMIT || job == HEALTH, "--max-ready goes with --health");
    require(ledger_file == NULL || job == HEALTH, "--ledger goes with --health");
}

static void read_options(int argc, char **argv)
{
    int option;

    while ((option = getopt_long(argc, argv, BROKER_SHORT_OPTIONS COMMON_SHORT_OPTIONS,
                                 long_options, NULL)) != -1)
        if (!job_option(option, argv) && !own_option(option) && !progress_option(option) &&
            !broker_option(&broker_options, option) && !common_option(option, usage))
            usage_error();
    queues_named = optind < argc;
    check_options(argc - optind);
    if (queues_named)
        queues = (const char *const *)argv + optind;
    else
        queues = job == UNTIL || job == UNTIL_EMPTY ? topology_work_queues : topology_queues;
    /* An empty name would mean the queue that was declared last. */
    for (size_t i = 0; queues[i] != NULL; i++)
        check_name("a queue", queues[i]);
}

/* To wait takes no management API; a program that only waits shall not fail because that does. */
static enum exit_code set_up_management(void)
{
    const char *environment = getenv("MANAGEMENT_URL");
    const char *url = api_url;

    if (job == UNTIL || job == UNTIL_EMPTY)
        return EXIT_OK;
    if (url == NULL && environment != NULL && *environment != '\0')
        url = environment;
    return url == NULL ? EXIT_OK : management_new(url, &broker_options, &management);
}

static enum exit_code do_job(void)
{
    switch (job) {
    case WATCH:
        return watch();
    case PEEK:
        return peek();
    case FOLLOW:
        return follow();
    case UNTIL:
    case UNTIL_EMPTY:
        return wait_for_queues();
    case CHECK_TOPOLOGY:
        return check_topology();
    case HEALTH:
        return check_health();
    default:
        return list_queues();
    }
}

int main(int argc, char **argv)
{
    enum exit_code code;

    report_program(argv[0]);
    /* How wide characters are, and whether the terminal shows them. */
    (void)setlocale(LC_CTYPE, "");
    read_options(argc, argv);
    stop_on_signals();
    code = broker_options_resolve(&broker_options);
    if (code == EXIT_OK)
        code = set_up_management();
    if (code == EXIT_OK) {
        looking = connection_new(&broker_options, "looking", connection_no_setup, NULL);
        queues_start(&survey, queues, looking, management);
        code = do_job();
    }
    queues_free(&survey);
    management_free(management);
    connection_free(looking);
    tap_free(&tap);
    broker_options_free(&broker_options);
    code = output_close(code);
    if (code != EXIT_OUTPUT)
        stop_by_signal();
    return (int)code;
}
