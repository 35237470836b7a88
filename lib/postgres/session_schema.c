/* session_schema: the tables, and their version. */
#include "base/memory.h"
#include "postgres/session_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCRIPT_MS 30000
#define UPGRADE_MS 600000 /* the tables may be large */

extern const char schema_sql[];

static bool refuse(struct session *session, const char *format, const char *text)
{
    char reason[FAULT_REASON_SIZE];

    (void)snprintf(reason, sizeof reason, format, text);
    return session_refuse(session, reason);
}

/* Sets *version to that of the tables of the domain, 0 if there are none. */
static bool look_up_version(struct session *session, int64_t *version)
{
    struct parameter domain = parameter_text(session->kind->domain);
    size_t place = session_add(session, "SELECT version FROM order_tools.version WHERE domain = $1",
                               &domain, 1);

    *version = 0;
    if (session_land(session)) {
        const PGresult *result = session_result(session, place);

        if (libpq.PQntuples(result) > 0)
            *version = result_int(result, 0, 0);
        return true;
    }
    return session->flight.fault.kind == FAULT_ABSENT;
}

/* Sets *schema to the SQL that makes what all domains share. A schema that is there is not made,
 * not even IF NOT EXISTS: that takes a right which a program without its own schema needs alone. */
static bool choose_schema(struct session *session, const char **schema)
{
    size_t place = session_add(
        session, "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = 'order_tools'", NULL, 0);

    *schema = schema_sql;
    if (!session_land(session))
        return false;
    if (libpq.PQntuples(session_result(session, place)) > 0)
        *schema = strstr(schema_sql, "CREATE TABLE");
    return true;
}

/* Returns start and the scripts that bring the tables from that version to ours, to be freed with
 * free(). */
static char *join_scripts(const struct session_kind *kind, const char *start, int64_t version)
{
    size_t len = strlen(start);
    char *text = xmalloc(len + 1);

    memcpy(text, start, len + 1);
    for (int64_t i = version; i < kind->version; i++) {
        size_t more = strlen(kind->scripts[i]);

        text = xrealloc(text, len + more + 1);
        memcpy(text + len, kind->scripts[i], more + 1);
        len += more;
    }
    return text;
}

static bool run_scripts(struct session *session, const char *start, int64_t version, int64_t ms)
{
    char *text = join_scripts(session->kind, start, version);
    bool done = flight_script(&session->flight, text, ms);

    free(text);
    return done;
}

/* In one transaction: of several programs that do it at once all but one fail, and try again. */
static bool make_tables(struct session *session)
{
    const char *schema;

    return choose_schema(session, &schema) && run_scripts(session, schema, 0, SCRIPT_MS);
}

/* One program after the other: the row of the version is the lock. Who had to wait for it finds
 * that nothing is left to be done. */
static bool upgrade_tables(struct session *session)
{
    struct parameter domain = parameter_text(session->kind->domain);
    int64_t version;
    size_t place;

    session_begin(session, NULL);
    place =
        session_add(session, "SELECT version FROM order_tools.version WHERE domain = $1 FOR UPDATE",
                    &domain, 1);
    if (!session_land(session))
        return false;
    version = result_int(session_result(session, place), 0, 0);
    if (version < session->kind->version && !run_scripts(session, "", version, UPGRADE_MS))
        return false;
    return session_commit(session) && session_prepare(session, NULL);
}

static bool check_encoding(struct session *session)
{
    const char *encoding = libpq.PQparameterStatus(session->flight.connection, "server_encoding");

    if (encoding == NULL || strcmp(encoding, "UTF8") == 0)
        return true;
    return refuse(session,
                  "the database has the encoding %s, which cannot hold every order: it "
                  "must be UTF8",
                  encoding);
}

static bool refuse_older(struct session *session, int64_t version)
{
    char reason[FAULT_REASON_SIZE];

    (void)snprintf(reason, sizeof reason,
                   "the tables of domain %s have version %" PRId64 ", and are read in version %d: "
                   "a program that writes to them upgrades them, or share/order-tools/"
                   "postgresql.sql",
                   session->kind->domain, version, session->kind->version);
    return session_refuse(session, reason);
}

bool session_prepare(struct session *session, void *context)
{
    int64_t version;

    (void)context;
    if (!check_encoding(session) || !look_up_version(session, &version))
        return false;
    if (version == session->kind->version)
        return true;
    if (version > session->kind->version)
        return refuse(session, "the tables of domain %s are of a newer version of order-tools",
                      session->kind->domain);
    if (session->access == SESSION_READ && version != 0)
        return refuse_older(session, version);
    if (session->access == SESSION_READ)
        return refuse(session, "there are no tables of domain %s yet", session->kind->domain);
    return version == 0 ? make_tables(session) : upgrade_tables(session);
}
