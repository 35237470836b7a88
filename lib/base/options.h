/*
 * options: what the command lines of all programs have in common.
 */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>

/* For a program's string of short options, its table of long ones, and its usage text. */
#define COMMON_SHORT_OPTIONS "hV"
/* By hand: versions of clang-format before 19 take the braces for a block. */
/* clang-format off */
#define COMMON_LONG_OPTIONS {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}
/* clang-format on */
#define COMMON_USAGE                             \
    "  -h, --help              show this text\n" \
    "  -V, --version           show the version\n"

/*
 * Values of getopt_long() for options without a letter: those of broker_options.h, of progress.h,
 * and of a program.
 */
enum { OPTION_LINK = 1000, OPTION_PROGRESS = 1050, OPTION_OWN = 1100 };

/* Handles --help (usage on standard output) and --version: both end the program. False for any
 * other option.
 */
bool common_option(int option, const char *usage);

/* Ends the program with EXIT_USAGE, pointing at --help. */
_Noreturn void usage_error(void);

/*
 * The whole of text as a number from least to most; ends the program with EXIT_USAGE, naming
 * option, if it is none.
 */
long option_number(const char *option, const char *text, long least, long most);

#endif
