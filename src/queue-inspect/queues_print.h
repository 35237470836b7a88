/*
 * queues_print: a queues on standard output.
 *
 * Codes are those of output.h.
 */
#ifndef QUEUE_INSPECT_QUEUES_PRINT_H
#define QUEUE_INSPECT_QUEUES_PRINT_H

#include "queues.h"

#include "base/report.h"

/* A line of JSON for each queue: queues_json(). */
enum exit_code queues_print_lines(const struct queues *queues);

/* A table, for people. What is not known is "-". */
enum exit_code queues_print_table(const struct queues *queues);

#endif
