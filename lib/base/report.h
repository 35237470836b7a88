/*
 * report: what a program says on standard error, and the code it exits with.
 *
 * A message names the program, the thing and the reason: "order-place: cannot open 'x': No such
 * file". A library function that returns an enum exit_code other than EXIT_OK has already reported
 * why; its caller only passes the code on. Text that came from a message or a file goes through
 * printable() (text.h) before it gets here.
 *
 * A reader of standard error that is slow, or stands still, is waited for as outlet.h says: nothing
 * is lost, and no line is cut, as long as there is hope. Once a stop is asked for, and it takes
 * nothing for OUTLET_PATIENCE_MS, nothing more is said.
 */
#ifndef BASE_REPORT_H
#define BASE_REPORT_H

#include <stdbool.h>

/* The interface of every program; order-tools(7) has the table. Values from 64 on are those of
 * sysexits(3).
 */
enum exit_code {
    EXIT_OK = 0,
    EXIT_NO = 1,           /* the answer is no: a wait timed out, a check failed, no such order */
    EXIT_USAGE = 64,       /* the command line is wrong */
    EXIT_INPUT = 65,       /* some of the input was refused */
    EXIT_UNREACHABLE = 69, /* the broker cannot be reached */
    EXIT_BUG = 70,         /* out of memory, or a fault of our own */
    EXIT_STORE = 73,       /* store or ledger cannot be opened, read or written */
    EXIT_OUTPUT = 74,      /* standard output, or a file asked for, could not be written */
    EXIT_PENDING = 75,     /* stored, but not confirmed yet: try again */
    EXIT_REFUSED = 76,     /* the broker refused a message, or could not route it */
    EXIT_LOGIN = 77,       /* the broker refused the login */
    EXIT_TOPOLOGY = 78     /* what is on the broker does not fit */
};

/* Returns code, or next if code is EXIT_OK: of several failures, the first counts. */
enum exit_code first_failure(enum exit_code code, enum exit_code next);

#if defined(__GNUC__)
#define REPORT_FORMAT(string, first) __attribute__((format(printf, string, first)))
#else
#define REPORT_FORMAT(string, first)
#endif

/*
 * Names the program, once, before anything else here: the last component of argv[0]. It must
 * outlive all calls.
 */
void report_program(const char *argv0);
const char *report_name(void);

/* One line "<program>: <message>". Never fails: there is nowhere left to say so. */
void report(const char *format, ...) REPORT_FORMAT(1, 2);

/* The same with ": <reason of errno>" after it. */
void report_errno(const char *format, ...) REPORT_FORMAT(1, 2);

/* report(), then exit(code). */
_Noreturn void die(enum exit_code code, const char *format, ...) REPORT_FORMAT(2, 3);

/* One line as it stands, for the log lines that scripts look for. Kept back until report_flush().
 */
void log_line(const char *format, ...) REPORT_FORMAT(1, 2);

/*
 * For standard error on a terminal that knows ECMA-48: keeps line (at most 255 bytes of ASCII,
 * without a newline) below all that is written here, until another takes its place, or the empty
 * one, or die().
 */
void report_status(const char *line);

/*
 * Writes what log_line() kept back. Returns whether what is written to standard error is lost: it
 * is closed, its reader is gone or was given up, or something could not be written.
 */
bool report_is_lost(void);

/* Writes what log_line() kept back. Called after each batch, before each wait and at exit. */
void report_flush(void);

#endif
