#include "ledger.h"

#include "database.h"

#include <stdlib.h>
#include <string.h>

static const struct database_kind kind = {
    .variable = "INVENTORY_LEDGER",
    .file = "ledger.db",
    .schema = "CREATE TABLE handled (seq INTEGER PRIMARY KEY, order_id TEXT NOT NULL UNIQUE,"
              " outcome INTEGER NOT NULL, at INTEGER NOT NULL);"
              "CREATE TABLE owed (seq INTEGER PRIMARY KEY, event TEXT NOT NULL)",
    .application = 0x6F726C67, /* "orlg" */
    .version = 1,
};

struct ledger {
    struct database *database;
    char *text; /* the event last read */
    sqlite3_stmt *find;
    sqlite3_stmt *record;
    sqlite3_stmt *owe;
    sqlite3_stmt *settle;
};

enum exit_code ledger_open(struct ledger **out)
{
    struct ledger *ledger = need_calloc(1, sizeof *ledger);
    const struct database_statement statements[] = {
        {&ledger->find,
         "SELECT h.seq, outcome, event FROM handled h LEFT JOIN owed USING (seq) WHERE order_id = ?1"},
        {&ledger->record, "INSERT INTO handled (order_id, outcome, at) VALUES (?1, ?2, ?3)"},
        {&ledger->owe, "INSERT INTO owed (seq, event) VALUES (?1, ?2)"},
        {&ledger->settle, "DELETE FROM owed WHERE seq = ?1"},
    };
    enum exit_code code = database_open(&kind, DATABASE_CREATE, &ledger->database);

    *out = NULL;
    if (code == EXIT_OK)
        code = database_prepare(ledger->database, statements, sizeof statements / sizeof statements[0]);
    if (code != EXIT_OK)
        ledger_close(ledger);
    else
        *out = ledger;
    return code;
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

enum exit_code ledger_commit(struct ledger *ledger)
{
    return database_commit(ledger->database);
}

void ledger_roll_back(struct ledger *ledger)
{
    database_roll_back(ledger->database);
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
