#include "base/options.h"

#include "base/log_format.h"
#include "base/output.h"
#include "base/text.h"
#include "base/version.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS "0123456789"
#define OPTIONS_MAX 64
#define HELP_COLUMN 26
#define LEFT_MAX (2 * HELP_COLUMN) /* characters; wider, an option has a line of its own */
#define FIRST_VALUE 256 /* of getopt_long() for long options, distinct from all letters */

/* What --help shows. */
static const char *usage_text;
static struct option_entry *table;

/* ---- wrong usage ---- */

void usage_error(const char *format, ...)
{
    char reason[1024];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    report("%s", reason);
    die(EXIT_USAGE, "try '%s --help'", report_name());
}

void options_refuse_operands(char **operands, const char *instead)
{
    if (*operands != NULL)
        usage_error("%s: '%s' is no option", instead, printable_text(*operands));
}

/* ---- the table ---- */

void options_each(struct option_entry *options,
                  void (*visit)(struct option_entry *option, void *context), void *context)
{
    for (struct option_entry *option = options; option->group != NULL || option->help != NULL;
         option++) {
        if (option->group != NULL)
            options_each(option->group, visit, context);
        else
            visit(option, context);
    }
}

struct exclusion {
    const int *set;
    unsigned given;
    char names[256]; /* of all but the last */
    const char *last;
};

static void add_rival(struct option_entry *option, void *context)
{
    struct exclusion *exclusion = context;
    size_t len = strlen(exclusion->names);

    if (option->set != exclusion->set)
        return;
    exclusion->given += option->given;
    if (exclusion->last != NULL)
        (void)snprintf(exclusion->names + len, sizeof exclusion->names - len, "%s--%s",
                       len == 0 ? "" : ", ", exclusion->last);
    exclusion->last = option->name;
}

void options_exclude_each_other(struct option_entry *options, const int *set)
{
    struct exclusion exclusion = {.set = set};

    options_each(options, add_rival, &exclusion);
    if (exclusion.given > 1)
        usage_error("%s and --%s exclude each other", exclusion.names, exclusion.last);
}

/* ---- help ---- */

/* Prints "  -u, --url URL" with the help beside it, or a heading. */
static void describe(struct option_entry *option, void *context)
{
    int column = option->name != NULL ? HELP_COLUMN : 0;
    char letter[] = "    ";
    char left[2 * LEFT_MAX] = "";
    char line[256];

    (void)context;
    if (option->letter != 0)
        (void)snprintf(letter, sizeof letter, "-%c, ", option->letter);
    if (option->name != NULL)
        (void)snprintf(left, sizeof left, "  %s--%s %s  ", letter, option->name,
                       option->argument != NULL ? option->argument : "");
    if (strlen(left) > LEFT_MAX) {
        (void)output_line(left, strlen(left) - strlen("  "));
        left[0] = '\0';
    }
    for (const char *text = option->help; *text != '\0';) {
        size_t len = strcspn(text, "\n");

        (void)snprintf(line, sizeof line, "%-*s%.*s\n", column, left, (int)len, text);
        (void)output_text(line, strlen(line));
        left[0] = '\0';
        text += len + (text[len] == '\n');
    }
}

/* A failure to write is not lost: output_close() returns it. */
static void show_help(const char *option, const char *argument)
{
    (void)option;
    (void)argument;
    (void)output_text(usage_text, strlen(usage_text));
    options_each(table, describe, NULL);
    exit((int)output_close(EXIT_OK));
}

static void show_version(const char *option, const char *argument)
{
    static const char version[] = " (order-tools) " ORDER_TOOLS_VERSION;

    (void)option;
    (void)argument;
    (void)output_text(report_name(), strlen(report_name()));
    (void)output_line(version, strlen(version));
    exit((int)output_close(EXIT_OK));
}

static bool format_is_given;

static void read_log_format(const char *option, const char *name)
{
    enum log_format format;

    if (!log_format_of(name, &format))
        die(EXIT_USAGE, "%s: '%s' is neither text nor json nor journal", option,
            printable_text(name));
    report_in_format(format);
    format_is_given = true;
}

/* After the command line, which overrides it. */
static void check_environment(void)
{
    const char *name = getenv(LOG_FORMAT_VARIABLE);
    enum log_format format;

    if (!format_is_given && name != NULL && *name != '\0' && !log_format_of(name, &format))
        die(EXIT_USAGE, LOG_FORMAT_VARIABLE ": '%s' is neither text nor json nor journal",
            printable_text(name));
}

struct option_entry common_option_table[] = {
    {"log-format", "text|json|journal", "the form of standard error (ORDER_LOG_FORMAT)",
     .call = read_log_format},
    {"help", NULL, "print this text", .letter = 'h', .call = show_help},
    {"version", NULL, "print the version", .letter = 'V', .call = show_version},
    {0},
};

/* ---- parsing ---- */

/* The entries with a name, and the same for getopt_long(). */
struct parser {
    struct option_entry *entries[OPTIONS_MAX];
    struct option longs[OPTIONS_MAX + 1];
    size_t count;
    char shorts[2 * OPTIONS_MAX + 3];
    size_t shorts_len;
    bool has_command;
};

static bool may_lack_argument(const struct option_entry *option)
{
    return option->argument != NULL && option->argument[0] == '[';
}

static int kind_of_argument(const struct option_entry *option)
{
    if (option->argument == NULL || option->command != NULL)
        return no_argument;
    return may_lack_argument(option) ? optional_argument : required_argument;
}

static void add_named(struct parser *parser, struct option_entry *option)
{
    size_t index = parser->count++;

    parser->entries[index] = option;
    parser->longs[index] = (struct option){
        .name = option->name, .has_arg = kind_of_argument(option), .val = FIRST_VALUE + (int)index};
    if (option->letter != 0)
        parser->shorts[parser->shorts_len++] = option->letter;
    if (option->letter != 0 && kind_of_argument(option) == required_argument)
        parser->shorts[parser->shorts_len++] = ':';
    if (option->command != NULL)
        parser->has_command = true;
}

static void add(struct option_entry *option, void *context)
{
    struct parser *parser = context;

    if (option->name == NULL)
        return;
    if (parser->count < OPTIONS_MAX)
        add_named(parser, option);
    else
        die(EXIT_BUG, "more than %d options", OPTIONS_MAX);
}

/* Returns the option of a value of getopt_long(), NULL for '?' and ':'. */
static struct option_entry *find(const struct parser *parser, int value)
{
    for (size_t i = 0; i < parser->count; i++)
        if (value == FIRST_VALUE + (int)i || value == parser->entries[i]->letter)
            return parser->entries[i];
    return NULL;
}

static int read_number(const char *name, const char *text, int least, int most)
{
    char *end;
    long value;

    errno = 0;
    value = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < least || value > most)
        die(EXIT_USAGE, "%s: '%s' is not a number from %d to %d", name, printable_text(text), least,
            most);
    return (int)value;
}

/* Reads seconds; the result, least and most are milliseconds. Not by strtod(), which depends on the
 * locale. */
static int read_ms(const char *name, const char *text, int least, int most)
{
    size_t whole = strspn(text, DIGITS);
    bool has_point = text[whole] == '.';
    const char *decimals = has_point ? text + whole + 1 : "0";
    size_t decimal_count = strspn(decimals, DIGITS);
    long ms = strtol(text, NULL, 10);

    for (size_t i = 0; i < 3 && ms <= most; i++)
        ms = ms * 10 + (i < decimal_count ? decimals[i] - '0' : 0);
    if (whole == 0 || decimal_count == 0 || decimal_count > 3 || decimals[decimal_count] != '\0' ||
        (!has_point && text[whole] != '\0') || ms < least || ms > most)
        die(EXIT_USAGE, "%s: '%s' is not a number of seconds from %g to %g", name,
            printable_text(text), least / 1000.0, most / 1000.0);
    return (int)ms;
}

static void set_targets(struct option_entry *option, const char *argument)
{
    char name[64];

    if (option->letter != 0)
        (void)snprintf(name, sizeof name, "-%c", option->letter);
    else
        (void)snprintf(name, sizeof name, "--%s", option->name);
    option->given++;
    if (option->flag != NULL)
        *option->flag = true;
    if (option->set != NULL)
        *option->set = option->value;
    if (option->number != NULL && argument != NULL)
        *option->number = read_number(name, argument, option->least, option->most);
    if (option->ms != NULL)
        *option->ms = read_ms(name, argument, option->least, option->most);
    if (option->text != NULL)
        *option->text = argument;
    if (option->call != NULL)
        option->call(name, argument);
}

static bool is_digits(const char *word)
{
    return word != NULL && *word != '\0' && word[strspn(word, DIGITS)] == '\0';
}

/* Handles an option that getopt_long() has found, with the words after it that belong to it. */
static void take(struct option_entry *option, int argc, char **argv)
{
    if (may_lack_argument(option) && optarg == NULL && is_digits(argv[optind]))
        optarg = argv[optind++];
    set_targets(option, optarg);
    if (option->command == NULL)
        return;
    if (optind == argc)
        usage_error("--%s needs a command", option->name);
    *option->command = argv + optind;
    optind = argc;
}

static bool begins_a_name(const struct parser *parser, const char *word)
{
    size_t len = strcspn(word, "=");

    for (size_t i = 0; i < parser->count; i++)
        if (strncmp(parser->entries[i]->name, word, len) == 0)
            return true;
    return false;
}

/* Says what getopt_long() has against the last word that it looked at: it would do so in its own
 * form, whatever that of standard error is. */
static _Noreturn void refuse(const struct parser *parser, const char *word, int value)
{
    const struct option_entry *option = find(parser, optopt);
    const char letter[] = {(char)optopt, '\0'};

    if (optopt == 0)
        usage_error(begins_a_name(parser, word + strlen("--")) ? "option '%s' is ambiguous"
                                                               : "unrecognized option '%s'",
                    printable_text(word));
    if (optopt >= FIRST_VALUE && option != NULL)
        usage_error(value == ':' ? "option '--%s' requires an argument"
                                 : "option '--%s' doesn't allow an argument",
                    option->name);
    usage_error(value == ':' ? "option requires an argument -- '%s'" : "invalid option -- '%s'",
                printable_text(letter));
}

char **options_read(int argc, char **argv, const char *usage, struct option_entry *options)
{
    /* With "+" in front, options end at the first operand; ":" tells a missing argument apart. */
    struct parser parser = {.shorts = "+:", .shorts_len = 2};
    const char *shorts = parser.shorts;
    int value;

    usage_text = usage;
    table = options;
    options_each(options, add, &parser);
    if (!parser.has_command)
        shorts++;
    opterr = 0;
    while ((value = getopt_long(argc, argv, shorts, parser.longs, NULL)) != -1) {
        struct option_entry *option = find(&parser, value);

        if (option != NULL)
            take(option, argc, argv);
        else
            refuse(&parser, argv[optind - 1], value);
    }
    check_environment();
    return argv + optind;
}
