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
 *
 * A line has a level, which its function gives: what report(), report_errno() and die() write ends
 * the program or loses something; report_warning() is for what is tried again, and
 * report_notice() for what is good to know; log lines are for information. The level shows only in
 * the forms for machines, LOG_JSON and LOG_JOURNAL.
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

/* How much a line matters: the priorities of syslog(3). */
enum report_level { REPORT_ERROR = 3, REPORT_WARNING = 4, REPORT_NOTICE = 5, REPORT_INFO = 6 };

enum log_format {
    LOG_TEXT,   /* lines as described at the functions */
    LOG_JSON,   /* an object a line, with time, level, program and message (log_format.h) */
    LOG_JOURNAL /* as LOG_TEXT, with the level in front, such as <3>, as journald reads it */
};

/*
 * Sets the name of the program: the last component of argv0, which must stay valid; and the form
 * of lines that the environment asks for. Call it first, and once. Also opens /dev/null in place of
 * standard descriptors that are closed.
 */
void report_program(const char *argv0);

/* Sets the form of all lines from here on. */
void report_in_format(enum log_format format);

/* Returns the form of the lines. */
enum log_format report_format(void);

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

/* As report(), for what will be tried again, or is worth a look. */
void report_warning(const char *format, ...) REPORT_FORMAT(1, 2);

/* As report(), for what is no trouble. */
void report_notice(const char *format, ...) REPORT_FORMAT(1, 2);

/* As report(), then ends the program: program_exit() of program.h. */
_Noreturn void die(enum exit_code code, const char *format, ...) REPORT_FORMAT(2, 3);

/* Adds a line that scripts look for, so without the program's name. It is buffered until
 * report_flush() or the next report(). */
void log_line(const char *format, ...) REPORT_FORMAT(1, 2);

/* As log_line(), of a level, and about an order. order_id, which is a member of its own as JSON,
 * and is to stand in the line too, is NULL if there is none. */
void log_event(enum report_level level, const char *order_id, const char *format, ...)
    REPORT_FORMAT(3, 4);

/* As log_event() with "%s%s", for what is logged of each order: formatting costs several times as
 * much. */
void log_about(const char *start, const char *order_id);

/* As log_line(). members are further members as JSON, ", " before each, or NULL; as text, the line
 * is all that there is. */
void log_members(const char *order_id, const char *members, const char *format, ...)
    REPORT_FORMAT(3, 4);

/*
 * Keeps line on the terminal below all that is written here, until it is replaced, removed by an
 * empty string, or die() is called. line is copied: at most 255 bytes of ASCII without a newline.
 * Only for a standard error that is a terminal with the control sequences of ECMA-48. Does nothing
 * in a form other than LOG_TEXT.
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
