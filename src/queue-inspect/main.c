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
#include "base/program.h"
#include "base/report.h"
#include "base/stop.h"
#include "base/text.h"
#include "json/json.h"
#include "json/output.h"
#include "store/ledger.h"
#include "terminal/progress.h"
#include "terminal/screen.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POLL_MS 200

/* ---- options ---- */

static const char usage[] =
    "usage: queue-inspect [options] [QUEUE...]\n"
    "Prints a line of JSON for each queue, or a table on a terminal. If none is named, all of\n"
    "the workflow; to wait for, those that the workers empty.\n";

enum { LIST, WATCH, PEEK, FOLLOW, UNTIL_EMPTY, UNTIL, CHECK_TOPOLOGY, HEALTH };

static int job = LIST;
static int number; /* of --peek and --until */
static bool force;
static int timeout_s = -1;
static int period_s = 2;
static int max_ready = HEALTH_NO_LIMIT;
static const char *api_url;
static const char *ledger_file;
static struct tap tap;
static enum { FORMAT_BY_OUTPUT, FORMAT_JSON, FORMAT_TABLE } format;
static const char *const *queues;
static bool queues_named;

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

static struct option_entry options[] = {
    {"api", "URL", "ask the management API, too (MANAGEMENT_URL)", .text = &api_url},
    {"format", "FORMAT", "json or table", .call = read_format},
    {"watch", "[S]", "look again every S seconds (2)", .set = &job, .value = WATCH,
     .number = &period_s, .least = 1, .most = 3600},
    {"peek", "N", "print the first N messages of one queue, without taking them", .set = &job,
     .value = PEEK, .number = &number, .least = 1, .most = 1000000},
    {"force", NULL, "even if that uses up deliveries of which there is a limit", .flag = &force},
    {"follow", "EXCHANGE", "print messages as they are published to an exchange", .set = &job,
     .value = FOLLOW, .text = &tap.exchange, .call = check_exchange},
    {"routing-key", "KEY", "only those with this key; may be repeated", .call = add_routing_key},
    {"until-empty", NULL, "wait until nothing is ready in the queues", .set = &job,
     .value = UNTIL_EMPTY},
    {"until", "N", "wait until each of the queues has N messages ready, or more", .set = &job,
     .value = UNTIL, .number = &number, .most = 1000000000},
    {"timeout", "S", "stop waiting, watching or following after S seconds", .number = &timeout_s,
     .most = 1000000},
    {"check-topology", NULL, "a line of JSON for all that is missing or different", .set = &job,
     .value = CHECK_TOPOLOGY},
    {"health", NULL, "one line of JSON: is all well?", .set = &job, .value = HEALTH},
    {"max-ready", "N", "it is not with more than N messages ready for a worker",
     .number = &max_ready, .most = 1000000000},
    {"ledger", "FILE", "nor if inventory-worker owes events for long (INVENTORY_LEDGER)",
     .text = &ledger_file},
    {.group = progress_option_table},
    {.group = broker_option_table},
    {.group = common_option_table},
    {0},
};

static bool waits_for_depth(void)
{
    return job == UNTIL || job == UNTIL_EMPTY;
}

static void check_options(void)
{
    bool lasts = waits_for_depth() || job == WATCH || job == FOLLOW;
    bool looks_at_all = job == HEALTH || job == CHECK_TOPOLOGY;

    options_exclude_each_other(options, &job);
    if (looks_at_all && queues_named)
        usage_error("--health and --check-topology look at the whole workflow, and take no names");
    if (job == FOLLOW && queues_named)
        usage_error("--follow takes an exchange, and no queues");
    if (job == PEEK && (!queues_named || queues[1] != NULL))
        usage_error("--peek looks into one queue: name it");
    if (force && job != PEEK)
        usage_error("--force goes with --peek");
    if (timeout_s >= 0 && !lasts)
        usage_error("--timeout goes with --until, --until-empty, --watch or --follow");
    if (tap.key_count > 0 && job != FOLLOW)
        usage_error("--routing-key goes with --follow");
    if (max_ready != HEALTH_NO_LIMIT && job != HEALTH)
        usage_error("--max-ready goes with --health");
    if (ledger_file != NULL && job != HEALTH)
        usage_error("--ledger goes with --health");
}

static void read_options(int argc, char **argv)
{
    queues = (const char *const *)options_read(argc, argv, usage, options);
    queues_named = *queues != NULL;
    check_options();
    if (!queues_named)
        queues = waits_for_depth() ? topology_work_queues : topology_queues;
    /* An empty name would mean the queue that was declared last. */
    for (size_t i = 0; queues[i] != NULL; i++)
        check_name("a queue", queues[i]);
}

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
    return first_failure(first_failure(printed, asked), first_failure(refused, code));
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
           (job == UNTIL_EMPTY ? depth->ready == 0 : depth->ready >= (unsigned)number);
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
        report("queue '%s' has %u of %d messages ready", name, view->depth.ready, number);
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

        ready += job == UNTIL && there > (unsigned)number ? (uint64_t)number : there;
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
    char *found = ledger_file == NULL ? ledger_place() : NULL;
    bool healthy;
    enum exit_code code = output_json(
        health_check(&survey, max_ready, ledger_file != NULL ? ledger_file : found, &healthy));

    free(found);
    return code == EXIT_OK && !healthy ? EXIT_NO : code;
}

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
    return program_end(code, false);
}
