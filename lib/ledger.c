#include "ledger.h"

#include "database.h"

#include <stdlib.h>
#include <string.h>

static const struct database_kind kind = {
    .variable = "INVENTORY_LEDGER",
    .file = "ledger.db",
    .schema = "CREATE TABLE handled (seq INTEGER PRIMARY KEY, order_id TEXT NOT NULL UNIQUE,"
              " outcome INTEGER NOT NULL, at INTEGER NOT NULL);"
              "CREATE TABLE owed (seq INTEGER PRIMARY KEY, event TEXT NOT NULL);"
              "CREATE TABLE stock (sku TEXT PRIMARY KEY, on_hand INTEGER NOT NULL CHECK (on_hand >= 0),"
              " reserved INTEGER NOT NULL) WITHOUT ROWID",
    .application = 0x6F726C67, /* "orlg" */
    .version = 1,
};

struct ledger {
    struct database *database;
    char *text; /* the event or sku last read */
    sqlite3_stmt *find;
    sqlite3_stmt *record;
    sqlite3_stmt *owe;
    sqlite3_stmt *settle;
    sqlite3_stmt *forget;
    sqlite3_stmt *has_stock;
    sqlite3_stmt *stock;
    sqlite3_stmt *next_stock;
    sqlite3_stmt *set_stock;
    sqlite3_stmt *reserve_stock;
};

static enum exit_code open_at(struct ledger **out, const char *path, enum database_access access)
{
    struct ledger *ledger = need_calloc(1, sizeof *ledger);
    const struct database_statement statements[] = {
        {&ledger->find,
         "SELECT h.seq, outcome, event FROM handled h LEFT JOIN owed USING (seq) WHERE order_id = ?1"},
        {&ledger->record, "INSERT INTO handled (order_id, outcome, at) VALUES (?1, ?2, ?3)"},
        {&ledger->owe, "INSERT INTO owed (seq, event) VALUES (?1, ?2)"},
        {&ledger->settle, "DELETE FROM owed WHERE seq = ?1"},
        /* Rows are appended as time passes, so the oldest are the first. */
        {&ledger->forget, "DELETE FROM handled WHERE seq IN (SELECT seq FROM handled ORDER BY seq LIMIT ?2)"
                          " AND at < ?1 AND seq NOT IN (SELECT seq FROM owed)"},
        {&ledger->has_stock, "SELECT 1 FROM stock LIMIT 1"},
        {&ledger->stock, "SELECT sku, on_hand, reserved FROM stock WHERE sku = ?1"},
        {&ledger->next_stock, "SELECT sku, on_hand, reserved FROM stock WHERE sku > ?1 ORDER BY sku LIMIT 1"},
        {&ledger->set_stock, "INSERT INTO stock (sku, on_hand, reserved) VALUES (?1, ?2, 0)"
                             " ON CONFLICT (sku) DO UPDATE SET on_hand = excluded.on_hand"},
        {&ledger->reserve_stock,
         "UPDATE stock SET on_hand = on_hand - ?2, reserved = reserved + ?2 WHERE sku = ?1"},
    };
    enum exit_code code = database_open(&kind, path, access, &ledger->database);

    *out = NULL;
    if (code == EXIT_OK)
        code = database_prepare(ledger->database, statements, sizeof statements / sizeof statements[0]);
    if (code != EXIT_OK)
        ledger_close(ledger);
    else
        *out = ledger;
    return code;
}

enum exit_code ledger_open(struct ledger **ledger)
{
    return open_at(ledger, NULL, DATABASE_CREATE);
}

enum exit_code ledger_open_to_read(struct ledger **ledger, const char *path)
{
    return open_at(ledger, path, DATABASE_READ);
}

void ledger_close(struct ledger *ledger)
{
    if (ledger == NULL)
        return;
    database_close(ledger->database);
    free(ledger->text);
    free(ledger);
}

enum exit_code ledger_begin(struct ledger *ledger)
{
    return database_begin(ledger->database);
}

enum exit_code ledger_begin_lightly(struct ledger *ledger)
{
    return database_begin_lightly(ledger->database);
}

enum exit_code ledger_commit(struct ledger *ledger)
{
    return database_commit(ledger->database);
}

void ledger_roll_back(struct ledger *ledger)
{
    database_roll_back(ledger->database);
}

void ledger_tidy(struct ledger *ledger)
{
    database_tidy(ledger->database);
}

enum exit_code ledger_find(struct ledger *ledger, const char *order_id, struct ledger_entry *entry,
                           bool *found)
{
    const unsigned char *event;
    enum exit_code code;

    database_bind_text(ledger->find, 1, order_id, strlen(order_id));
    code = database_row(ledger->database, ledger->find, found);
    if (code == EXIT_OK && *found) {
        entry->seq = sqlite3_column_int64(ledger->find, 0);
        entry->outcome =
            sqlite3_column_int(ledger->find, 1) == LEDGER_RESERVED ? LEDGER_RESERVED : LEDGER_FAILED;
        event = sqlite3_column_text(ledger->find, 2);
        free(ledger->text);
        ledger->text = event == NULL ? NULL : need_strdup((const char *)event);
        entry->owed_event = ledger->text;
    }
    (void)sqlite3_reset(ledger->find);
    return code;
}

enum exit_code ledger_record(struct ledger *ledger, const char *order_id, enum ledger_outcome outcome,
                             int64_t at_ms, const char *event, int64_t *seq)
{
    enum exit_code code;

    database_bind_text(ledger->record, 1, order_id, strlen(order_id));
    database_bind_int(ledger->record, 2, outcome);
    database_bind_int(ledger->record, 3, at_ms);
    code = database_run(ledger->database, ledger->record);
    if (code != EXIT_OK)
        return code;
    *seq = sqlite3_last_insert_rowid(sqlite3_db_handle(ledger->record));
    database_bind_int(ledger->owe, 1, *seq);
    database_bind_text(ledger->owe, 2, event, strlen(event));
    return database_run(ledger->database, ledger->owe);
}

enum exit_code ledger_settle(struct ledger *ledger, int64_t seq)
{
    database_bind_int(ledger->settle, 1, seq);
    return database_run(ledger->database, ledger->settle);
}

enum exit_code ledger_forget(struct ledger *ledger, int64_t before_ms, int max)
{
    database_bind_int(ledger->forget, 1, before_ms);
    database_bind_int(ledger->forget, 2, max);
    return database_run(ledger->database, ledger->forget);
}

enum exit_code ledger_has_stock(struct ledger *ledger, bool *any)
{
    enum exit_code code = database_row(ledger->database, ledger->has_stock, any);

    (void)sqlite3_reset(ledger->has_stock);
    return code;
}

static enum exit_code read_level(struct ledger *ledger, sqlite3_stmt *statement, const char *sku,
                                 struct stock_level *level, bool *found)
{
    enum exit_code code;

    database_bind_text(statement, 1, sku, strlen(sku));
    code = database_row(ledger->database, statement, found);
    if (code == EXIT_OK && *found) {
        char *text = need_strdup((const char *)sqlite3_column_text(statement, 0));

        level->on_hand = sqlite3_column_int64(statement, 1);
        level->reserved = sqlite3_column_int64(statement, 2);
        (void)sqlite3_reset(statement);
        /* Only now: sku may be the text that goes. */
        free(ledger->text);
        ledger->text = text;
        level->sku = text;
        return EXIT_OK;
    }
    (void)sqlite3_reset(statement);
    return code;
}

enum exit_code ledger_stock(struct ledger *ledger, const char *sku, struct stock_level *level, bool *found)
{
    return read_level(ledger, ledger->stock, sku, level, found);
}

enum exit_code ledger_next_stock(struct ledger *ledger, const char *after, struct stock_level *level,
                                 bool *found)
{
    return read_level(ledger, ledger->next_stock, after, level, found);
}

enum exit_code ledger_set_stock(struct ledger *ledger, const char *sku, int64_t on_hand)
{
    database_bind_text(ledger->set_stock, 1, sku, strlen(sku));
    database_bind_int(ledger->set_stock, 2, on_hand);
    return database_run(ledger->database, ledger->set_stock);
}

enum exit_code ledger_reserve_stock(struct ledger *ledger, const char *sku, int64_t quantity)
{
    database_bind_text(ledger->reserve_stock, 1, sku, strlen(sku));
    database_bind_int(ledger->reserve_stock, 2, quantity);
    return database_run(ledger->database, ledger->reserve_stock);
}
