/* orders_track: what became of orders, and what they are looked up by. */
#include "sqlite/database.h"
#include "sqlite/orders.h"

#include <string.h>

/* ---- outcomes ---- */

/* A status that is recorded has its time: so the same one is not recorded twice. */
#define RECORD(time)                                                                \
    "INSERT INTO outcomes (seq, status, reason, " time ") VALUES (?1, ?2, ?3, ?4)"  \
    " ON CONFLICT (seq) DO UPDATE SET status = max(status, excluded.status),"       \
    " reason = CASE WHEN excluded.status > status THEN excluded.reason ELSE reason" \
    " END, " time " = excluded." time " WHERE " time " IS NULL"

static enum exit_code prepare_record(struct sqlite_orders *store, enum order_status status)
{
    static const char *const sql[ORDER_STATUS_COUNT] = {[ORDER_RESERVED] = RECORD("reserved_at"),
                                                        [ORDER_FAILED] = RECORD("failed_at"),
                                                        [ORDER_CANCELLED] = RECORD("cancelled_at"),
                                                        [ORDER_HANDED_OVER] =
                                                            RECORD("handed_over_at")};

    return orders_prepare(store, &store->record[status], sql[status]);
}

/* An order that has its outcome waits for it no more. */
static enum exit_code end_waiting(struct sqlite_orders *store, int64_t key)
{
    enum exit_code code =
        orders_prepare(store, &store->end_waiting, "DELETE FROM awaited WHERE seq = ?1");

    if (code != EXIT_OK)
        return code;
    database_bind_int(store->end_waiting, 1, key);
    return database_run(store->database, store->end_waiting);
}

static enum exit_code find_key(struct sqlite_orders *store, const unsigned char id[UUID_BYTES],
                               int64_t *key, bool *found)
{
    enum exit_code code =
        orders_prepare(store, &store->key_of, "SELECT seq FROM orders WHERE order_id = ?1");

    if (code != EXIT_OK)
        return code;
    database_bind_blob(store->key_of, 1, id, UUID_BYTES);
    code = database_row(store->database, store->key_of, found);
    if (code == EXIT_OK && *found)
        *key = sqlite3_column_int64(store->key_of, 0);
    (void)sqlite3_reset(store->key_of);
    return code;
}

static enum exit_code record_one(struct sqlite_orders *store, struct order_outcome *outcome)
{
    sqlite3_stmt *statement;
    int64_t key = 0;
    bool found;
    enum exit_code code = find_key(store, outcome->id, &key, &found);

    outcome->standing = OUTCOME_HAS_NO_ORDER;
    if (code == EXIT_OK && found)
        code = prepare_record(store, outcome->status);
    if (code != EXIT_OK || !found)
        return code;
    statement = store->record[outcome->status];
    database_bind_int(statement, 1, key);
    database_bind_int(statement, 2, outcome->status);
    if (outcome->reason != NULL)
        database_bind_text(statement, 3, outcome->reason, strlen(outcome->reason));
    else
        (void)sqlite3_bind_null(statement, 3);
    database_bind_int(statement, 4, outcome->at);
    code = database_run(store->database, statement);
    outcome->standing =
        sqlite3_changes(sqlite3_db_handle(statement)) > 0 ? OUTCOME_IS_NEW : OUTCOME_IS_KNOWN;
    return code == EXIT_OK ? end_waiting(store, key) : code;
}

enum exit_code orders_record(struct orders *base, struct order_outcome *outcomes, size_t count)
{
    struct sqlite_orders *store = (struct sqlite_orders *)base;
    enum exit_code code = database_begin(store->database);

    if (code != EXIT_OK)
        return code;
    for (size_t i = 0; i < count && code == EXIT_OK; i++)
        code = record_one(store, &outcomes[i]);
    return database_end(store->database, code);
}

/* ---- listing ---- */

enum exit_code orders_listed(struct orders *base, int64_t *last)
{
    struct sqlite_orders *store = (struct sqlite_orders *)base;

    return orders_read_number(store, &store->listed, "SELECT max(seq) FROM listed", last);
}

/* One process writes at a time, and each takes the next keys. */
enum exit_code orders_settled(struct orders *base, int64_t *last)
{
    struct sqlite_orders *store = (struct sqlite_orders *)base;

    return orders_read_number(store, &store->settled, "SELECT max(seq) FROM orders", last);
}

static enum exit_code list_one(struct sqlite_orders *store, const struct order_traits *traits)
{
    database_bind_int(store->list, 1, traits->key);
    database_bind_int(store->list, 2, traits->placed_at);
    database_bind_text(store->list, 3, traits->user_id, strlen(traits->user_id));
    database_bind_text(store->list, 4, traits->restaurant_id, strlen(traits->restaurant_id));
    return database_run(store->database, store->list);
}

/* An order that comes after its outcome does not wait. */
static enum exit_code start_waiting(struct sqlite_orders *store, const struct order_traits *traits)
{
    database_bind_int(store->start_waiting, 1, traits->key);
    return database_run(store->database, store->start_waiting);
}

enum exit_code orders_list(struct orders *base, const struct order_traits *traits, size_t count)
{
    struct sqlite_orders *store = (struct sqlite_orders *)base;
    enum exit_code code =
        orders_prepare(store, &store->list,
                       "INSERT OR IGNORE INTO listed (seq, placed_at, user_id, restaurant_id)"
                       " VALUES (?1, ?2, ?3, ?4)");

    if (code == EXIT_OK)
        code = orders_prepare(store, &store->start_waiting,
                              "INSERT OR IGNORE INTO awaited (seq) SELECT ?1"
                              " WHERE NOT EXISTS (SELECT 1 FROM outcomes WHERE seq = ?1)");
    if (code == EXIT_OK)
        code = database_begin_relaxed(store->database);
    if (code != EXIT_OK)
        return code;
    for (size_t i = 0; i < count && code == EXIT_OK; i++) {
        code = list_one(store, &traits[i]);
        if (code == EXIT_OK)
            code = start_waiting(store, &traits[i]);
    }
    return database_end(store->database, code);
}

/* ---- finding ---- */

enum { BY_USER, BY_RESTAURANT, BY_WAITING, BY_OUTCOME, BY_TIME };

/* A plus keeps SQLite from using the index of that column, and CROSS JOIN from turning tables
 * round. The status is that of an outcome, or 0 (PENDING) or 1 (PLACED). */
#define FIND(from, user, restaurant, time)                                                   \
    "SELECT l.seq FROM " from " WHERE " user " AND " restaurant " AND " time                 \
    "l.placed_at >= ?3 AND " time "l.placed_at < ?4"                                         \
    " AND (?5 IS NULL OR ?5 = coalesce((SELECT status FROM outcomes x WHERE x.seq = l.seq)," \
    " NOT EXISTS (SELECT 1 FROM pending p WHERE p.seq = l.seq))) ORDER BY l.seq"

#define WAITING "awaited a CROSS JOIN listed l ON l.seq = a.seq"
#define WITH_OUTCOME "outcomes o CROSS JOIN listed l ON o.status = ?5 AND l.seq = o.seq"

static enum exit_code prepare_find(struct sqlite_orders *store, int by)
{
    static const char *const sql[] = {
        [BY_USER] =
            FIND("listed l", "l.user_id = ?1", "(?2 IS NULL OR +l.restaurant_id = ?2)", "+"),
        [BY_RESTAURANT] = FIND("listed l", "?1 IS NULL", "l.restaurant_id = ?2", "+"),
        [BY_WAITING] = FIND(WAITING, "?1 IS NULL", "?2 IS NULL", "+"),
        [BY_OUTCOME] = FIND(WITH_OUTCOME, "?1 IS NULL", "?2 IS NULL", "+"),
        [BY_TIME] = FIND("listed l", "?1 IS NULL", "?2 IS NULL", "")};

    return orders_prepare(store, &store->find_listed[by], sql[by]);
}

/* Few orders wait, fail or are cancelled: of the others a time is the smaller part. */
static int way_to_find(const struct orders_question *question)
{
    if (question->user_id != NULL)
        return BY_USER;
    if (question->restaurant_id != NULL)
        return BY_RESTAURANT;
    if (question->only == NULL)
        return BY_TIME;
    switch (*question->only) {
    case ORDER_PENDING:
    case ORDER_PLACED:
        return BY_WAITING;
    case ORDER_FAILED:
    case ORDER_CANCELLED:
        return BY_OUTCOME;
    default:
        return BY_TIME;
    }
}

static void bind_text_or_null(sqlite3_stmt *statement, int at, const char *text)
{
    if (text == NULL)
        (void)sqlite3_bind_null(statement, at);
    else
        database_bind_text(statement, at, text, strlen(text));
}

static void bind_question(sqlite3_stmt *statement, const struct orders_question *question)
{
    bind_text_or_null(statement, 1, question->user_id);
    bind_text_or_null(statement, 2, question->restaurant_id);
    database_bind_int(statement, 3, question->since_ms);
    database_bind_int(statement, 4, question->until_ms);
    if (question->only == NULL)
        (void)sqlite3_bind_null(statement, 5);
    else
        database_bind_int(statement, 5, *question->only);
}

enum exit_code orders_find_listed(struct orders *base, const struct orders_question *question,
                                  struct order_keys *keys)
{
    struct sqlite_orders *store = (struct sqlite_orders *)base;
    int by = way_to_find(question);
    enum exit_code code = prepare_find(store, by);
    sqlite3_stmt *statement = store->find_listed[by];
    bool found = true;

    if (code == EXIT_OK)
        bind_question(statement, question);
    while (code == EXIT_OK && found) {
        code = database_row(store->database, statement, &found);
        if (code == EXIT_OK && found)
            order_keys_add(keys, sqlite3_column_int64(statement, 0));
    }
    (void)sqlite3_reset(statement);
    return code;
}
