#include "sqlite/ledger.h"

#include "base/memory.h"
#include "sqlite/database_room.h"
#include "sqlite/open.h"

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

/* ---- stock ---- */

/* Reads a level by the statement level or next_level, which the caller resets. */
static enum exit_code read_level(struct sqlite_ledger *ledger, sqlite3_stmt *statement,
                                 const char *sku, struct ledger_level *level)
{
    enum exit_code code;

    database_bind_text(statement, 1, sku, strlen(sku));
    code = database_row(ledger->database, statement, &level->is_limited);
    level->on_hand = level->is_limited ? sqlite3_column_int64(statement, 0) : 0;
    level->reserved = level->is_limited ? sqlite3_column_int64(statement, 1) : 0;
    level->moved = 0;
    return code;
}

static enum exit_code find_level(struct sqlite_ledger *ledger, struct ledger_level *level)
{
    enum exit_code code = read_level(ledger, ledger->level, level->sku, level);

    (void)sqlite3_reset(ledger->level);
    return code;
}

static enum exit_code find_levels(struct ledger *base, struct ledger_level *levels, size_t count)
{
    struct sqlite_ledger *ledger = (struct sqlite_ledger *)base;
    bool any;
    enum exit_code code = database_row(ledger->database, ledger->any_level, &any);

    (void)sqlite3_reset(ledger->any_level);
    for (size_t i = 0; i < count && code == EXIT_OK; i++) {
        if (any)
            code = find_level(ledger, &levels[i]);
        else
            levels[i] = (struct ledger_level){.sku = levels[i].sku};
    }
    return code;
}

enum exit_code ledger_move_stock(struct sqlite_ledger *ledger, const struct ledger_level *levels,
                                 size_t count)
{
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < count && code == EXIT_OK; i++) {
        if (levels[i].moved == 0)
            continue;
        database_bind_text(ledger->move, 1, levels[i].sku, strlen(levels[i].sku));
        database_bind_int(ledger->move, 2, levels[i].moved);
        code = database_run(ledger->database, ledger->move);
    }
    return code;
}

static enum exit_code set_level(struct sqlite_ledger *ledger, struct ledger_level *level, bool add)
{
    int64_t amount = level->on_hand;
    enum exit_code code = find_level(ledger, level);

    if (code != EXIT_OK)
        return code;
    amount += add ? level->on_hand : 0;
    level->is_limited = amount >= 0 && amount <= STOCK_MAX;
    if (!level->is_limited)
        return EXIT_OK;
    level->on_hand = amount;
    database_bind_text(ledger->set_level, 1, level->sku, strlen(level->sku));
    database_bind_int(ledger->set_level, 2, amount);
    return database_run(ledger->database, ledger->set_level);
}

static enum exit_code set_levels(struct ledger *base, struct ledger_level *levels, size_t count,
                                 bool add)
{
    struct sqlite_ledger *ledger = (struct sqlite_ledger *)base;
    enum exit_code code = database_begin(ledger->database);

    if (code != EXIT_OK)
        return code;
    for (size_t i = 0; i < count && code == EXIT_OK; i++)
        code = set_level(ledger, &levels[i], add);
    return database_end(ledger->database, code);
}

/* Reads level by level: one long read would hold up checkpoints. */
static enum exit_code each_level(struct ledger *base,
                                 bool (*visit)(void *context, const struct ledger_level *level),
                                 void *context)
{
    struct sqlite_ledger *ledger = (struct sqlite_ledger *)base;
    struct ledger_level level = {.sku = ""};
    enum exit_code code;

    do {
        code = read_level(ledger, ledger->next_level, level.sku, &level);
        if (level.is_limited) {
            free(ledger->sku);
            ledger->sku = xstrdup((const char *)sqlite3_column_text(ledger->next_level, 2));
            level.sku = ledger->sku;
        }
        (void)sqlite3_reset(ledger->next_level);
    } while (level.is_limited && visit(context, &level));
    return code;
}

/* ---- the whole ---- */

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
                                                    .levels = find_levels,
                                                    .commit = ledger_commit,
                                                    .abandon = ledger_abandon,
                                                    .mark_sent = ledger_mark_sent,
                                                    .release = ledger_release,
                                                    .find = find,
                                                    .set_levels = set_levels,
                                                    .each_level = each_level,
                                                    .is_worked = is_worked,
                                                    .may_pass = may_pass,
                                                    .idle = idle,
                                                    .close = close_ledger};

static enum exit_code prepare(struct sqlite_ledger *ledger)
{
    const struct database_statement statements[] = {
        {&ledger->outcome, "SELECT outcome FROM handled WHERE order_id = ?1"},
        {&ledger->any_level, "SELECT 1 FROM stock LIMIT 1"},
        {&ledger->level, "SELECT on_hand, reserved FROM stock WHERE sku = ?1"},
        {&ledger->next_level,
         "SELECT on_hand, reserved, sku FROM stock WHERE sku > ?1 ORDER BY sku LIMIT 1"},
        {&ledger->set_level, "INSERT INTO stock (sku, on_hand, reserved) VALUES (?1, ?2, 0)"
                             " ON CONFLICT (sku) DO UPDATE SET on_hand = excluded.on_hand"},
        {&ledger->move,
         "UPDATE stock SET on_hand = on_hand - ?2, reserved = reserved + ?2 WHERE sku = ?1"},
    };

    return database_prepare(ledger->database, statements, sizeof statements / sizeof statements[0]);
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
        code = prepare(ledger);
    if (code == EXIT_OK && access == LEDGER_DECIDE)
        code = start_run(ledger);
    if (code != EXIT_OK)
        close_ledger(&ledger->ledger);
    else
        *out = &ledger->ledger;
    return code;
}
