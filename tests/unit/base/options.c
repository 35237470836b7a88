#include "base/options.h"

#include "unit.h"

#include "base/version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a program with an option of each kind ---- */

enum job { LIST, TAKE, DROP };

static bool quiet;
static int job = LIST;
static int limit = 10;
static int wait_s = -1;
static int pause_ms;
static const char *name = "none";
static const char *called = "";
static char **command;

static void note_call(const char *option, const char *argument)
{
    static char text[64];

    (void)snprintf(text, sizeof text, "%s=%s", option, argument == NULL ? "NULL" : argument);
    called = text;
}

static struct option_entry group[] = {
    {"name", "NAME", "is text", .letter = 'n', .text = &name},
    {0},
};

static struct option_entry options[] = {
    {"quiet", NULL, "is a flag", .letter = 'q', .flag = &quiet},
    {.help = "\nJobs:"},
    {"take", NULL, "is a job", .set = &job, .value = TAKE},
    {"drop", NULL, "is another", .set = &job, .value = DROP},
    {"limit", "N", "is a number,\nof two lines", .number = &limit, .least = -5, .most = 100},
    {"wait", "[S]", "may lack its argument", .number = &wait_s, .least = 0, .most = 9},
    {"words", "alpha|beta|gamma|delta|epsilon|zeta|eta", "is one of them,\nby a table",
     .text = &name},
    {"pause", "S", "is a time", .ms = &pause_ms, .least = 10, .most = 60000},
    {"call", "TEXT", "calls", .letter = 'c', .call = note_call},
    {"exec", "COMMAND...", "takes the rest", .command = &command},
    {.group = group},
    {.group = common_option_table},
    {0},
};

/* The same but for the command, so that options and operands may be mixed. */
static struct option_entry plain[] = {
    {"quiet", NULL, "is a flag", .letter = 'q', .flag = &quiet},
    {.group = group},
    {0},
};

/* ---- a command line, read in a process of its own ---- */

#define WORDS_MAX 8

static struct option_entry *table;
static const char *line;

/* Reads the words of line, and tells what they have set. */
static void read_line(void)
{
    static char words[256];
    char *argv[WORDS_MAX + 2] = {words};
    char **operands;
    int argc = 1;

    (void)snprintf(words, sizeof words, "prog %s", line);
    for (char *at = words; (at = strchr(at, ' ')) != NULL && argc <= WORDS_MAX;) {
        *at++ = '\0';
        argv[argc++] = at;
    }
    if (*line == '\0')
        argv[--argc] = NULL;
    report_program(argv[0]);
    operands = options_read(argc, argv, "usage: prog\n", table);
    options_exclude_each_other(table, &job);
    (void)dprintf(1, "%d %d %d %d %s %s", quiet, job, limit, wait_s, name, called);
    if (pause_ms != 0)
        (void)dprintf(1, " %d ms", pause_ms);
    for (; *operands != NULL; operands++)
        (void)dprintf(1, " <%s>", *operands);
    for (; command != NULL && *command != NULL; command++)
        (void)dprintf(1, " [%s]", *command);
}

static int status_of(struct option_entry *entries, const char *text)
{
    table = entries;
    line = text;
    unit_row(text);
    return unit_exit_code(read_line);
}

static void sets_targets(void)
{
    static const struct {
        const char *line;
        const char *told;
    } rows[] = {
        {"", "0 0 10 -1 none "},
        {"--quiet", "1 0 10 -1 none "},
        {"-q", "1 0 10 -1 none "},
        {"--take", "0 1 10 -1 none "},
        {"--drop", "0 2 10 -1 none "},
        {"--limit 100", "0 0 100 -1 none "},
        {"--limit=-5", "0 0 -5 -1 none "},
        {"--wait", "0 0 10 -1 none "},
        {"--wait 7", "0 0 10 7 none "},
        {"--wait=7", "0 0 10 7 none "},
        {"--wait x", "0 0 10 -1 none  <x>"},
        {"--name me", "0 0 10 -1 me "},
        {"-nme", "0 0 10 -1 me "},
        {"-qn me", "1 0 10 -1 me "},
        {"--name one --name two", "0 0 10 -1 two "},
        {"-c x", "0 0 10 -1 none -c=x"},
        {"--call y", "0 0 10 -1 none -c=y"},
        {"--qui", "1 0 10 -1 none "},
        {"-q a --take", "1 0 10 -1 none  <a> <--take>"},
        {"--pause 60", "0 0 10 -1 none  60000 ms"},
        {"--pause 0.01", "0 0 10 -1 none  10 ms"},
        {"--pause 1.5", "0 0 10 -1 none  1500 ms"},
        {"--pause=02.125", "0 0 10 -1 none  2125 ms"},
        {"-- -q", "0 0 10 -1 none  <-q>"},
        {"-q --exec cat -n", "1 0 10 -1 none  [cat] [-n]"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        EQUAL(status_of(options, rows[i].line), EXIT_OK);
        SAME(unit_captured(1), rows[i].told);
    }
}

static void takes_options_after_operands_without_a_command(void)
{
    EQUAL(status_of(plain, "a -q b --name me"), EXIT_OK);
    SAME(unit_captured(1), "1 0 10 -1 me  <a> <b>");
}

static void refuses_a_wrong_command_line(void)
{
    static const struct {
        const char *line;
        const char *reason;
    } rows[] = {
        {"--limit 101", "prog: --limit: '101' is not a number from -5 to 100\n"},
        {"--limit -6", "prog: --limit: '-6' is not a number from -5 to 100\n"},
        {"--limit 1x", "prog: --limit: '1x' is not a number from -5 to 100\n"},
        {"--limit=", "prog: --limit: '' is not a number from -5 to 100\n"},
        {"--limit 99999999999999999999",
         "prog: --limit: '99999999999999999999' is not a number from -5 to 100\n"},
        {"--wait=10", "prog: --wait: '10' is not a number from 0 to 9\n"},
        {"--pause 0.009", "prog: --pause: '0.009' is not a number of seconds from 0.01 to 60\n"},
        {"--pause 60.001", "prog: --pause: '60.001' is not a number of seconds from 0.01 to 60\n"},
        {"--pause 1.2345", "prog: --pause: '1.2345' is not a number of seconds from 0.01 to 60\n"},
        {"--pause 1.", "prog: --pause: '1.' is not a number of seconds from 0.01 to 60\n"},
        {"--pause .5", "prog: --pause: '.5' is not a number of seconds from 0.01 to 60\n"},
        {"--pause 1e1", "prog: --pause: '1e1' is not a number of seconds from 0.01 to 60\n"},
        {"--pause -1", "prog: --pause: '-1' is not a number of seconds from 0.01 to 60\n"},
        {"--pause 99999999999999999999",
         "prog: --pause: '99999999999999999999' is not a number of seconds from 0.01 to 60\n"},
        {"--pause=", "prog: --pause: '' is not a number of seconds from 0.01 to 60\n"},
        {"--take --drop", "prog: --take and --drop exclude each other\ntry"},
        {"--take --take", "prog: --take and --drop exclude each other\ntry"},
        {"--exec", "prog: --exec needs a command\ntry"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char expected[256];
        const char *try = strstr(rows[i].reason, "try");

        (void)snprintf(expected, sizeof expected, "%.*s%s",
                       (int)(try == NULL ? strlen(rows[i].reason) : (size_t)(try - rows[i].reason)),
                       rows[i].reason, try == NULL ? "" : "prog: try 'prog --help'\n");
        EQUAL(status_of(options, rows[i].line), EXIT_USAGE);
        SAME(unit_captured(2), expected);
    }
}

/* getopt_long() says in its own words what is wrong. */
static void points_at_the_help(void)
{
    static const char *const lines[] = {"--nothing", "-x", "--name", "--quiet=yes"};

    for (size_t i = 0; i < COUNT(lines); i++) {
        EQUAL(status_of(options, lines[i]), EXIT_USAGE);
        CHECK(strstr(unit_captured(2), "\nprog: try 'prog --help'\n") != NULL);
    }
}

static void shows_help(void)
{
    static const char *const lines[] = {"--help", "-h", "-q -h --limit 101"};

    for (size_t i = 0; i < COUNT(lines); i++) {
        EQUAL(status_of(options, lines[i]), EXIT_OK);
        SAME(unit_captured(1), "usage: prog\n"
                               "  -q, --quiet             is a flag\n"
                               "\n"
                               "Jobs:\n"
                               "      --take              is a job\n"
                               "      --drop              is another\n"
                               "      --limit N           is a number,\n"
                               "                          of two lines\n"
                               "      --wait [S]          may lack its argument\n"
                               "      --words alpha|beta|gamma|delta|epsilon|zeta|eta\n"
                               "                          is one of them,\n"
                               "                          by a table\n"
                               "      --pause S           is a time\n"
                               "  -c, --call TEXT         calls\n"
                               "      --exec COMMAND...   takes the rest\n"
                               "  -n, --name NAME         is text\n"
                               "      --log-format text|json|journal  the form of "
                               "standard error (ORDER_LOG_FORMAT)\n"
                               "  -h, --help              print this text\n"
                               "  -V, --version           print the version\n");
    }
}

static void shows_the_version(void)
{
    EQUAL(status_of(options, "-V"), EXIT_OK);
    SAME(unit_captured(1), "prog (order-tools) " ORDER_TOOLS_VERSION "\n");
}

static void refuse_operands(void)
{
    char word[] = "x\n";
    char *operands[] = {word, NULL};

    options_refuse_operands(operands + 1, "orders are read from standard input");
    options_refuse_operands(operands, "orders are read from standard input");
}

static void refuses_operands(void)
{
    EQUAL(unit_exit_code(refuse_operands), EXIT_USAGE);
    SAME(unit_captured(2),
         "order-tools: orders are read from standard input: 'x\\x0a' is no option\n"
         "order-tools: try 'order-tools --help'\n");
}

int main(void)
{
    unit_capture(1);
    unit_capture(2);
    RUN(sets_targets);
    RUN(takes_options_after_operands_without_a_command);
    RUN(refuses_a_wrong_command_line);
    RUN(points_at_the_help);
    RUN(shows_help);
    RUN(shows_the_version);
    RUN(refuses_operands);
    return unit_end();
}
