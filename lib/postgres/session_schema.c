/* session_schema: the tables, and their version. */
#include "base/memory.h"
#include "postgres/session_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCRIPT_MS 30000

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

/* In one transaction: of several programs that do it at once all but one fail, and try again. */
static bool make_tables(struct session *session)
{
    const char *schema;
    size_t size;
    char *script;
    bool made;

    if (!choose_schema(session, &schema))
        return false;
    size = strlen(schema) + strlen(session->kind->sql) + 1;
    script = xmalloc(size);
    (void)snprintf(script, size, "%s%s", schema, session->kind->sql);
    made = flight_script(&session->flight, script, SCRIPT_MS);
    free(script);
    return made;
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

bool session_prepare(struct session *session, void *context)
{
    int64_t version;

    (void)context;
    if (!check_encoding(session) || !look_up_version(session, &version))
        return false;
    if (version == session->kind->version)
        return true;
    if (version != 0)
        return refuse(session, "the tables of domain %s are of another version of order-tools",
                      session->kind->domain);
    if (session->access == SESSION_READ)
        return refuse(session, "there are no tables of domain %s yet", session->kind->domain);
    return make_tables(session);
}
