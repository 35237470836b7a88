/*
 * verdict: what the checks of the workflow have found, as a JSON object with a member for each:
 *
 *   {"broker": {"ok": true}, "backlog": {"ok": false, "level": "warning", "detail": "..."}}
 *
 * A check that is ok may have a "warning".
 */
#ifndef QUEUE_INSPECT_VERDICT_H
#define QUEUE_INSPECT_VERDICT_H

#include <cjson/cJSON.h>

/* How bad it is: of several levels, the last one counts. */
enum level { LEVEL_OK, LEVEL_UNKNOWN, LEVEL_WARNING, LEVEL_CRITICAL };

/* Returns the worse of two levels. */
enum level level_worse(enum level a, enum level b);

/* Adds a check to checks. detail says why it has failed, unless level is LEVEL_OK. */
void verdict_add(cJSON *checks, const char *name, enum level level, const char *detail);

/* Adds a warning to a check that was added, unless it is empty. */
void verdict_warn(cJSON *checks, const char *name, const char *warning);

/* Returns the level of one check, of which a warning is a part. */
enum level verdict_of(const cJSON *check);

#endif
