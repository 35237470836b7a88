/*
 * options: the command line of a program, described by one table of which --help and the parser
 * are made.
 *
 *     static bool flush_only;
 *     static const char *rejects_path;
 *
 *     static struct option_entry options[] = {
 *         {"flush", NULL, "publish what earlier runs left pending", .flag = &flush_only},
 *         {"rejects", "FILE", "append refused input to FILE", .text = &rejects_path},
 *         {.group = common_option_table},
 *         {0},
 *     };
 *
 *     char **operands = options_read(argc, argv, "usage: order-place [options]\n", options);
 *
 * Whatever is wrong with a command line is reported and ends the program with EXIT_USAGE.
 */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include "base/report.h"

#include <stdbool.h>

/*
 * One option: its name, argument and help, and the targets that it sets, each of which may be NULL.
 * An entry without a name is a heading in --help (its help), or includes another table (group). An
 * entry of zeros ends a table.
 */
struct option_entry {
    const char *name;     /* without the leading "--" */
    const char *argument; /* as --help shows it: NULL for none, "[S]" for one that may be missing */
    const char *help;     /* one line or more, separated by newlines */
    char letter;          /* the short form, or 0 */

    bool *flag;        /* set to true */
    int *set;          /* set to value */
    int value;         /* for set */
    int *number;       /* set to the argument, a decimal number from least to most */
    int least;         /* for number */
    int most;          /* for number */
    const char **text; /* set to the argument, which points into argv */
    char ***command;   /* set to all words after the option, which is the last one then */
    void (*call)(const char *option, const char *argument); /* gets "--name", and the argument */

    struct option_entry *group; /* a table whose options stand in place of this entry */
    unsigned jobs;              /* for the program: the jobs that the option goes with; 0 for all */
    unsigned given;             /* how often options_read() has met the option */
};

/* --help and --version, which end the program: the last group of every table. */
extern struct option_entry common_option_table[];

/*
 * Parses a command line and sets the targets of the options in it. Where an argument may be
 * missing, the next word is taken for it if it consists of digits.
 *
 * usage is the first part of --help: the synopsis and what the program does, each line with its
 * newline. usage and options must outlive the call.
 *
 * Returns the operands, which end with NULL: a part of argv, into which getopt_long() has moved
 * them. With a command in the table, options end at the first operand.
 */
char **options_read(int argc, char **argv, const char *usage, struct option_entry *options);

/* Calls visit with context for each entry of a table and of its groups, headings included. */
void options_each(struct option_entry *options,
                  void (*visit)(struct option_entry *option, void *context), void *context);

/* Ends the program if more than one of the options that set target was given. */
void options_exclude_each_other(struct option_entry *options, const int *target);

/* Ends the program if there are operands. instead says where data comes from: "orders are read from
 * standard input". */
void options_refuse_operands(char **operands, const char *instead);

/* Reports what is wrong with the command line, points at --help, and exits with EXIT_USAGE. */
_Noreturn void usage_error(const char *format, ...) REPORT_FORMAT(1, 2);

#endif
