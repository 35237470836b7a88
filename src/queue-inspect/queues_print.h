/*
 * queues_print: queues on standard output.
 */
#ifndef QUEUE_INSPECT_QUEUES_PRINT_H
#define QUEUE_INSPECT_QUEUES_PRINT_H

#include "queues.h"

#include "base/report.h"

enum queues_format {
    FORMAT_BY_OUTPUT, /* a table if standard output is a terminal, JSON otherwise */
    FORMAT_JSON,      /* a line for each queue: queues_json() */
    FORMAT_TABLE      /* for people, with "-" for what is not known */
};

/* Prints queues. Returns what output_line() (output.h) returns. */
enum exit_code queues_print(const struct queues *queues, enum queues_format format);

#endif
