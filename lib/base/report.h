/*
 * report: messages and log lines on standard error, and the codes that programs exit with.
 *
 * A message names the program, the thing and the reason: "order-place: cannot open 'x': No such
 * file". A library function that returns an enum exit_code other than EXIT_OK has reported the
 * reason already, unless its header says otherwise; the caller passes the code on. Text from a
 * message or a file must go through printable() (text.h) first.
 *
 * A slow reader of standard error is waited for, as outlet.h describes, and no line is lost or torn
 * apart. Once a stop was requested and the reader has taken nothing for OUTLET_PATIENCE_MS, all
 * further messages are dropped.
 */
#ifndef BASE_REPORT_H
#define BASE_REPORT_H

#include <stdbool.h>

/* The exit codes of every program: order-tools(7). From 64 on the values are sysexits(3)'s. */
enum exit_code {
    EXIT_OK = 0,
    EXIT_NO = 1,           /* the answer is no: a wait timed out, a check failed, no such order */
    EXIT_CRITICAL = 2,     /* for Nagios alone, for which EXIT_NO is a warning: worse */
    EXIT_UNKNOWN = 3,      /* for Nagios alone: that could not be found out */
    EXIT_USAGE = 64,       /* the command line is wrong */
    EXIT_INPUT = 65,       /* some of the input was refused or could not be read */
    EXIT_UNREACHABLE = 69, /* no broker, or it cannot take all, or may not have handled all */
    EXIT_BUG = 70,         /* out of memory, or a bug in the program */
    EXIT_STORE = 73,       /* a store or ledger cannot be opened, read or written */
    EXIT_OUTPUT = 74,      /* standard output, or a file asked for, could not be written */
    EXIT_PENDING = 75,     /* stored, but not confirmed yet: try again */
    EXIT_REFUSED = 76,     /* the broker refused a message, or could not route it */
    EXIT_LOGIN = 77,       /* the broker refused the login */
    EXIT_TOPOLOGY = 78     /* an exchange or queue is missing or has incompatible settings */
};

/* Returns code, or next if code is EXIT_OK: of several failures, the first counts. Exception:
 * program_end() (program.h) puts EXIT_OUTPUT before all others. */
enum exit_code first_failure(enum exit_code code, enum exit_code next);

#if defined(__GNUC__)
#define REPORT_FORMAT(string, first) __attribute__((format(printf, string, first)))
#else
#define REPORT_FORMAT(string, first)
#endif

/*
 * Sets the name of the program: the last component of argv0, which must stay valid. Call it first,
 * and once. Also opens /dev/null in place of standard descriptors that are closed.
 */
void report_program(const char *argv0);

/*
 * Makes all functions below keep what the reader of standard error does not take, and drop the
 * oldest lines once there are too many, instead of waiting for it. How many were dropped is
 * reported when it takes something again.
 */
void report_never_waits(void);

/* Returns the name that report_program() has set. */
const char *report_name(void);

/* Writes a line "<program>: <message>", after all log lines. */
void report(const char *format, ...) REPORT_FORMAT(1, 2);

/* As report(), with ": " and strerror(errno) appended. */
void report_errno(const char *format, ...) REPORT_FORMAT(1, 2);

/* As report(), then ends the program: program_exit() of program.h. */
_Noreturn void die(enum exit_code code, const char *format, ...) REPORT_FORMAT(2, 3);

/* Adds a line that scripts look for, so without the program's name. It is buffered until
 * report_flush() or the next report(). */
void log_line(const char *format, ...) REPORT_FORMAT(1, 2);

/* As log_line() with "%s%s", for what is logged of each order: formatting costs several times as
 * much. */
void log_about(const char *start, const char *text);

/*
 * Keeps line on the terminal below all that is written here, until it is replaced, removed by an
 * empty string, or die() is called. line is copied: at most 255 bytes of ASCII without a newline.
 * Only for a standard error that is a terminal with the control sequences of ECMA-48.
 */
void report_status(const char *line);

/*
 * Writes pending log lines. Returns true if standard error is closed, its reader is gone or was
 * given up, or anything was lost.
 */
bool report_is_lost(void);

/* Writes pending log lines. Call it after each batch and before each wait; the end of the program
 * calls it. */
void report_flush(void);

#endif
