#include "postgres/ledger.h"

#include "base/memory.h"
#include "postgres/open.h"

#include <stdlib.h>
#include <string.h>

extern const char ledger_sql[];
extern const char ledger_2_sql[];
extern const char ledger_3_sql[];

static const char *const scripts[] = {ledger_sql, ledger_2_sql, ledger_3_sql};

const struct session_kind postgres_ledger_kind = {.variable = "INVENTORY_LEDGER",
                                                  .domain = "ledger",
                                                  .version = sizeof scripts / sizeof scripts[0],
                                                  .scripts = scripts};

#define OUTCOME OUTCOME_NUMBER("coalesce(r.ending, r.outcome)")

#define FIND                                                                        \
    "SELECT given.place, " OUTCOME ","                                              \
    " CASE WHEN r.ending = 'CANCELLED' THEN to_timestamp(0) ELSE r.decided_at END," \
    " coalesce(r.ended_at, to_timestamp(0))"                                        \
    " FROM unnest($1::text[]) WITH ORDINALITY AS given (id, place)"                 \
    " JOIN order_tools.reservations r ON r.order_id = given.id"

/* ---- outcomes ---- */

struct finding {
    struct array *ids;
    struct ledger_found *found;
};

static bool find_outcomes(struct session *session, void *context)
{
    const struct finding *finding = context;
    struct parameter ids = parameter_array(finding->ids);
    const PGresult *result;
    size_t place;

    if (!session_read(session, FIND, &ids, 1, &place))
        return false;
    result = session_result(session, place);
    for (int row = 0; row < libpq.PQntuples(result); row++)
        finding->found[result_int(result, row, 0) - 1] =
            (struct ledger_found){.outcome = (enum ledger_outcome)result_int(result, row, 1),
                                  .decided_ms = result_time(result, row, 2),
                                  .ended_ms = result_time(result, row, 3)};
    return true;
}

static enum exit_code find(struct ledger *base, const char *const order_ids[],
                           struct ledger_found found[], size_t count)
{
    struct postgres_ledger *ledger = (struct postgres_ledger *)base;
    struct finding finding = {.ids = &ledger->arrays[0], .found = found};

    array_start(finding.ids, ARRAY_TEXT);
    for (size_t i = 0; i < count; i++) {
        found[i] = (struct ledger_found){.outcome = LEDGER_UNKNOWN};
        array_text(finding.ids, order_ids[i], strlen(order_ids[i]));
    }
    return session_do(ledger->session, "read outcomes", find_outcomes, &finding);
}

/* ---- the whole ---- */

int64_t ledger_own_run(const struct postgres_ledger *ledger)
{
    return ledger->run == NULL ? 0 : run_number(ledger->run);
}

char *ledger_text_of(const PGresult *result, int row, int column)
{
    return xstrdup(libpq.PQgetvalue(result, row, column));
}

char *ledger_trace_of(const PGresult *result, int row, int column)
{
    return libpq.PQgetlength(result, row, column) == 0 ? NULL : ledger_text_of(result, row, column);
}

static bool may_pass(const struct ledger *base)
{
    return session_may_pass(((const struct postgres_ledger *)base)->session);
}

static bool look_for_runs(struct session *session, void *context)
{
    bool *is_worked = context;
    size_t place;

    if (!session_read(session,
                      "SELECT EXISTS (SELECT 1 FROM order_tools.runs"
                      " WHERE domain = 'ledger' AND alive_until > now())",
                      NULL, 0, &place))
        return false;
    *is_worked = result_bool(session_result(session, place), 0, 0);
    return true;
}

static enum exit_code is_worked(struct ledger *base, bool *is_worked)
{
    return session_do(((struct postgres_ledger *)base)->session, "look for workers", look_for_runs,
                      is_worked);
}

static void idle(struct ledger *base)
{
    (void)base;
}

static void close_ledger(struct ledger *base)
{
    struct postgres_ledger *ledger = (struct postgres_ledger *)base;

    session_close(ledger->session, ledger->run);
    for (size_t i = 0; i < sizeof ledger->arrays / sizeof ledger->arrays[0]; i++)
        array_free(&ledger->arrays[i]);
    array_free(&ledger->doubts);
    array_free(&ledger->marked);
    free(ledger->claimed.keys);
    free(ledger->doubted.keys);
    free(ledger);
}

static const struct ledger_operations operations = {.claim = postgres_ledger_claim,
                                                    .claim_unsent = postgres_ledger_claim_unsent,
                                                    .claim_ends = postgres_ledger_claim_ends,
                                                    .claim_expired = postgres_ledger_claim_expired,
                                                    .levels = postgres_ledger_levels,
                                                    .each_held = postgres_ledger_each_held,
                                                    .commit = postgres_ledger_commit,
                                                    .abandon = postgres_ledger_abandon,
                                                    .mark_sent = postgres_ledger_mark_sent,
                                                    .release = postgres_ledger_release,
                                                    .find = find,
                                                    .set_levels = postgres_ledger_set_levels,
                                                    .remove_level = postgres_ledger_remove_level,
                                                    .each_level = postgres_ledger_each_level,
                                                    .each_report = postgres_ledger_each_report,
                                                    .count_unnoted = postgres_ledger_count_unnoted,
                                                    .measure = postgres_ledger_measure,
                                                    .is_worked = is_worked,
                                                    .may_pass = may_pass,
                                                    .idle = idle,
                                                    .close = close_ledger};

enum exit_code postgres_ledger_open(const char *uri, enum ledger_access access,
                                    const struct store_patience *patience, struct ledger **out)
{
    struct postgres_ledger *ledger = xcalloc(1, sizeof *ledger);
    enum exit_code code = session_open(&postgres_ledger_kind, uri,
                                       access == LEDGER_READ ? SESSION_READ : SESSION_CREATE,
                                       patience, &ledger->session);

    *out = NULL;
    ledger->ledger.operations = &operations;
    if (code == EXIT_OK && access == LEDGER_DECIDE) {
        ledger->run = session_start_run(ledger->session);
        code = session_enter_run(ledger->session, ledger->run);
        array_start(&ledger->marked, ARRAY_INT);
        session_renew_by(ledger->session, postgres_ledger_mark_again, ledger);
    }
    if (code != EXIT_OK)
        close_ledger(&ledger->ledger);
    else
        *out = &ledger->ledger;
    return code;
}
