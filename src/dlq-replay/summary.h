/*
 * summary: how many dead letters there are of each error and reason.
 */
#ifndef DLQ_REPLAY_SUMMARY_H
#define DLQ_REPLAY_SUMMARY_H

#include "batch.h"

#include "base/report.h"

struct summary;

/* Returns an empty summary. The caller frees it with summary_free(). */
struct summary *summary_new(void);

/* Frees summary, which may be NULL. */
void summary_free(struct summary *summary);

/* Groups of letters that are counted apart. Letters of further ones are counted together. */
#define SUMMARY_GROUPS 1000

/* Counts a letter. */
void summary_add(struct summary *summary, struct dead_letter *letter);

/* Counts the letters of batch, which is empty then. They stay in the queue. */
void summary_add_letters(struct summary *summary, struct batch *batch);

/*
 * Prints a line for each group, the largest first: {"error", "reason", "count", "oldest",
 * "newest"}, with the times of death by RFC 3339, or null. The group of the rest has "other": true.
 * Returns EXIT_OK or EXIT_OUTPUT.
 */
enum exit_code summary_print(struct summary *summary);

#endif
