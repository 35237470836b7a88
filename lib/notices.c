#include "notices.h"

#include "database.h"

#include <stdlib.h>
#include <string.h>

static const struct database_kind kind = {
    .variable = "NOTIFY_LEDGER",
    .file = "notices.db",
    .schema = "CREATE TABLE told (order_id TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID",
    .application = 0x6F726E74, /* "ornt" */
    .version = 1,
};

struct notices {
    struct database *database;
    sqlite3_stmt *find;
    sqlite3_stmt *add;
};

enum exit_code notices_open(struct notices **out)
{
    struct notices *notices = need_calloc(1, sizeof *notices);
    const struct database_statement statements[] = {
        {&notices->find, "SELECT 1 FROM told WHERE order_id = ?1"},
        {&notices->add, "INSERT OR IGNORE INTO told (order_id, at) VALUES (?1, ?2)"},
    };
    enum exit_code code = database_open(&kind, NULL, DATABASE_CREATE, &notices->database);

    *out = NULL;
    if (code == EXIT_OK)
        code = database_prepare(notices->database, statements, sizeof statements / sizeof statements[0]);
    if (code != EXIT_OK)
        notices_close(notices);
    else
        *out = notices;
    return code;
}

void notices_close(struct notices *notices)
{
    if (notices == NULL)
        return;
    database_close(notices->database);
    free(notices);
}

enum exit_code notices_begin(struct notices *notices)
{
    return database_begin(notices->database);
}

enum exit_code notices_begin_reading(struct notices *notices)
{
    return database_begin_reading(notices->database);
}

enum exit_code notices_commit(struct notices *notices)
{
    return database_commit(notices->database);
}

void notices_roll_back(struct notices *notices)
{
    database_roll_back(notices->database);
}

void notices_tidy(struct notices *notices)
{
    database_tidy(notices->database);
}

enum exit_code notices_find(struct notices *notices, const char *order_id, bool *told)
{
    enum exit_code code;

    database_bind_text(notices->find, 1, order_id, strlen(order_id));
    code = database_row(notices->database, notices->find, told);
    (void)sqlite3_reset(notices->find);
    return code;
}

enum exit_code notices_add(struct notices *notices, const char *order_id, int64_t at_ms)
{
    database_bind_text(notices->add, 1, order_id, strlen(order_id));
    database_bind_int(notices->add, 2, at_ms);
    return database_run(notices->database, notices->add);
}
