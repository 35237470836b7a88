/*
 * audit: a file that records every message that was moved: what, when, and by whom. Each is a line
 * of JSON.
 */
#ifndef DLQ_REPLAY_AUDIT_H
#define DLQ_REPLAY_AUDIT_H

#include "amqp/broker_options.h"
#include "amqp/rabbitmq.h"
#include "base/report.h"

#include <stdbool.h>

struct audit;

struct audit_settings {
    const char *path;                    /* must outlive the audit */
    const char *run;                     /* names this run, as HEADER_RUN does */
    const struct broker_options *broker; /* resolved */
    char *const *filter;                 /* the command that mends, and its arguments; or NULL */
    bool bodies;                         /* write them down in full, not by their hashes alone */
};

/*
 * Opens the file at settings->path to append to it; creates it, with mode 0600, if it is missing.
 * Returns EXIT_OK, and the caller closes *audit with audit_close(); or EXIT_OUTPUT, reported.
 */
enum exit_code audit_open(const struct audit_settings *settings, struct audit **audit);

/* Closes audit, which may be NULL. What was not synced may be lost. */
void audit_close(struct audit *audit);

/* What became of one letter. */
struct audit_entry {
    const char *fate;          /* a line by fate_line() */
    const char *error_before;  /* why the worker would reject the body as it was found; or NULL */
    amqp_bytes_t before;       /* that body, */
    const amqp_bytes_t *after; /* and the one that was published; NULL: none was */
};

/*
 * Adds the line of entry->fate with further members: error_before; time (RFC 3339); run; broker;
 * user (of the system) and, if it is known, sudo_user; filter, if there is one; sha256_before and
 * sha256_after of the bodies, the latter perhaps null; and, if settings.bodies asks for them, the
 * bodies. Returns EXIT_OK, or EXIT_OUTPUT, reported.
 */
enum exit_code audit_add(struct audit *audit, const struct audit_entry *entry);

/* Waits until all that was added is on disk. Returns EXIT_OK, or EXIT_OUTPUT, reported. */
enum exit_code audit_sync(struct audit *audit);

#endif
