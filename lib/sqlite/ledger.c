#include "sqlite/ledger.h"

#include "base/memory.h"
#include "sqlite/database.h"
#include "sqlite/database_room.h"
#include "sqlite/open.h"
#include "sqlite/runs.h"

#include <stdlib.h>
#include <string.h>

#define OWED_TABLE \
    "CREATE TABLE owed (seq INTEGER PRIMARY KEY, run INTEGER NOT NULL, event TEXT NOT NULL);"

static const char *const upgrades[] = {
    "ALTER TABLE owed RENAME TO owed_1;" OWED_TABLE
    "INSERT INTO owed (seq, run, event) SELECT seq, 0, event FROM owed_1;"
    "DROP TABLE owed_1"};

const struct database_kind ledger_kind = {
    .variable = "INVENTORY_LEDGER",
    .file = "ledger.db",
    .schema =
        "CREATE TABLE handled (seq INTEGER PRIMARY KEY, order_id TEXT NOT NULL UNIQUE,"
        " outcome INTEGER NOT NULL, at INTEGER NOT NULL);" OWED_TABLE
        "CREATE TABLE stock (sku TEXT PRIMARY KEY, on_hand INTEGER NOT NULL CHECK (on_hand >= 0),"
        " reserved INTEGER NOT NULL) WITHOUT ROWID",
    .upgrades = upgrades,
    .application = 0x6F726C67, /* "orlg" */
    .version = 2,
};

static enum exit_code find(struct ledger *base, const char *const order_ids[],
                           enum ledger_outcome outcomes[], size_t count)
{
    struct sqlite_ledger *ledger = (struct sqlite_ledger *)base;
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < count && code == EXIT_OK; i++) {
        bool found;

        outcomes[i] = LEDGER_UNKNOWN;
        database_bind_text(ledger->outcome, 1, order_ids[i], strlen(order_ids[i]));
        code = database_row(ledger->database, ledger->outcome, &found);
        if (code == EXIT_OK && found)
            outcomes[i] = sqlite3_column_int(ledger->outcome, 0) == LEDGER_RESERVED
                              ? LEDGER_RESERVED
                              : LEDGER_FAILED;
        (void)sqlite3_reset(ledger->outcome);
    }
    return code;
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
                                                    .levels = ledger_levels,
                                                    .commit = ledger_commit,
                                                    .abandon = ledger_abandon,
                                                    .mark_sent = ledger_mark_sent,
                                                    .release = ledger_release,
                                                    .find = find,
                                                    .set_levels = ledger_set_levels,
                                                    .each_level = ledger_each_level,
                                                    .idle = idle,
                                                    .close = close_ledger};

static enum exit_code prepare_to_find(struct sqlite_ledger *ledger)
{
    const struct database_statement statement = {&ledger->outcome,
                                                 "SELECT outcome FROM handled WHERE order_id = ?1"};

    return database_prepare(ledger->database, &statement, 1);
}

static enum exit_code start_run(struct sqlite_ledger *ledger)
{
    enum exit_code code = runs_open(ledger->database, &ledger->runs);

    if (code == EXIT_OK)
        code = database_room_open(ledger->database);
    return code == EXIT_OK ? ledger_prepare_to_decide(ledger) : code;
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
        code = ledger_prepare_stock(ledger);
    if (code == EXIT_OK && access == LEDGER_READ)
        code = prepare_to_find(ledger);
    if (code == EXIT_OK && access == LEDGER_DECIDE)
        code = start_run(ledger);
    if (code != EXIT_OK)
        close_ledger(&ledger->ledger);
    else
        *out = &ledger->ledger;
    return code;
}
