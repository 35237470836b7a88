#include "store/ledger.h"

#include "base/memory.h"
#include "base/text.h"
#include "sqlite/database.h"
#include "sqlite/database_place.h"
#include "sqlite/database_room.h"
#include "sqlite/runs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Instead of the number of a run: 0 for rows of version 1, from before runs had numbers. */
#define RUN_RELEASED (-1) /* a run that ended in good order, with its log written */

#define LOOK_BUSY_MS 1000 /* for ledger_look() */

/* What settling and releasing write besides the pages of the events, with some to spare. */
#define PAGES_BESIDES 16

#define OWED_TABLE \
    "CREATE TABLE owed (seq INTEGER PRIMARY KEY, run INTEGER NOT NULL, event TEXT NOT NULL);"

static const char *const upgrades[] = {
    "ALTER TABLE owed RENAME TO owed_1;" OWED_TABLE
    "INSERT INTO owed (seq, run, event) SELECT seq, 0, event FROM owed_1;"
    "DROP TABLE owed_1"};

static const struct database_kind kind = {
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

struct ledger {
    struct database *database;
    struct runs *runs; /* NULL without a run */
    int64_t
        seen_run;    /* of the row looked at last by run_has_ended() in SQL, 0 if there was none, */
    bool seen_ended; /* and whether it had ended */
    bool sweeps;     /* the next look for orders to forget is not at the first ones, */
    int64_t swept_up_to; /* but after this one */
    char *text;          /* the event or sku last read, */
    char *order_id;      /* and whose event it is */
    sqlite3_stmt *find;
    sqlite3_stmt *record;
    sqlite3_stmt *owe;
    sqlite3_stmt *settle;
    sqlite3_stmt *forget;
    sqlite3_stmt *sweep;
    sqlite3_stmt *list_orphans;
    sqlite3_stmt *list_own;
    sqlite3_stmt *find_owed;
    sqlite3_stmt *claim;
    sqlite3_stmt *release;
    sqlite3_stmt *has_stock;
    sqlite3_stmt *stock;
    sqlite3_stmt *next_stock;
    sqlite3_stmt *set_stock;
    sqlite3_stmt *reserve_stock;
};

static enum exit_code open_at(struct ledger **out, const char *path, enum database_access access)
{
    struct ledger *ledger = xcalloc(1, sizeof *ledger);
    const struct database_statement statements[] = {
        {&ledger->find,
         "SELECT h.seq, outcome, order_id, run, event FROM handled h LEFT JOIN owed USING (seq)"
         " WHERE order_id = ?1"},
        {&ledger->record, "INSERT INTO handled (order_id, outcome, at) VALUES (?1, ?2, ?3)"},
        {&ledger->owe, "INSERT INTO owed (seq, run, event) VALUES (?1, ?2, ?3)"},
        {&ledger->settle, "DELETE FROM owed WHERE seq = ?1"},
        {&ledger->forget, "DELETE FROM handled WHERE seq IN"
                          " (SELECT seq FROM handled WHERE seq > ?3 ORDER BY seq LIMIT ?2)"
                          " AND at < ?1 AND seq NOT IN (SELECT seq FROM owed)"},
        {&ledger->sweep,
         "SELECT max(seq) FROM (SELECT seq FROM handled WHERE seq > ?1 ORDER BY seq LIMIT ?2)"},
        {&ledger->has_stock, "SELECT 1 FROM stock LIMIT 1"},
        {&ledger->stock, "SELECT sku, on_hand, reserved FROM stock WHERE sku = ?1"},
        {&ledger->next_stock,
         "SELECT sku, on_hand, reserved FROM stock WHERE sku > ?1 ORDER BY sku LIMIT 1"},
        {&ledger->set_stock, "INSERT INTO stock (sku, on_hand, reserved) VALUES (?1, ?2, 0)"
                             " ON CONFLICT (sku) DO UPDATE SET on_hand = excluded.on_hand"},
        {&ledger->reserve_stock,
         "UPDATE stock SET on_hand = on_hand - ?2, reserved = reserved + ?2 WHERE sku = ?1"},
    };
    enum exit_code code = database_open(&kind, path, access, &ledger->database);

    *out = NULL;
    if (code == EXIT_OK)
        code = database_prepare(ledger->database, statements,
                                sizeof statements / sizeof statements[0]);
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
    runs_close(ledger->runs);
    free(ledger->text);
    free(ledger->order_id);
    free(ledger);
}

/* ---- runs ---- */

static enum exit_code has_ended(struct ledger *ledger, int64_t run, bool *ended)
{
    if (run > 0)
        return runs_has_ended(ledger->runs, run, ended);
    *ended = true;
    return EXIT_OK;
}

/* The same in SQL. Of rows that follow each other most are of one run. */
static void run_has_ended(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct ledger *ledger = sqlite3_user_data(context);
    int64_t run = sqlite3_value_int64(values[0]);

    (void)count;
    if (run != ledger->seen_run || run <= 0) {
        if (has_ended(ledger, run, &ledger->seen_ended) != EXIT_OK) {
            sqlite3_result_error(context, "cannot tell who is alive", -1);
            return;
        }
        ledger->seen_run = run;
    }
    sqlite3_result_int(context, ledger->seen_ended ? 1 : 0);
}

enum exit_code ledger_start_run(struct ledger *ledger)
{
    const struct database_statement statements[] = {
        /* EXISTS: for IN, SQLite would go through all that was ever handled. */
        {&ledger->list_orphans, "SELECT seq FROM owed WHERE seq > ?1 AND run_has_ended(run)"
                                " AND EXISTS (SELECT 1 FROM handled WHERE handled.seq = owed.seq)"
                                " ORDER BY seq LIMIT ?2"},
        {&ledger->list_own,
         "SELECT seq FROM owed WHERE seq > ?1 AND run = ?3 ORDER BY seq LIMIT ?2"},
        {&ledger->find_owed,
         "SELECT seq, outcome, order_id, run, event FROM owed JOIN handled USING (seq)"
         " WHERE seq = ?1"},
        {&ledger->claim, "UPDATE owed SET run = ?2 WHERE seq = ?1"},
        {&ledger->release, "UPDATE owed SET run = ?2 WHERE run = ?1"},
    };
    enum exit_code code = runs_open(ledger->database, &ledger->runs);

    if (code == EXIT_OK)
        code = database_room_open(ledger->database);
    if (code != EXIT_OK)
        return code;
    if (sqlite3_create_function_v2(sqlite3_db_handle(ledger->find), "run_has_ended", 1, SQLITE_UTF8,
                                   ledger, run_has_ended, NULL, NULL, NULL) != SQLITE_OK)
        return database_failure(ledger->database, "use");
    return database_prepare(ledger->database, statements, sizeof statements / sizeof statements[0]);
}

enum exit_code ledger_begin(struct ledger *ledger)
{
    return database_begin(ledger->database);
}

enum exit_code ledger_begin_relaxed(struct ledger *ledger)
{
    return database_begin_relaxed(ledger->database);
}

enum exit_code ledger_reserve_room(struct ledger *ledger, size_t events, size_t bytes)
{
    return database_reserve(ledger->database, events + PAGES_BESIDES, bytes);
}

enum exit_code ledger_commit(struct ledger *ledger)
{
    return database_commit(ledger->database);
}

void ledger_roll_back(struct ledger *ledger)
{
    database_roll_back(ledger->database);
}

void ledger_checkpoint(struct ledger *ledger)
{
    database_checkpoint(ledger->database);
}

/* ---- what was decided ---- */

static char *column_text(sqlite3_stmt *statement, int column)
{
    const unsigned char *text = sqlite3_column_text(statement, column);

    return text == NULL ? NULL : xstrdup((const char *)text);
}

/* Reads the row that a statement gives: seq, outcome, order_id, run, event. */
static enum exit_code read_entry(struct ledger *ledger, sqlite3_stmt *statement,
                                 struct ledger_entry *entry, bool *found)
{
    enum exit_code code = database_row(ledger->database, statement, found);
    int64_t run = 0;

    if (code != EXIT_OK || !*found) {
        (void)sqlite3_reset(statement);
        return code;
    }
    entry->seq = sqlite3_column_int64(statement, 0);
    entry->outcome =
        sqlite3_column_int(statement, 1) == LEDGER_RESERVED ? LEDGER_RESERVED : LEDGER_FAILED;
    free(ledger->order_id);
    ledger->order_id = column_text(statement, 2);
    entry->order_id = ledger->order_id;
    run = sqlite3_column_int64(statement, 3);
    free(ledger->text);
    ledger->text = column_text(statement, 4);
    entry->unsent_event = ledger->text;
    (void)sqlite3_reset(statement);
    entry->is_orphaned = false;
    entry->is_logged = run == RUN_RELEASED;
    return entry->unsent_event != NULL && ledger->runs != NULL
               ? has_ended(ledger, run, &entry->is_orphaned)
               : EXIT_OK;
}

enum exit_code ledger_find(struct ledger *ledger, const char *order_id, struct ledger_entry *entry,
                           bool *found)
{
    database_bind_text(ledger->find, 1, order_id, strlen(order_id));
    return read_entry(ledger, ledger->find, entry, found);
}

enum exit_code ledger_record(struct ledger *ledger, const char *order_id,
                             enum ledger_outcome outcome, int64_t at_ms, const char *event,
                             int64_t *seq)
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
    database_bind_int(ledger->owe, 2, runs_own(ledger->runs));
    database_bind_text(ledger->owe, 3, event, strlen(event));
    return database_run(ledger->database, ledger->owe);
}

enum exit_code ledger_mark_sent(struct ledger *ledger, int64_t seq)
{
    database_bind_int(ledger->settle, 1, seq);
    return database_run(ledger->database, ledger->settle);
}

static enum exit_code forget_after(struct ledger *ledger, int64_t seq, int64_t before_ms, int max,
                                   bool *any)
{
    enum exit_code code;

    database_bind_int(ledger->forget, 1, before_ms);
    database_bind_int(ledger->forget, 2, max);
    database_bind_int(ledger->forget, 3, seq);
    code = database_run(ledger->database, ledger->forget);
    *any = sqlite3_changes(sqlite3_db_handle(ledger->forget)) > 0;
    return code;
}

/* On to the next max orders; after the last of them, to the first. */
static enum exit_code sweep_on(struct ledger *ledger, int max)
{
    bool found;
    enum exit_code code;

    database_bind_int(ledger->sweep, 1, ledger->swept_up_to);
    database_bind_int(ledger->sweep, 2, max);
    code = database_row(ledger->database, ledger->sweep, &found);
    if (code == EXIT_OK && found)
        ledger->swept_up_to = sqlite3_column_int64(ledger->sweep, 0);
    (void)sqlite3_reset(ledger->sweep);
    return code;
}

/*
 * Rows are appended as time passes, so that the oldest are the first: unless a clock was wrong. So
 * each second look is at rows further on, and in the end at all of them. An index by time would
 * cost each new order an insert.
 */
enum exit_code ledger_forget(struct ledger *ledger, int64_t before_ms, int max)
{
    bool sweeps = ledger->sweeps;
    bool any;
    enum exit_code code =
        forget_after(ledger, sweeps ? ledger->swept_up_to : 0, before_ms, max, &any);

    ledger->sweeps = !sweeps;
    return code == EXIT_OK && sweeps && !any ? sweep_on(ledger, max) : code;
}

/* ---- the outbox ---- */

static enum exit_code list(struct ledger *ledger, sqlite3_stmt *statement, int64_t after,
                           int64_t seqs[], size_t max, size_t *count)
{
    enum exit_code code;
    bool found;

    *count = 0;
    database_bind_int(statement, 1, after);
    database_bind_int(statement, 2, (int64_t)max);
    code = database_row(ledger->database, statement, &found);
    while (code == EXIT_OK && found && *count < max) {
        seqs[(*count)++] = sqlite3_column_int64(statement, 0);
        code = database_row(ledger->database, statement, &found);
    }
    (void)sqlite3_reset(statement);
    return code;
}

enum exit_code ledger_list_orphans(struct ledger *ledger, int64_t seqs[], size_t max, size_t *count)
{
    /* Who lived a moment ago may be dead by now. */
    ledger->seen_run = 0;
    return list(ledger, ledger->list_orphans, 0, seqs, max, count);
}

enum exit_code ledger_list_own(struct ledger *ledger, int64_t after, int64_t seqs[], size_t max,
                               size_t *count)
{
    database_bind_int(ledger->list_own, 3, runs_own(ledger->runs));
    return list(ledger, ledger->list_own, after, seqs, max, count);
}

enum exit_code ledger_find_unsent(struct ledger *ledger, int64_t seq, struct ledger_entry *entry,
                                  bool *found)
{
    database_bind_int(ledger->find_owed, 1, seq);
    return read_entry(ledger, ledger->find_owed, entry, found);
}

enum exit_code ledger_claim(struct ledger *ledger, int64_t seq)
{
    database_bind_int(ledger->claim, 1, seq);
    database_bind_int(ledger->claim, 2, runs_own(ledger->runs));
    return database_run(ledger->database, ledger->claim);
}

enum exit_code ledger_release(struct ledger *ledger)
{
    database_bind_int(ledger->release, 1, runs_own(ledger->runs));
    database_bind_int(ledger->release, 2, RUN_RELEASED);
    return database_run(ledger->database, ledger->release);
}

/* ---- a look from outside ---- */

char *ledger_place(void)
{
    char *path = database_place(&kind);

    if (path != NULL && access(path, F_OK) == 0)
        return path;
    free(path);
    return NULL;
}

/*
 * As a URI of SQLite. Without a log of commits nobody has the file open, and it is read as it is:
 * otherwise SQLite would leave files beside it that were not there.
 */
static char *uri_of(const char *path)
{
    char *log_path = database_join(path, "-wal");
    char *uri = database_uri(path, access(log_path, F_OK) != 0);

    free(log_path);
    return uri;
}

/* Reads numbers that one row has. Whatever goes wrong, SQLite's result says. */
static int read_numbers(sqlite3 *handle, const char *sql, int64_t numbers[], int count)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(handle, sql, -1, &statement, NULL);

    if (result == SQLITE_OK)
        result = sqlite3_step(statement);
    for (int i = 0; i < count && result == SQLITE_ROW; i++)
        numbers[i] = sqlite3_column_int64(statement, i);
    (void)sqlite3_finalize(statement);
    return result == SQLITE_ROW ? SQLITE_OK : result;
}

static int look(sqlite3 *handle, struct ledger_outbox *debt, bool *is_ledger)
{
    int64_t application = 0;
    int64_t numbers[2] = {0, 0};
    int result = read_numbers(handle, "PRAGMA application_id", &application, 1);

    *is_ledger = application == kind.application;
    if (result == SQLITE_OK && *is_ledger)
        result = read_numbers(handle,
                              "SELECT count(*), min(at) FROM owed CROSS JOIN handled USING (seq)",
                              numbers, 2);
    debt->count = numbers[0];
    debt->oldest_ms = numbers[1];
    return result;
}

bool ledger_look(const char *path, struct ledger_outbox *debt, char reason[LEDGER_REASON_SIZE])
{
    char *uri = uri_of(path);
    sqlite3 *handle = NULL;
    bool is_ledger = true;
    int result = access(path, R_OK) == 0 ? SQLITE_OK : SQLITE_CANTOPEN;
    const char *why = result == SQLITE_OK ? NULL : strerror(errno);

    if (result == SQLITE_OK)
        result = sqlite3_open_v2(uri, &handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_busy_timeout(handle, LOOK_BUSY_MS);
    if (result == SQLITE_OK)
        result = look(handle, debt, &is_ledger);
    if (result != SQLITE_OK)
        (void)snprintf(reason, LEDGER_REASON_SIZE, "cannot read '%s': %s", printable_text(path),
                       why != NULL      ? why
                       : handle != NULL ? sqlite3_errmsg(handle)
                                        : sqlite3_errstr(result));
    else if (!is_ledger)
        (void)snprintf(reason, LEDGER_REASON_SIZE, "'%s' is not a ledger", printable_text(path));
    (void)sqlite3_close(handle);
    free(uri);
    return result == SQLITE_OK && is_ledger;
}

/* ---- stock ---- */

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
        char *text = xstrdup((const char *)sqlite3_column_text(statement, 0));

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

enum exit_code ledger_stock(struct ledger *ledger, const char *sku, struct stock_level *level,
                            bool *found)
{
    return read_level(ledger, ledger->stock, sku, level, found);
}

enum exit_code ledger_next_stock(struct ledger *ledger, const char *after,
                                 struct stock_level *level, bool *found)
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
