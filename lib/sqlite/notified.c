#include "store/notified.h"

#include "base/memory.h"
#include "sqlite/database.h"
#include "sqlite/database_room.h"
#include "sqlite/runs.h"

#include <stdlib.h>
#include <string.h>

/* What settling and releasing write besides the pages of the orders, with some to spare. */
#define PAGES_BESIDES 16

/*
 * The claim of an order that is free: its number is that of no run, so that it can be claimed anew.
 * Claims that are settled have no run, and go; but the newest stays, so that SQLite gives no number
 * twice.
 */
#define FREE "1"
#define CLAIMS                                                      \
    "CREATE TABLE claims (claim INTEGER PRIMARY KEY, run INTEGER);" \
    "INSERT INTO claims (claim, run) VALUES (" FREE ", 0)"

/* Those of version 1 are told: no claim has the number 0. */
static const char *const upgrades[] = {
    "ALTER TABLE told ADD COLUMN claim INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE told ADD COLUMN attempt INTEGER NOT NULL DEFAULT 1;" CLAIMS};

static const struct database_kind kind = {
    .variable = "NOTIFY_LEDGER",
    .file = "notices.db",
    .schema = "CREATE TABLE told (order_id TEXT PRIMARY KEY, at INTEGER NOT NULL, claim INTEGER "
              "NOT NULL DEFAULT 0,"
              " attempt INTEGER NOT NULL DEFAULT 1) WITHOUT ROWID;" CLAIMS,
    .upgrades = upgrades,
    .application = 0x6F726E74, /* "ornt" */
    .version = 2,
};

struct notified {
    struct database *database;
    struct runs *runs;
    int max_attempts;
    size_t claims; /* orders that the transaction at hand is to claim */
    sqlite3_stmt *new_claim;
    sqlite3_stmt *drop_settled;
    sqlite3_stmt *settle;
    sqlite3_stmt *add;
    sqlite3_stmt *find;
    sqlite3_stmt *claim;
    sqlite3_stmt *release;
    sqlite3_stmt *forget;
};

static enum exit_code prepare(struct notified *notices)
{
    const struct database_statement statements[] = {
        {&notices->new_claim, "INSERT INTO claims (run) VALUES (?1)"},
        {&notices->drop_settled, "DELETE FROM claims WHERE run IS NULL AND claim < ?1"},
        {&notices->settle, "UPDATE claims SET run = NULL WHERE claim = ?1"},
        {&notices->add, "INSERT OR IGNORE INTO told (order_id, at, claim) VALUES (?1, ?2, ?3)"},
        {&notices->find,
         "SELECT t.claim, t.attempt, c.run FROM told t LEFT JOIN claims c ON c.claim = t.claim"
         " WHERE t.order_id = ?1"},
        {&notices->claim, "UPDATE told SET at = ?2, claim = ?3, attempt = ?4 WHERE order_id = ?1"},
        {&notices->release, "UPDATE told SET claim = " FREE ", attempt = ?2 WHERE order_id = ?1"},
        {&notices->forget, "DELETE FROM told WHERE order_id = ?1"},
    };

    return database_prepare(notices->database, statements,
                            sizeof statements / sizeof statements[0]);
}

enum exit_code notified_open(int max_attempts, struct notified **out)
{
    struct notified *notices = xcalloc(1, sizeof *notices);
    enum exit_code code = database_open(&kind, NULL, DATABASE_CREATE, &notices->database);

    *out = NULL;
    notices->max_attempts = max_attempts;
    if (code == EXIT_OK)
        code = runs_open(notices->database, &notices->runs);
    if (code == EXIT_OK)
        code = prepare(notices);
    if (code == EXIT_OK)
        code = database_room_open(notices->database);
    if (code != EXIT_OK)
        notified_close(notices);
    else
        *out = notices;
    return code;
}

void notified_close(struct notified *notices)
{
    if (notices == NULL)
        return;
    database_close(notices->database);
    runs_close(notices->runs);
    free(notices);
}

enum exit_code notified_begin(struct notified *notices, size_t orders)
{
    notices->claims = orders;
    return database_begin(notices->database);
}

enum exit_code notified_commit(struct notified *notices)
{
    enum exit_code code = EXIT_OK;

    if (notices->claims > 0)
        code = database_reserve(notices->database, notices->claims + PAGES_BESIDES, 0);
    if (code == EXIT_OK)
        return database_commit(notices->database);
    database_roll_back(notices->database);
    return code;
}

enum exit_code notified_end_reading(struct notified *notices, enum exit_code code)
{
    database_roll_back(notices->database);
    return code == EXIT_OK ? database_check_files(notices->database) : code;
}

void notified_checkpoint(struct notified *notices)
{
    database_checkpoint(notices->database);
}

bool notified_is_locked(const struct notified *notices)
{
    return database_is_locked(notices->database);
}

enum exit_code notified_new_claim(struct notified *notices, int64_t *claim)
{
    enum exit_code code;

    database_bind_int(notices->new_claim, 1, runs_own(notices->runs));
    code = database_run(notices->database, notices->new_claim);
    if (code != EXIT_OK)
        return code;
    *claim = sqlite3_last_insert_rowid(sqlite3_db_handle(notices->new_claim));
    database_bind_int(notices->drop_settled, 1, *claim);
    return database_run(notices->database, notices->drop_settled);
}

enum exit_code notified_done(struct notified *notices, int64_t claim)
{
    database_bind_int(notices->settle, 1, claim);
    return database_run(notices->database, notices->settle);
}

static enum exit_code add(struct notified *notices, const char *order_id, int64_t claim,
                          int64_t at_ms, bool *added)
{
    enum exit_code code;

    database_bind_text(notices->add, 1, order_id, strlen(order_id));
    database_bind_int(notices->add, 2, at_ms);
    database_bind_int(notices->add, 3, claim);
    code = database_run(notices->database, notices->add);
    *added = code == EXIT_OK && sqlite3_changes(sqlite3_db_handle(notices->add)) > 0;
    return code;
}

/* How an order stands that is known; and if it can be claimed by claim, how many times it was begun
 * to be told. */
static enum exit_code find(struct notified *notices, const char *order_id, int64_t claim,
                           enum standing *standing, int *attempts)
{
    bool found;
    bool is_claimed;
    bool ended = true;
    int64_t run = 0;
    enum exit_code code;

    database_bind_text(notices->find, 1, order_id, strlen(order_id));
    code = database_row(notices->database, notices->find, &found);
    is_claimed = code == EXIT_OK && found && sqlite3_column_type(notices->find, 2) != SQLITE_NULL;
    if (is_claimed) {
        *standing =
            sqlite3_column_int64(notices->find, 0) == claim ? STANDING_OURS : STANDING_CLAIMED;
        *attempts = sqlite3_column_int(notices->find, 1);
        run = sqlite3_column_int64(notices->find, 2);
    } else {
        *standing = STANDING_TOLD;
    }
    (void)sqlite3_reset(notices->find);
    /* One that is free is of run 0. */
    if (code != EXIT_OK || *standing != STANDING_CLAIMED || run == 0)
        return code;
    if (run != runs_own(notices->runs))
        code = runs_has_ended(notices->runs, run, &ended);
    *standing = ended ? STANDING_IN_DOUBT : STANDING_OTHERS;
    return code;
}

enum exit_code notified_claim(struct notified *notices, const char *order_id, int64_t claim,
                              int64_t at_ms, enum standing *standing, int *attempt)
{
    bool added;
    enum exit_code code = add(notices, order_id, claim, at_ms, &added);

    *standing = STANDING_CLAIMED;
    *attempt = 1;
    if (code != EXIT_OK || added)
        return code;
    code = find(notices, order_id, claim, standing, attempt);
    if (code != EXIT_OK || (*standing != STANDING_CLAIMED && *standing != STANDING_IN_DOUBT))
        return code;
    if (*attempt >= notices->max_attempts)
        *standing = STANDING_SPENT;
    else
        ++*attempt;
    database_bind_text(notices->claim, 1, order_id, strlen(order_id));
    database_bind_int(notices->claim, 2, at_ms);
    database_bind_int(notices->claim, 3, claim);
    database_bind_int(notices->claim, 4, *attempt);
    return database_run(notices->database, notices->claim);
}

enum exit_code notified_release(struct notified *notices, const char *order_id, int attempts)
{
    if (attempts == 0)
        return notified_forget(notices, order_id);
    database_bind_text(notices->release, 1, order_id, strlen(order_id));
    database_bind_int(notices->release, 2, attempts);
    return database_run(notices->database, notices->release);
}

enum exit_code notified_forget(struct notified *notices, const char *order_id)
{
    database_bind_text(notices->forget, 1, order_id, strlen(order_id));
    return database_run(notices->database, notices->forget);
}
