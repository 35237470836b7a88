#include "sqlite/ledger.h"

#include "base/memory.h"
#include "sqlite/database_room.h"
#include "sqlite/open.h"

#include <stdlib.h>
#include <string.h>

/* ---- outcomes ---- */

static void read_found(sqlite3_stmt *statement, struct ledger_found *found)
{
    int outcome = sqlite3_column_int(statement, 0);
    int ending = sqlite3_column_int(statement, 1);

    found->outcome = (enum ledger_outcome)(ending != 0 ? ending : outcome);
    found->decided_ms = ending == LEDGER_CANCELLED ? 0 : sqlite3_column_int64(statement, 2);
    found->ended_ms = sqlite3_column_int64(statement, 3);
}

static enum exit_code find(struct ledger *base, const char *const order_ids[],
                           struct ledger_found found[], size_t count)
{
    struct sqlite_ledger *ledger = (struct sqlite_ledger *)base;
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < count && code == EXIT_OK; i++) {
        bool is_there;

        found[i] = (struct ledger_found){.outcome = LEDGER_UNKNOWN};
        database_bind_text(ledger->outcome, 1, order_ids[i], strlen(order_ids[i]));
        code = database_row(ledger->database, ledger->outcome, &is_there);
        if (code == EXIT_OK && is_there)
            read_found(ledger->outcome, &found[i]);
        (void)sqlite3_reset(ledger->outcome);
    }
    return code;
}

/* ---- the whole ---- */

static enum exit_code is_worked(struct ledger *base, bool *is_worked)
{
    return runs_some_live(((struct sqlite_ledger *)base)->database, is_worked);
}

/* What fails here, fails again. */
static bool may_pass(const struct ledger *base)
{
    (void)base;
    return false;
}

static void idle(struct ledger *base)
{
    database_checkpoint(((struct sqlite_ledger *)base)->database);
}

static void close_ledger(struct ledger *base)
{
    struct sqlite_ledger *ledger = (struct sqlite_ledger *)base;

    database_close(ledger->database);
    runs_close(ledger->runs);
    free(ledger->sku);
    free(ledger);
}

static const struct ledger_operations operations = {.claim = ledger_claim,
                                                    .claim_unsent = ledger_claim_unsent,
                                                    .claim_ends = ledger_claim_ends,
                                                    .claim_expired = ledger_claim_expired,
                                                    .levels = ledger_levels,
                                                    .each_held = ledger_each_held,
                                                    .commit = ledger_commit,
                                                    .abandon = ledger_abandon,
                                                    .mark_sent = ledger_mark_sent,
                                                    .release = ledger_release,
                                                    .find = find,
                                                    .set_levels = ledger_set_levels,
                                                    .remove_level = ledger_remove_level,
                                                    .each_level = ledger_each_level,
                                                    .each_report = ledger_each_report,
                                                    .count_unnoted = ledger_count_unnoted,
                                                    .measure = ledger_measure,
                                                    .is_worked = is_worked,
                                                    .may_pass = may_pass,
                                                    .idle = idle,
                                                    .close = close_ledger};

static enum exit_code prepare(struct sqlite_ledger *ledger, enum ledger_access access)
{
    const struct database_statement find_outcome = {
        &ledger->outcome, "SELECT outcome, ending, at, ended_at FROM handled WHERE order_id = ?1"};
    enum exit_code code = database_prepare(ledger->database, &find_outcome, 1);

    if (code == EXIT_OK)
        code = ledger_prepare_stock(ledger, access);
    if (code == EXIT_OK && access != LEDGER_READ)
        code = ledger_prepare_to_decide(ledger);
    if (code == EXIT_OK && access != LEDGER_READ)
        code = ledger_prepare_held(ledger);
    return code;
}

static enum exit_code start_run(struct sqlite_ledger *ledger)
{
    enum exit_code code = runs_open(ledger->database, &ledger->runs);

    return code == EXIT_OK ? database_room_open(ledger->database) : code;
}

enum exit_code sqlite_ledger_open(const char *path, enum ledger_access access, struct ledger **out)
{
    struct sqlite_ledger *ledger = xcalloc(1, sizeof *ledger);
    enum exit_code code =
        database_open(&ledger_kind, path, access == LEDGER_READ ? DATABASE_READ : DATABASE_CREATE,
                      &ledger->database);

    *out = NULL;
    ledger->ledger.operations = &operations;
    if (code == EXIT_OK)
        code = prepare(ledger, access);
    if (code == EXIT_OK && access == LEDGER_DECIDE)
        code = start_run(ledger);
    if (code != EXIT_OK)
        close_ledger(&ledger->ledger);
    else
        *out = &ledger->ledger;
    return code;
}
