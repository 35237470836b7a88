/*
 * queue-inspect: what the queues hold, by AMQP alone; and waiting until they hold it.
 *
 * It declares nothing and changes nothing. --peek takes messages in hand and lets them go again: they keep
 * their place and are marked as redelivered.
 */
#include "clock.h"
#include "consumer.h"
#include "envelope.h"
#include "json.h"
#include "link.h"
#include "options.h"
#include "output.h"
#include "progress.h"
#include "report.h"
#include "stop.h"
#include "text.h"
#include "topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POLL_MS 200
#define NAME_MAX_SHOWN 300
#define PEEK_MS 2000 /* that a message in the queue may take to arrive */

static const char usage[] =
    "usage: queue-inspect [options] [QUEUE...]\n"
    "Prints a line of JSON for each queue, or a table on a terminal. If none is named, all of\n"
    "the workflow; to wait for, those that the workers empty.\n"
    "      --format FORMAT     json or table\n"
    "      --peek N            print the first N messages of one queue, without taking them\n"
    "      --until-empty       wait until nothing is ready in the queues\n"
    "      --until N           wait until each of the queues has N messages ready, or more\n"
    "      --timeout S         stop waiting after S seconds\n"
    "      --health            one line of JSON: is all well?\n" PROGRESS_USAGE LINK_USAGE COMMON_USAGE;

enum {
    OPTION_PEEK = OPTION_OWN,
    OPTION_UNTIL_EMPTY,
    OPTION_UNTIL,
    OPTION_TIMEOUT,
    OPTION_HEALTH,
    OPTION_FORMAT
};

static const struct option long_options[] = {{"peek", required_argument, NULL, OPTION_PEEK},
                                             {"until-empty", no_argument, NULL, OPTION_UNTIL_EMPTY},
                                             {"until", required_argument, NULL, OPTION_UNTIL},
                                             {"timeout", required_argument, NULL, OPTION_TIMEOUT},
                                             {"format", required_argument, NULL, OPTION_FORMAT},
                                             {"health", no_argument, NULL, OPTION_HEALTH},
                                             PROGRESS_LONG_OPTIONS,
                                             LINK_LONG_OPTIONS,
                                             COMMON_LONG_OPTIONS,
                                             {NULL, 0, NULL, 0}};

static struct link_options link_options = LINK_OPTIONS_DEFAULT;
static enum { LIST, PEEK, UNTIL_EMPTY, UNTIL, HEALTH } job = LIST;
static long number; /* of --peek and --until */
static int timeout_s = -1;
static enum { FORMAT_BY_OUTPUT, FORMAT_JSON, FORMAT_TABLE } format;

/* Those that somebody works on: the others are not expected to become empty. */
static const char *const work_queues[] = {PLACED_QUEUE, RESERVED_QUEUE, NULL};

static const char *const *queues;
static size_t queue_count;
static bool queues_named;
static struct queue_depth *depths;
static struct link *looking;

/* ---- looking ---- */

/* Looks at all queues, on as many connections as that takes. */
static enum exit_code look_at_all(void)
{
    size_t i = 0;

    while (i < queue_count) {
        enum exit_code code = link_open(looking);

        if (code != EXIT_OK)
            return code;
        code = topology_look(looking, queues[i], &depths[i]);
        if (code == EXIT_OK)
            i++;
        else if (code != EXIT_UNREACHABLE)
            return code;
    }
    link_progress(looking);
    return EXIT_OK;
}

static const char *shown_name(size_t index)
{
    return printable_up_to(NAME_MAX_SHOWN, queues[index], strlen(queues[index]));
}

/* How many characters wide a text is, near enough. */
static int width_of(const char *text)
{
    size_t len = strlen(text);
    uint32_t point;
    int width = 0;

    for (size_t i = 0; i < len; i += utf8_decode(text + i, len - i, &point))
        width++;
    return width;
}

static enum exit_code print_row(int width, const char *name, const char *ready, const char *consumers)
{
    char line[NAME_MAX_SHOWN * 2 + 64];
    int len =
        snprintf(line, sizeof line, "%s%*s  %10s  %10s", name, width - width_of(name), "", ready, consumers);

    return output_line(line, (size_t)len);
}

static enum exit_code print_table(void)
{
    int width = width_of("QUEUE");
    enum exit_code code;

    for (size_t i = 0; i < queue_count; i++)
        if (width_of(shown_name(i)) > width)
            width = width_of(shown_name(i));
    code = print_row(width, "QUEUE", "READY", "CONSUMERS");
    for (size_t i = 0; i < queue_count && code == EXIT_OK; i++) {
        char ready[16] = "missing";
        char consumers[16] = "-";

        if (depths[i].exists) {
            (void)snprintf(ready, sizeof ready, "%u", depths[i].ready);
            (void)snprintf(consumers, sizeof consumers, "%u", depths[i].consumers);
        }
        code = print_row(width, shown_name(i), ready, consumers);
    }
    return code;
}

/* As it is, if JSON can say it. */
static const char *json_name(size_t index)
{
    return text_is_utf8(queues[index], strlen(queues[index])) ? queues[index] : printable_text(queues[index]);
}

static enum exit_code print_line(size_t index)
{
    const struct queue_depth *depth = &depths[index];
    cJSON *line = cJSON_CreateObject();

    json_need(line);
    json_need(cJSON_AddStringToObject(line, "queue", json_name(index)));
    json_need(cJSON_AddBoolToObject(line, "exists", depth->exists));
    if (depth->exists) {
        json_need(cJSON_AddNumberToObject(line, "ready", depth->ready));
        json_need(cJSON_AddNumberToObject(line, "consumers", depth->consumers));
    }
    return output_json(line);
}

static enum exit_code print_depths(void)
{
    enum exit_code code = EXIT_OK;

    if (format == FORMAT_TABLE || (format == FORMAT_BY_OUTPUT && isatty(STDOUT_FILENO) == 1))
        return print_table();
    for (size_t i = 0; i < queue_count && code == EXIT_OK; i++)
        code = print_line(i);
    return code;
}

static enum exit_code list_queues(void)
{
    enum exit_code code = look_at_all();

    if (code == EXIT_OK)
        code = print_depths();
    if (code != EXIT_OK || !queues_named)
        return code;
    for (size_t i = 0; i < queue_count; i++) {
        if (!depths[i].exists) {
            report("no queue '%s'", printable_text(queues[i]));
            code = EXIT_NO;
        }
    }
    return code;
}

/* ---- waiting ---- */

static bool is_satisfied(const struct queue_depth *depth)
{
    return depth->exists && (job == UNTIL_EMPTY ? depth->ready == 0 : (long)depth->ready >= number);
}

static const char *unsatisfied(void)
{
    for (size_t i = 0; i < queue_count; i++)
        if (!is_satisfied(&depths[i]))
            return queues[i];
    return NULL;
}

/* What has come, or what has gone of the most that was there. */
static void show_progress(void)
{
    static uint64_t most;
    uint64_t ready = 0;

    for (size_t i = 0; i < queue_count; i++)
        ready += job == UNTIL && (long)depths[i].ready > number ? (uint64_t)number : depths[i].ready;
    most = job == UNTIL ? queue_count * (uint64_t)number : ready > most ? ready : most;
    progress_set(job == UNTIL ? ready : most - ready, most);
}

static enum exit_code wait_for_queues(void)
{
    int64_t until = clock_steady_ms() + (int64_t)timeout_s * 1000;
    enum exit_code code = look_at_all();
    enum exit_code printed;
    bool over = false;

    progress_start("messages", 0);
    while (code == EXIT_OK && unsatisfied() != NULL && !over && !stop_requested()) {
        int64_t left = timeout_s < 0 ? POLL_MS : until - clock_steady_ms();

        show_progress();
        over = left <= 0;
        if (!over)
            link_wait(looking, -1, left < POLL_MS ? (int)left : POLL_MS);
        code = look_at_all();
    }
    progress_done();
    if (code != EXIT_OK)
        return code;
    printed = print_depths();
    if (unsatisfied() == NULL || printed != EXIT_OK)
        return printed;
    report("queue '%s' is not there yet", printable_text(unsatisfied()));
    return EXIT_NO;
}

/* ---- peeking ---- */

static enum exit_code print_delivery(const struct delivery *delivery)
{
    amqp_pool_t pool;
    enum exit_code code;

    init_amqp_pool(&pool, 4096);
    code = output_json(envelope_new(delivery, delivery_properties(delivery, &pool), queues[0]));
    empty_amqp_pool(&pool);
    return code;
}

static enum exit_code peek(void)
{
    struct consumer_settings settings = {.queue = queues[0], .max_body = SIZE_MAX};
    struct consumer *consumer;
    struct delivery *delivery;
    size_t left;
    size_t count = 1;
    enum exit_code code;

    /* Without a limit, the broker's pace is that of our output. */
    settings.prefetch = number > UINT16_MAX ? 0 : (unsigned)number;
    consumer = consumer_new(&link_options, &settings);
    code = consumer_open(consumer);
    left = consumer_waiting(consumer);
    if (left > (size_t)number)
        left = (size_t)number;
    /* Another consumer may be quicker: then fewer arrive than were counted. */
    for (; left > 0 && count > 0 && code == EXIT_OK && !stop_requested(); left--) {
        code = consumer_take(consumer, &delivery, 1, &count, PEEK_MS);
        if (code == EXIT_OK && count > 0) {
            code = print_delivery(delivery);
            consumer_let_go(consumer, delivery);
        }
    }
    consumer_free(consumer);
    return code;
}

/* ---- health ---- */

static bool add_check(cJSON *checks, const char *name, bool ok, const char *detail)
{
    cJSON *check = cJSON_AddObjectToObject(checks, name);

    json_need(check);
    json_need(cJSON_AddBoolToObject(check, "ok", ok));
    if (!ok)
        json_need(cJSON_AddStringToObject(check, "detail", detail));
    return ok;
}

static bool check_topology(cJSON *checks)
{
    for (size_t i = 0; i < queue_count; i++) {
        char detail[300];

        (void)snprintf(detail, sizeof detail, "no queue '%s'", queues[i]);
        if (!depths[i].exists)
            return add_check(checks, "queues", false, detail);
    }
    return add_check(checks, "queues", true, NULL);
}

static bool check_consumers(cJSON *checks)
{
    for (size_t i = 0; i < queue_count; i++) {
        bool is_work = strcmp(queues[i], PLACED_QUEUE) == 0 || strcmp(queues[i], RESERVED_QUEUE) == 0;
        char detail[300];

        (void)snprintf(detail, sizeof detail, "nobody consumes from '%s'", queues[i]);
        if (is_work && depths[i].consumers == 0)
            return add_check(checks, "consumers", false, detail);
    }
    return add_check(checks, "consumers", true, NULL);
}

static bool check_dead_letters(cJSON *checks)
{
    for (size_t i = 0; i < queue_count; i++) {
        char detail[300];

        (void)snprintf(detail, sizeof detail, "%u in '%s'", depths[i].ready, queues[i]);
        if (strcmp(queues[i], DEAD_LETTER_QUEUE) == 0 && depths[i].ready > 0)
            return add_check(checks, "dead_letters", false, detail);
    }
    return add_check(checks, "dead_letters", true, NULL);
}

static enum exit_code check_health(void)
{
    cJSON *line = cJSON_CreateObject();
    cJSON *healthy = cJSON_CreateFalse();
    cJSON *checks = cJSON_CreateObject();
    enum exit_code code;
    bool ok;

    json_need(line);
    json_need(healthy);
    json_need(checks);
    (void)cJSON_AddItemToObject(line, "healthy", healthy);
    (void)cJSON_AddItemToObject(line, "checks", checks);
    ok = add_check(checks, "broker", link_try(looking) == EXIT_OK, link_reason(looking));
    if (ok && look_at_all() != EXIT_OK)
        ok = false;
    if (ok) {
        bool topology = check_topology(checks);
        bool consumers = check_consumers(checks);
        bool dead_letters = check_dead_letters(checks);

        ok = topology && consumers && dead_letters;
    }
    if (ok)
        healthy->type = cJSON_True;
    code = output_json(line);
    return code == EXIT_OK && !ok ? EXIT_NO : code;
}

/* ---- the program ---- */

static void set_job(int wanted)
{
    if (job != LIST) {
        report("--peek, --until-empty, --until and --health exclude each other");
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

static bool own_option(int option)
{
    switch (option) {
    case OPTION_PEEK:
        set_job(PEEK);
        number = option_number("--peek", optarg, 1, 1000000);
        return true;
    case OPTION_UNTIL_EMPTY:
        set_job(UNTIL_EMPTY);
        return true;
    case OPTION_UNTIL:
        set_job(UNTIL);
        number = option_number("--until", optarg, 0, 1000000000);
        return true;
    case OPTION_TIMEOUT:
        timeout_s = (int)option_number("--timeout", optarg, 0, 31536000);
        return true;
    case OPTION_HEALTH:
        set_job(HEALTH);
        return true;
    case OPTION_FORMAT:
        read_format(optarg);
        return true;
    default:
        return false;
    }
}

static void read_options(int argc, char **argv)
{
    int option;

    while ((option = getopt_long(argc, argv, LINK_SHORT_OPTIONS COMMON_SHORT_OPTIONS, long_options, NULL)) !=
           -1)
        if (!own_option(option) && !progress_option(option) && !link_option(&link_options, option) &&
            !common_option(option, usage))
            usage_error();
    queues_named = optind < argc;
    if (job == HEALTH && queues_named) {
        report("--health looks at the queues of the workflow, and takes no names");
        usage_error();
    }
    if (job == PEEK && argc - optind != 1) {
        report("--peek looks into one queue: name it");
        usage_error();
    }
    if (timeout_s >= 0 && job != UNTIL && job != UNTIL_EMPTY) {
        report("--timeout goes with --until or --until-empty");
        usage_error();
    }
    if (queues_named)
        queues = (const char *const *)argv + optind;
    else
        queues = job == UNTIL || job == UNTIL_EMPTY ? work_queues : topology_queues;
    for (queue_count = 0; queues[queue_count] != NULL; queue_count++) {
        /* AMQP's short strings. An empty name would mean the queue that was declared last. */
        size_t len = strlen(queues[queue_count]);

        if (len == 0 || len > 255)
            die(EXIT_USAGE, "the name of a queue has 1 to 255 bytes");
    }
}

int main(int argc, char **argv)
{
    enum exit_code code;

    report_program(argv[0]);
    read_options(argc, argv);
    stop_on_signals();
    code = link_options_resolve(&link_options);
    if (code == EXIT_OK) {
        depths = need_calloc(queue_count, sizeof *depths);
        looking = link_new(&link_options, "looking", link_no_setup, NULL);
        switch (job) {
        case LIST:
            code = list_queues();
            break;
        case PEEK:
            code = peek();
            break;
        case UNTIL:
        case UNTIL_EMPTY:
            code = wait_for_queues();
            break;
        case HEALTH:
            code = check_health();
            break;
        }
    }
    link_free(looking);
    free(depths);
    link_options_free(&link_options);
    code = output_close(code);
    stop_by_signal();
    return (int)code;
}
