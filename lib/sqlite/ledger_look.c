#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "sqlite/database.h"
#include "sqlite/database_place.h"
#include "sqlite/ledger.h"
#include "sqlite/open.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUSY_MS 1000

/* Returns the URI by which to open path, to be freed with free(). Without a log nobody has the
 * file open, and it is opened as immutable, so that SQLite creates no files beside it. */
static char *uri_of(const char *path)
{
    char *log_path = database_join(path, "-wal");
    char *uri = database_uri(path, access(log_path, F_OK) != 0);

    free(log_path);
    return uri;
}

/* Reads count numbers of the first row. Returns an SQLite result code. */
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

/* Of the event of an order's end, the time is that of the end. */
#define COUNT_OWED                                                                     \
    "SELECT count(*), min(CASE WHEN owed.seq = handled.seq THEN at ELSE ended_at END)" \
    " FROM owed CROSS JOIN handled ON handled.seq = owed.seq & (4611686018427387904 - 1)"

/* In a ledger of an earlier version. */
#define COUNT_OWED_EARLIER "SELECT count(*), min(at) FROM owed CROSS JOIN handled USING (seq)"

static int look(sqlite3 *handle, struct ledger_outbox *outbox, bool *is_ledger)
{
    int64_t application = 0;
    int64_t numbers[2] = {0, 0};
    int result = read_numbers(handle, "PRAGMA application_id", &application, 1);

    *is_ledger = application == ledger_kind.application;
    if (result == SQLITE_OK && *is_ledger)
        result = read_numbers(handle, COUNT_OWED, numbers, 2);
    if (result == SQLITE_ERROR)
        result = read_numbers(handle, COUNT_OWED_EARLIER, numbers, 2);
    outbox->count = numbers[0];
    outbox->oldest_age_ms = numbers[0] == 0 ? 0 : clock_utc_ms() - numbers[1];
    return result;
}

/* Looks at the ledger at path. Returns false, with the reason, if that cannot be read. */
static bool look_at(const char *path, struct ledger_outbox *outbox, char reason[LEDGER_REASON_SIZE])
{
    char *uri = uri_of(path);
    sqlite3 *handle = NULL;
    bool is_ledger = true;
    int result = access(path, R_OK) == 0 ? SQLITE_OK : SQLITE_CANTOPEN;
    const char *why = result == SQLITE_OK ? NULL : strerror(errno);

    if (result == SQLITE_OK)
        result = sqlite3_open_v2(uri, &handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_busy_timeout(handle, BUSY_MS);
    if (result == SQLITE_OK)
        result = look(handle, outbox, &is_ledger);
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

enum ledger_look sqlite_ledger_look(const char *path, struct ledger_outbox *outbox,
                                    char reason[LEDGER_REASON_SIZE])
{
    const char *variable = getenv(ledger_kind.variable);
    bool is_named = path != NULL || (variable != NULL && *variable != '\0');
    char *place = path == NULL ? database_place(&ledger_kind) : xstrdup(path);
    enum ledger_look seen = LEDGER_ABSENT;

    if (place != NULL && (is_named || access(place, F_OK) == 0))
        seen = look_at(place, outbox, reason) ? LEDGER_SEEN : LEDGER_UNREADABLE;
    free(place);
    return seen;
}
