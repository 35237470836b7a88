/*
 * summary: dead letters in groups of the same error and reason, counted.
 */
#ifndef DLQ_REPLAY_SUMMARY_H
#define DLQ_REPLAY_SUMMARY_H

#include "dead_letter.h"

#include "base/report.h"

struct summary;

struct summary *summary_new(void);
void summary_free(struct summary *summary);

/* Counts a letter. After SUMMARY_GROUPS groups, those of further ones are counted together. */
void summary_add(struct summary *summary, const struct dead_letter *letter);

#define SUMMARY_GROUPS 1000

/*
 * Prints a line for each group, the largest first: {"error", "reason", "count", "oldest",
 * "newest"}, with the times of death in RFC 3339, or null. The group of the rest has "other": true.
 * EXIT_OUTPUT if that fails.
 */
enum exit_code summary_print(struct summary *summary);

#endif
