/*
 * survey_print: a survey on standard output.
 *
 * Codes are those of output.h.
 */
#ifndef QUEUE_INSPECT_SURVEY_PRINT_H
#define QUEUE_INSPECT_SURVEY_PRINT_H

#include "base/report.h"
#include "survey.h"

/* A line of JSON for each queue: survey_json(). */
enum exit_code survey_print_lines(const struct survey *survey);

/* A table, for people. What is not known is "-". */
enum exit_code survey_print_table(const struct survey *survey);

#endif
