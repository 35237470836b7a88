/*
 * audit: a file to which a line of JSON is added for each message that somebody moved: what, when,
 * and by whom.
 */
#ifndef DLQ_REPLAY_AUDIT_H
#define DLQ_REPLAY_AUDIT_H

#include "amqp/rabbitmq.h"
#include "base/report.h"

#include <cjson/cJSON.h>

struct audit;

/* Opens the file to add to it; makes it, private to its owner, if it is not there. EXIT_OUTPUT,
 * reported, if that fails. */
enum exit_code audit_open(const char *path, struct audit **audit);
void audit_close(struct audit *audit);

/*
 * Adds fate, an object that stays the caller's, with time (RFC 3339), user (of the system), and
 * sha256_before and sha256_after of the body; after is NULL if nothing was published.
 */
enum exit_code audit_add(struct audit *audit, const cJSON *fate, amqp_bytes_t before,
                         const amqp_bytes_t *after);

/* Until all that was added is on the disk. EXIT_OUTPUT, reported, if it is not. */
enum exit_code audit_sync(struct audit *audit);

#endif
