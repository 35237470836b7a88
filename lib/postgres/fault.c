#include "postgres/fault.h"

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* The messages of libpq have several lines, one for each host, and end with a newline. Lines that
 * begin with a tab are hints. */
void fault_set(struct fault *fault, enum fault_kind kind, const char *reason)
{
    char line[FAULT_REASON_SIZE];
    size_t len = 0;

    while (*reason != '\0' && len < sizeof line - 2) {
        size_t line_len = strcspn(reason, "\n");

        if (line_len > 0 && *reason != '\t')
            len += (size_t)snprintf(line + len, sizeof line - len, "%s%.*s", len == 0 ? "" : "; ",
                                    (int)line_len, reason);
        reason += line_len + (reason[line_len] == '\n');
    }
    if (len > sizeof line - 1)
        len = sizeof line - 1;
    fault->kind = kind;
    (void)snprintf(fault->reason, sizeof fault->reason, "%s", printable(line, len));
}

/* ---- connections ---- */

/* libpq gives no code for a login that was refused, only the server's text: that of a server that
 * speaks another language counts as "away". */
static bool is_refused(const char *text)
{
    static const char *const final[] = {
        "authentication failed", "no password supplied",     "no pg_hba.conf entry",
        "does not exist",        "not permitted to log in",  "permission denied for database",
        "certificate verify",    "does not match host name", "invalid connection option",
        "definition of service", "root certificate file",    "SSL was required",
        "invalid integer value", "valid client certificate",
    };

    if (strncmp(text, "invalid ", strlen("invalid ")) == 0) /* a parameter, before anything else */
        return true;

    for (size_t i = 0; i < sizeof final / sizeof final[0]; i++)
        if (strstr(text, final[i]) != NULL)
            return true;
    return false;
}

void fault_of_login(struct fault *fault, PGconn *connection)
{
    const char *text = libpq.PQerrorMessage(connection);

    fault_set(fault, is_refused(text) ? FAULT_FINAL : FAULT_AWAY, text);
}

void fault_of_connection(struct fault *fault, PGconn *connection)
{
    const char *text = libpq.PQerrorMessage(connection);

    fault_set(fault, FAULT_AWAY, *text == '\0' ? "the connection was lost" : text);
}

/* ---- results ---- */

struct meaning {
    const char *code; /* an SQLSTATE, or its first characters */
    enum fault_kind kind;
};

static const struct meaning meanings[] = {
    {"40", FAULT_CONFLICT},    /* serialization, deadlock, completion unknown */
    {"23505", FAULT_CONFLICT}, /* not unique; like the others, if two make the tables at once */
    {"42710", FAULT_CONFLICT}, /* there already: an object, */
    {"42P06", FAULT_CONFLICT}, /* a schema, */
    {"42P07", FAULT_CONFLICT}, /* a table */
    {"22012", FAULT_RUN_LOST}, /* division by zero: run_enter() alone divides */
    {"42P01", FAULT_ABSENT},   /* no such table */
    {"3F000", FAULT_ABSENT},   /* no such schema */
    {"42501", FAULT_RIGHTS},   /* not allowed */
    {"08", FAULT_AWAY},        /* connection */
    {"25006", FAULT_AWAY},     /* read-only: it was the primary once */
    {"25P03", FAULT_AWAY},     /* idle for too long in a transaction: this process was stopped */
    {"55P03", FAULT_AWAY},     /* waited for a lock until lock_timeout: the database hangs */
    {"53", FAULT_AWAY},        /* out of disk, memory, connections */
    {"57", FAULT_AWAY},        /* shutdown, crash, start, cancel */
};

static enum fault_kind kind_of(const char *code)
{
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0] && code != NULL; i++)
        if (strncmp(code, meanings[i].code, strlen(meanings[i].code)) == 0)
            return meanings[i].kind;
    return code == NULL ? FAULT_AWAY : FAULT_FINAL;
}

void fault_of_result(struct fault *fault, const PGresult *result)
{
    const char *reason = libpq.PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

    switch (libpq.PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
        return;
    case PGRES_PIPELINE_ABORTED:
        /* The statement that has failed came before. */
        return;
    default:
        fault_set(fault, kind_of(libpq.PQresultErrorField(result, PG_DIAG_SQLSTATE)),
                  reason == NULL ? "the connection was lost" : reason);
    }
}
