#include "sqlite/notified.h"

#include "base/memory.h"
#include "sqlite/database.h"
#include "sqlite/database_room.h"
#include "sqlite/open.h"
#include "sqlite/runs.h"
#include "store/notified.h"

#include <stdlib.h>
#include <string.h>

/* Pages that recording a turn writes besides those of its orders, with some to spare. */
#define PAGES_BESIDES 16

/* The column order_id has the key. A free order has the claim FREE, whose run is 0. A claim of
 * which all orders are told has no run, and its row is deleted later; but never the newest one, so
 * that SQLite gives no number twice. */
#define FREE "1"
#define CLAIMS                                                      \
    "CREATE TABLE claims (claim INTEGER PRIMARY KEY, run INTEGER);" \
    "INSERT INTO claims (claim, run) VALUES (" FREE ", 0)"

/* Orders of version 1 were told: they get the claim 0, which does not exist. */
static const char *const upgrades[] = {
    "ALTER TABLE told ADD COLUMN claim INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE told ADD COLUMN attempt INTEGER NOT NULL DEFAULT 1;" CLAIMS};

const struct database_kind notified_kind = {
    .variable = "NOTIFY_LEDGER",
    .file = "notices.db",
    .schema = "CREATE TABLE told (order_id TEXT PRIMARY KEY, at INTEGER NOT NULL, claim INTEGER "
              "NOT NULL DEFAULT 0,"
              " attempt INTEGER NOT NULL DEFAULT 1) WITHOUT ROWID;" CLAIMS,
    .upgrades = upgrades,
    .application = 0x6F726E74, /* "ornt" */
    .version = 2,
};

struct sqlite_notified {
    struct notified notified; /* first, so that a pointer to it points to all of this */
    struct database *database;
    struct runs *runs;
    int max_attempts;
    int64_t claim_number; /* of the last turn; 0 if it has none, or that is recorded */
    sqlite3_stmt *new_claim;
    sqlite3_stmt *drop_told;
    sqlite3_stmt *mark_told;
    sqlite3_stmt *add;
    sqlite3_stmt *find;
    sqlite3_stmt *claim;
    sqlite3_stmt *release;
    sqlite3_stmt *forget;
};

static enum exit_code prepare(struct sqlite_notified *notified)
{
    const struct database_statement statements[] = {
        {&notified->new_claim, "INSERT INTO claims (run) VALUES (?1)"},
        {&notified->drop_told, "DELETE FROM claims WHERE run IS NULL AND claim < ?1"},
        {&notified->mark_told, "UPDATE claims SET run = NULL WHERE claim = ?1"},
        {&notified->add, "INSERT OR IGNORE INTO told (order_id, at, claim) VALUES (?1, ?2, ?3)"},
        {&notified->find,
         "SELECT t.claim, t.attempt, c.run FROM told t LEFT JOIN claims c ON c.claim = t.claim"
         " WHERE t.order_id = ?1"},
        {&notified->claim, "UPDATE told SET at = ?2, claim = ?3, attempt = ?4 WHERE order_id = ?1"},
        {&notified->release, "UPDATE told SET claim = " FREE ", attempt = ?2 WHERE order_id = ?1"},
        {&notified->forget, "DELETE FROM told WHERE order_id = ?1"},
    };

    return database_prepare(notified->database, statements,
                            sizeof statements / sizeof statements[0]);
}

static enum exit_code new_claim(struct sqlite_notified *notified, int64_t *claim)
{
    enum exit_code code;

    database_bind_int(notified->new_claim, 1, runs_own(notified->runs));
    code = database_run(notified->database, notified->new_claim);
    if (code != EXIT_OK)
        return code;
    *claim = sqlite3_last_insert_rowid(sqlite3_db_handle(notified->new_claim));
    database_bind_int(notified->drop_told, 1, *claim);
    return database_run(notified->database, notified->drop_told);
}

static enum exit_code mark_told(struct sqlite_notified *notified, int64_t claim)
{
    database_bind_int(notified->mark_told, 1, claim);
    return database_run(notified->database, notified->mark_told);
}

static enum exit_code add(struct sqlite_notified *notified, const char *key, int64_t claim,
                          int64_t at_ms, bool *added)
{
    enum exit_code code;

    database_bind_text(notified->add, 1, key, strlen(key));
    database_bind_int(notified->add, 2, at_ms);
    database_bind_int(notified->add, 3, claim);
    code = database_run(notified->database, notified->add);
    *added = code == EXIT_OK && sqlite3_changes(sqlite3_db_handle(notified->add)) > 0;
    return code;
}

/* Sets *standing to that of a known order. If it can be claimed: to STANDING_CLAIMED or
 * STANDING_IN_DOUBT, and *attempts to how often it was begun to tell its customer. */
static enum exit_code find(struct sqlite_notified *notified, const char *key, int64_t claim,
                           enum standing *standing, int *attempts)
{
    bool found;
    bool is_claimed;
    bool ended = true;
    int64_t run = 0;
    enum exit_code code;

    database_bind_text(notified->find, 1, key, strlen(key));
    code = database_row(notified->database, notified->find, &found);
    is_claimed = code == EXIT_OK && found && sqlite3_column_type(notified->find, 2) != SQLITE_NULL;
    if (is_claimed) {
        *standing =
            sqlite3_column_int64(notified->find, 0) == claim ? STANDING_OURS : STANDING_CLAIMED;
        *attempts = sqlite3_column_int(notified->find, 1);
        run = sqlite3_column_int64(notified->find, 2);
    } else {
        *standing = STANDING_TOLD;
    }
    (void)sqlite3_reset(notified->find);
    /* A free order has run 0. */
    if (code != EXIT_OK || *standing != STANDING_CLAIMED || run == 0)
        return code;
    if (run != runs_own(notified->runs))
        code = runs_has_ended(notified->runs, run, &ended);
    *standing = ended ? STANDING_IN_DOUBT : STANDING_OTHERS;
    return code;
}

/* Claims an order for claim number, if possible. */
static enum exit_code claim_order(struct sqlite_notified *notified, struct notified_claim *claim,
                                  int64_t number, int64_t at_ms)
{
    bool added;
    enum exit_code code = add(notified, claim->key, number, at_ms, &added);

    claim->standing = STANDING_CLAIMED;
    claim->attempt = 1;
    if (code != EXIT_OK || added)
        return code;
    code = find(notified, claim->key, number, &claim->standing, &claim->attempt);
    if (code != EXIT_OK ||
        (claim->standing != STANDING_CLAIMED && claim->standing != STANDING_IN_DOUBT))
        return code;
    if (claim->attempt >= notified->max_attempts)
        claim->standing = STANDING_SPENT;
    else
        claim->attempt++;
    database_bind_text(notified->claim, 1, claim->key, strlen(claim->key));
    database_bind_int(notified->claim, 2, at_ms);
    database_bind_int(notified->claim, 3, number);
    database_bind_int(notified->claim, 4, claim->attempt);
    return database_run(notified->database, notified->claim);
}

static enum exit_code release(struct sqlite_notified *notified,
                              const struct notified_release *released)
{
    bool forgets = released->attempts == 0;
    sqlite3_stmt *statement = forgets ? notified->forget : notified->release;

    database_bind_text(statement, 1, released->key, strlen(released->key));
    if (!forgets)
        database_bind_int(statement, 2, released->attempts);
    return database_run(notified->database, statement);
}

/* ---- the operations ---- */

static enum exit_code record(struct sqlite_notified *notified,
                             const struct notified_release *released, size_t count)
{
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < count && code == EXIT_OK; i++)
        code = release(notified, &released[i]);
    return code == EXIT_OK ? mark_told(notified, notified->claim_number) : code;
}

/* Sets *number to the claim, unless no order could be claimed. */
static enum exit_code claim_all(struct sqlite_notified *notified, struct notified_claim *claims,
                                size_t count, int64_t at_ms, int64_t *number)
{
    int64_t made;
    bool some = false;
    enum exit_code code = new_claim(notified, &made);

    for (size_t i = 0; i < count && code == EXIT_OK; i++) {
        code = claim_order(notified, &claims[i], made, at_ms);
        some = some || claims[i].standing == STANDING_CLAIMED ||
               claims[i].standing == STANDING_IN_DOUBT || claims[i].standing == STANDING_SPENT;
    }
    if (code == EXIT_OK && some)
        *number = made;
    else if (code == EXIT_OK)
        code = mark_told(notified, made);
    return code;
}

/* Commits, if the disk has room for that and for recording what becomes of the claims. */
static enum exit_code commit(struct sqlite_notified *notified, size_t claims)
{
    enum exit_code code =
        claims > 0 ? database_reserve(notified->database, claims + PAGES_BESIDES, 0) : EXIT_OK;

    return database_end(notified->database, code);
}

static enum exit_code advance(struct notified *base, const struct notified_release *released,
                              size_t released_count, struct notified_claim *claims,
                              size_t claim_count, int64_t at_ms)
{
    struct sqlite_notified *notified = (struct sqlite_notified *)base;
    bool has_turn = notified->claim_number != 0;
    int64_t number = 0;
    enum exit_code code;

    if (!has_turn && claim_count == 0)
        return EXIT_OK;
    code = database_begin(notified->database);
    if (code != EXIT_OK)
        return code;
    if (has_turn)
        code = record(notified, released, released_count);
    if (code == EXIT_OK && claim_count > 0)
        code = claim_all(notified, claims, claim_count, at_ms, &number);
    if (code == EXIT_OK && (has_turn || number != 0)) {
        code = commit(notified, claim_count);
    } else {
        /* Nothing was written; but what was read may be acted upon only if the files are there. */
        database_roll_back(notified->database);
        if (code == EXIT_OK)
            code = database_check_files(notified->database);
    }
    if (code == EXIT_OK)
        notified->claim_number = number;
    return code;
}

/* Nobody else claims what a run that lives has claimed, even if it stands still. */
static bool may_tell(const struct notified *base)
{
    (void)base;
    return true;
}

static bool may_pass(const struct notified *base)
{
    return database_is_locked(((const struct sqlite_notified *)base)->database);
}

static bool measure(struct notified *base, int64_t *bytes)
{
    return database_measure(((struct sqlite_notified *)base)->database, bytes);
}

static void idle(struct notified *base)
{
    database_checkpoint(((struct sqlite_notified *)base)->database);
}

static void close_notified(struct notified *base)
{
    struct sqlite_notified *notified = (struct sqlite_notified *)base;

    database_close(notified->database);
    runs_close(notified->runs);
    free(notified);
}

static const struct notified_operations operations = {.advance = advance,
                                                      .may_tell = may_tell,
                                                      .may_pass = may_pass,
                                                      .measure = measure,
                                                      .idle = idle,
                                                      .close = close_notified};

enum exit_code sqlite_notified_open(const char *path, int max_attempts, struct notified **out)
{
    struct sqlite_notified *notified = xcalloc(1, sizeof *notified);
    enum exit_code code = database_open(&notified_kind, path, DATABASE_CREATE, &notified->database);

    *out = NULL;
    notified->notified.operations = &operations;
    notified->max_attempts = max_attempts;
    if (code == EXIT_OK)
        code = runs_open(notified->database, &notified->runs);
    if (code == EXIT_OK)
        code = prepare(notified);
    if (code == EXIT_OK)
        code = database_room_open(notified->database);
    if (code != EXIT_OK)
        close_notified(&notified->notified);
    else
        *out = &notified->notified;
    return code;
}
