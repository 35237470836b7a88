/*
 * log_format: the form of the lines on standard error (report.h): text, JSON, or text for journald.
 */
#ifndef BASE_LOG_FORMAT_H
#define BASE_LOG_FORMAT_H

#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>

/* The environment variable that names the form unless the option --log-format does. */
#define LOG_FORMAT_VARIABLE "ORDER_LOG_FORMAT"

/* Returns the form of a name, "text", "json" or "journal", in *format; false for other names. */
bool log_format_of(const char *name, enum log_format *format);

/*
 * Returns the form that the environment asks for: that of ORDER_LOG_FORMAT; without it, or if it
 * has no name of a form, LOG_JOURNAL if standard error is the stream of journald that
 * JOURNAL_STREAM names, and otherwise LOG_TEXT.
 */
enum log_format log_format_of_environment(void);

/* A line as an object. */
struct log_record {
    enum report_level level;
    const char *program;
    const char *text; /* text[0..len): any bytes */
    size_t len;
    const char *members;  /* JSON: ", " and a member, any number of times; NULL for none */
    const char *order_id; /* NULL for none */
};

/*
 * Hands the pieces of a line of JSON, without its newline, to add: an object with time, level,
 * program, message, the members, and order_id. What is not UTF-8 becomes U+FFFD.
 */
void log_record_print(const struct log_record *record, void (*add)(const char *text, size_t len));

#endif
