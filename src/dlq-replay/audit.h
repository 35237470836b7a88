/*
 * audit: a file that records every message that was moved: what, when, and by whom. Each is a line
 * of JSON.
 */
#ifndef DLQ_REPLAY_AUDIT_H
#define DLQ_REPLAY_AUDIT_H

#include "amqp/rabbitmq.h"
#include "base/report.h"

struct audit;

/*
 * Opens the file at path, which must outlive *audit, to append to it; creates it, with mode 0600,
 * if it is missing. Returns EXIT_OK, and the caller closes *audit with audit_close(); or
 * EXIT_OUTPUT, reported.
 */
enum exit_code audit_open(const char *path, struct audit **audit);

/* Closes audit, which may be NULL. What was not synced may be lost. */
void audit_close(struct audit *audit);

/*
 * Adds fate, a line by fate_line(), with the further members time (RFC 3339), user (of the system),
 * and sha256_before and sha256_after of the body. after is NULL, and its hash null, if nothing was
 * published. Returns EXIT_OK, or EXIT_OUTPUT, reported.
 */
enum exit_code audit_add(struct audit *audit, const char *fate, amqp_bytes_t before,
                         const amqp_bytes_t *after);

/* Waits until all that was added is on disk. Returns EXIT_OK, or EXIT_OUTPUT, reported. */
enum exit_code audit_sync(struct audit *audit);

#endif
