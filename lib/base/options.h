/*
 * options: the command line of a program, described by one table from which --help and the parser
 * are made.
 *
 *     static bool flush_only;
 *     static const char *rejects_path;
 *
 *     static struct option_entry options[] = {
 *         {"flush", NULL, "publish pending orders of earlier runs", .flag = &flush_only},
 *         {"rejects", "FILE", "append refused input to FILE", .text = &rejects_path},
 *         {.group = common_option_table},
 *         {0},
 *     };
 *
 *     char **operands = options_read(argc, argv, "usage: order-place [options]\n", options);
 *
 * A wrong command line is reported, and ends the program with EXIT_USAGE.
 */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include "base/report.h"

#include <stdbool.h>

/*
 * One option. Any of its targets may be NULL, and several may be set. An entry without a name is a
 * heading in --help, or includes another table. An entry of zeros ends a table.
 */
struct option_entry {
    const char *name;     /* without the leading "--" */
    const char *argument; /* its name in --help; NULL: none; in brackets: it may be missing */
    const char *help;     /* lines, separated by newlines; without a name, the heading */
    char letter;          /* the short form; 0: none */

    bool *flag;        /* set to true */
    int *set;          /* set to value */
    int value;         /* for set */
    int *number;       /* set to the argument, a decimal number; unchanged if that is missing */
    int *ms;           /* set to the argument, seconds with up to three decimals, times 1000 */
    int least;         /* for number and ms */
    int most;          /* for number and ms */
    const char **text; /* set to the argument, which is a part of argv */
    char ***command;   /* set to the words after the option, at least one; options end there */
    /* Called after the other targets are set. option is "-u" or, without a letter, "--name";
     * argument is NULL if there is none. */
    void (*call)(const char *option, const char *argument);

    struct option_entry *group; /* a table whose entries stand in place of this one */
    unsigned jobs;              /* a set of bits that the program alone reads */
    unsigned given;             /* how often the option was given: counted by options_read() */
};

/* --log-format; and --help and --version, which end the program: the last group of every table. */
extern struct option_entry common_option_table[];

/*
 * Parses a command line and sets the targets of the options in it, in their order. usage is the
 * start of --help: the synopsis, and what the program does. If the argument of an option may be
 * missing, the next word is taken for it if it consists of digits.
 *
 * Returns the operands: the end of argv, terminated by NULL, where they were moved. If an option of
 * the table has a command, options end at the first operand. An ORDER_LOG_FORMAT that names no form
 * is a wrong command line, too, unless --log-format is given.
 */
char **options_read(int argc, char **argv, const char *usage, struct option_entry *options);

/* Calls visit with context for each option and heading of a table and its groups, in order. */
void options_each(struct option_entry *options,
                  void (*visit)(struct option_entry *option, void *context), void *context);

/* Ends the program if several options whose .set is this pointer were given, or one twice. */
void options_exclude_each_other(struct option_entry *options, const int *set);

/* Ends the program if there are operands. instead says where the data comes from, such as "orders
 * are read from standard input". */
void options_refuse_operands(char **operands, const char *instead);

/* Reports what is wrong with the command line, points at --help, and exits with EXIT_USAGE. */
_Noreturn void usage_error(const char *format, ...) REPORT_FORMAT(1, 2);

#endif
