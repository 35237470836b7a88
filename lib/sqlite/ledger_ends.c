/* ledger_ends: a decision: orders that end, which are released or handed over. */
#include "base/clock.h"
#include "sqlite/database.h"
#include "sqlite/ledger.h"

#include <stdlib.h>
#include <string.h>

/* Entries that one look for expired orders reads: some milliseconds. */
#define EXPIRE_STEP "10000"

/* ?1 is the last entry that was looked at, ?2 a time. */
#define STEP "(SELECT seq FROM handled WHERE seq > ?1 ORDER BY seq LIMIT " EXPIRE_STEP ")"
#define IS_EXPIRED "outcome = 1 AND ending = 0 AND at < ?2"

/* Prepares the statements once they are needed: most programs end no order. */
static enum exit_code prepare(struct sqlite_ledger *ledger)
{
    const struct database_statement statements[] = {
        /* As failed: that is what earlier versions are to know of it. */
        {&ledger->cancel, "INSERT INTO handled (order_id, outcome, at, noted, ending, ended_at)"
                          " VALUES (?1, 2, ?2, 1, 5, ?2) ON CONFLICT DO NOTHING"},
        {&ledger->find_held, "SELECT seq, outcome, ending, noted, held, trace"
                             " FROM handled LEFT JOIN held USING (seq) WHERE order_id = ?1"},
        {&ledger->end, "UPDATE handled SET ending = ?2, ended_at = ?3 WHERE seq = ?1"},
        {&ledger->see_expired,
         "SELECT max(seq), coalesce(max(" IS_EXPIRED "), 0) FROM handled WHERE seq IN " STEP},
        {&ledger->list_expired, "SELECT seq, outcome, ending, noted, held, trace, order_id"
                                " FROM handled LEFT JOIN held USING (seq) WHERE seq IN " STEP
                                " AND " IS_EXPIRED " ORDER BY seq LIMIT ?3"},
        {&ledger->let_go, "DELETE FROM held WHERE seq = ?1"},
    };

    if (ledger->let_go != NULL)
        return EXIT_OK;
    return database_prepare(ledger->database, statements, sizeof statements / sizeof statements[0]);
}

/* ---- one order ---- */

/* Reads a row of find_held or list_expired, but for order_id. */
static void read_end(sqlite3_stmt *statement, struct ledger_end *end)
{
    int ending = sqlite3_column_int(statement, 2);

    end->key = sqlite3_column_int64(statement, 0) + LEDGER_END_KEY;
    end->outcome = (enum ledger_outcome)(ending != 0 ? ending : sqlite3_column_int(statement, 1));
    end->is_noted = sqlite3_column_int(statement, 3) != 0;
    if (end->outcome != LEDGER_RESERVED)
        return;
    end->held = database_column_text(statement, 4);
    end->trace = database_column_text(statement, 5);
}

static enum exit_code record_end(struct sqlite_ledger *ledger, const struct ledger_end *end,
                                 enum ledger_outcome ending, int64_t at_ms)
{
    ledger->undecided++;
    database_bind_int(ledger->end, 1, end->key - LEDGER_END_KEY);
    database_bind_int(ledger->end, 2, ending);
    database_bind_int(ledger->end, 3, at_ms);
    return database_run(ledger->database, ledger->end);
}

/* Records that an order was cancelled, unless it is known: *is_known. */
static enum exit_code cancel(struct sqlite_ledger *ledger, const char *order_id, int64_t at_ms,
                             bool *is_known)
{
    enum exit_code code;

    database_bind_text(ledger->cancel, 1, order_id, strlen(order_id));
    database_bind_int(ledger->cancel, 2, at_ms);
    code = database_run(ledger->database, ledger->cancel);
    *is_known = sqlite3_changes(sqlite3_db_handle(ledger->cancel)) == 0;
    return code;
}

static enum exit_code claim_end(struct sqlite_ledger *ledger, enum ledger_outcome ending,
                                int64_t at_ms, struct ledger_end *end)
{
    bool is_known = true;
    bool found;
    enum exit_code code = EXIT_OK;

    if (ending == LEDGER_RELEASED)
        code = cancel(ledger, end->order_id, at_ms, &is_known);
    if (code != EXIT_OK || !is_known)
        return code;
    database_bind_text(ledger->find_held, 1, end->order_id, strlen(end->order_id));
    code = database_row(ledger->database, ledger->find_held, &found);
    if (code == EXIT_OK && found)
        read_end(ledger->find_held, end);
    (void)sqlite3_reset(ledger->find_held);
    return code == EXIT_OK && end->outcome == LEDGER_RESERVED
               ? record_end(ledger, end, ending, at_ms)
               : code;
}

enum exit_code ledger_claim_ends(struct ledger *base, enum ledger_outcome ending,
                                 struct ledger_end *ends, size_t count)
{
    struct sqlite_ledger *ledger = (struct sqlite_ledger *)base;
    int64_t at_ms = clock_utc_ms();
    enum exit_code code;

    for (size_t i = 0; i < count; i++)
        ends[i] = (struct ledger_end){.order_id = ends[i].order_id};
    code = prepare(ledger);
    if (code == EXIT_OK)
        code = ledger_begin(ledger);
    for (size_t i = 0; i < count && code == EXIT_OK; i++)
        code = claim_end(ledger, ending, at_ms, &ends[i]);
    if (code != EXIT_OK)
        ledger_abandon(base);
    return code;
}

/* ---- expired ones ---- */

static void bind_step(struct sqlite_ledger *ledger, sqlite3_stmt *statement, int64_t before_ms)
{
    database_bind_int(statement, 1, ledger->expired_up_to);
    database_bind_int(statement, 2, before_ms);
}

/* Looks without a lock: nearly always there is none. *last is the last entry of the step, 0 if
 * there is none. */
static enum exit_code see_expired(struct sqlite_ledger *ledger, int64_t before_ms, bool *some,
                                  int64_t *last)
{
    bool found;
    enum exit_code code;

    bind_step(ledger, ledger->see_expired, before_ms);
    code = database_row(ledger->database, ledger->see_expired, &found);
    *last = code == EXIT_OK && found ? sqlite3_column_int64(ledger->see_expired, 0) : 0;
    *some = *last > 0 && sqlite3_column_int(ledger->see_expired, 1) != 0;
    (void)sqlite3_reset(ledger->see_expired);
    return code;
}

static enum exit_code list_expired(struct sqlite_ledger *ledger, int64_t before_ms,
                                   struct ledger_end *ends, size_t max, size_t *count)
{
    enum exit_code code;
    bool found;

    bind_step(ledger, ledger->list_expired, before_ms);
    database_bind_int(ledger->list_expired, 3, (int64_t)max);
    code = database_row(ledger->database, ledger->list_expired, &found);
    while (code == EXIT_OK && found) {
        struct ledger_end *end = &ends[(*count)++];

        *end = (struct ledger_end){.order_id = database_column_text(ledger->list_expired, 6)};
        read_end(ledger->list_expired, end);
        code = database_row(ledger->database, ledger->list_expired, &found);
    }
    (void)sqlite3_reset(ledger->list_expired);
    return code;
}

enum exit_code ledger_claim_expired(struct ledger *base, int64_t before_ms, struct ledger_end *ends,
                                    size_t max, size_t *count, bool *at_end)
{
    struct sqlite_ledger *ledger = (struct sqlite_ledger *)base;
    int64_t at_ms = clock_utc_ms();
    int64_t last = 0;
    bool some = false;
    enum exit_code code = prepare(ledger);

    if (code == EXIT_OK)
        code = see_expired(ledger, before_ms, &some, &last);
    *count = 0;
    *at_end = last == 0;
    if (code == EXIT_OK && some) {
        code = ledger_begin(ledger);
        if (code == EXIT_OK)
            code = list_expired(ledger, before_ms, ends, max, count);
        for (size_t i = 0; i < *count && code == EXIT_OK; i++)
            code = record_end(ledger, &ends[i], LEDGER_RELEASED, at_ms);
        /* Another run may have been quicker. */
        if (code != EXIT_OK || *count == 0)
            ledger_abandon(base);
    }
    if (code == EXIT_OK)
        ledger->expired_up_to = *count > 0 ? ends[*count - 1].key - LEDGER_END_KEY : last;
    return code;
}
