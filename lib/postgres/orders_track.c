/* orders_track: what became of orders, and what they are looked up by. */
#include "base/memory.h"
#include "postgres/orders.h"

#include <stdlib.h>
#include <string.h>

/* ---- outcomes ---- */

#define STATUSES "'{RESERVED,FAILED,CANCELLED,HANDED_OVER}'::text[]"
#define RANK "array_position(" STATUSES ", status)"

/* SQL: what is recorded comes later in an order's life than what was there. */
#define IS_LATER \
    "array_position(" STATUSES ", excluded.status) > array_position(" STATUSES ", known.status)"

/* A status that is recorded has its time: so the same one is not recorded twice. In the order of
 * keys, so that two that record the same outcomes do not wait for each other. */
#define RECORD                                                                           \
    "WITH given AS (SELECT seq, status, at, nullif(reason, '') AS reason"                \
    " FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[])"                \
    " AS listed (id, status, at, reason) JOIN order_tools.orders o ON o.order_id = id)," \
    " merged AS (SELECT seq, (array_agg(status ORDER BY " RANK " DESC))[1] AS status,"   \
    " (array_agg(reason ORDER BY " RANK " DESC))[1] AS reason,"                          \
    " min(at) FILTER (WHERE status = 'RESERVED') AS reserved_at,"                        \
    " min(at) FILTER (WHERE status = 'FAILED') AS failed_at,"                            \
    " min(at) FILTER (WHERE status = 'CANCELLED') AS cancelled_at,"                      \
    " min(at) FILTER (WHERE status = 'HANDED_OVER') AS handed_over_at"                   \
    " FROM given GROUP BY seq),"                                                         \
    " recorded AS (INSERT INTO order_tools.outcomes AS known"                            \
    " (seq, status, reason, reserved_at, failed_at, cancelled_at, handed_over_at)"       \
    " SELECT * FROM merged ORDER BY seq"                                                 \
    " ON CONFLICT (seq) DO UPDATE SET"                                                   \
    " status = CASE WHEN " IS_LATER " THEN excluded.status ELSE known.status END,"       \
    " reason = CASE WHEN " IS_LATER " THEN excluded.reason ELSE known.reason END,"       \
    " reserved_at = coalesce(known.reserved_at, excluded.reserved_at),"                  \
    " failed_at = coalesce(known.failed_at, excluded.failed_at),"                        \
    " cancelled_at = coalesce(known.cancelled_at, excluded.cancelled_at),"               \
    " handed_over_at = coalesce(known.handed_over_at, excluded.handed_over_at)"          \
    " WHERE known.reserved_at IS NULL AND excluded.reserved_at IS NOT NULL"              \
    " OR known.failed_at IS NULL AND excluded.failed_at IS NOT NULL"                     \
    " OR known.cancelled_at IS NULL AND excluded.cancelled_at IS NOT NULL"               \
    " OR known.handed_over_at IS NULL AND excluded.handed_over_at IS NOT NULL"           \
    " RETURNING known.seq)"                                                              \
    " SELECT o.order_id FROM recorded JOIN order_tools.orders o USING (seq)"

/* Those that have their outcome wait for it no more. */
#define END_WAITING                                                \
    "DELETE FROM order_tools.awaited a USING order_tools.orders o" \
    " WHERE o.order_id = ANY ($1::uuid[]) AND a.seq = o.seq"

/* What is recorded already, by order, in the order of an order's life. Locked, so that it stays so;
 * in the order of keys, as RECORD does. */
#define FIND_RECORDED                                                                       \
    "SELECT o.order_id, x.reserved_at IS NOT NULL, x.failed_at IS NOT NULL,"                \
    " x.cancelled_at IS NOT NULL, x.handed_over_at IS NOT NULL FROM order_tools.outcomes x" \
    " JOIN order_tools.orders o USING (seq) WHERE o.order_id = ANY ($1::uuid[])"            \
    " ORDER BY x.seq FOR UPDATE OF x"

#define FIND_STORED "SELECT order_id FROM order_tools.orders WHERE order_id = ANY ($1::uuid[])"

struct recording {
    struct postgres_orders *store;
    struct order_outcome *outcomes;
    size_t count;
    int *rows;         /* of one of the results, for each outcome; -1 for none */
    PGresult *stored;  /* orders that are stored, */
    PGresult *before;  /* what was recorded of them, */
    PGresult *changed; /* and those of which something was recorded now */
};

static bool record_all(struct session *session, void *context)
{
    struct recording *recording = context;
    struct postgres_orders *store = recording->store;
    struct parameter parameters[] = {
        parameter_array(&store->ids), parameter_array(&store->statuses),
        parameter_array(&store->times), parameter_array(&store->reasons)};
    size_t before;
    size_t changed;
    size_t stored;

    session_begin(session, NULL);
    before = session_add(session, FIND_RECORDED, parameters, 1);
    changed = session_add(session, RECORD, parameters, 4);
    (void)session_add(session, END_WAITING, parameters, 1);
    stored = session_add(session, FIND_STORED, parameters, 1);
    if (!session_commit(session))
        return false;
    recording->before = session_take_result(session, before);
    recording->changed = session_take_result(session, changed);
    recording->stored = session_take_result(session, stored);
    return true;
}

static void fill_arrays(struct postgres_orders *store, const struct order_outcome *outcomes,
                        size_t count)
{
    array_start(&store->ids, ARRAY_UUID);
    array_start(&store->statuses, ARRAY_TEXT);
    array_start(&store->times, ARRAY_TIME);
    array_start(&store->reasons, ARRAY_TEXT);
    for (size_t i = 0; i < count; i++) {
        const char *status = order_status_name(outcomes[i].status);
        const char *reason = outcomes[i].reason == NULL ? "" : outcomes[i].reason;

        array_uuid(&store->ids, outcomes[i].id);
        array_text(&store->statuses, status, strlen(status));
        array_time(&store->times, outcomes[i].at);
        array_text(&store->reasons, reason, strlen(reason));
    }
}

/* Finds the row of each outcome's order in a result whose first column is its id. */
static void find_rows(struct recording *recording, const PGresult *result)
{
    for (size_t i = 0; i < recording->count; i++)
        recording->rows[i] = -1;
    sought_rows(&recording->store->sought, result, 0, false, recording->rows);
}

static void set_all(struct recording *recording, const PGresult *result, int standing)
{
    find_rows(recording, result);
    for (size_t i = 0; i < recording->count; i++)
        if (recording->rows[i] >= 0)
            recording->outcomes[i].standing = (unsigned)standing;
}

/* Of an order of which something was recorded not all need be new: some of it was known before. */
static void set_known_before(struct recording *recording)
{
    find_rows(recording, recording->before);
    for (size_t i = 0; i < recording->count; i++) {
        struct order_outcome *outcome = &recording->outcomes[i];
        int column = 1 + (int)outcome->status - ORDER_RESERVED;

        if (recording->rows[i] >= 0 && result_bool(recording->before, recording->rows[i], column))
            outcome->standing = OUTCOME_IS_KNOWN;
    }
}

/* Of copies the first alone is new. */
static void set_copies(struct recording *recording)
{
    const struct sought *sought = recording->store->sought.all;
    bool is_seen[ORDER_STATUS_COUNT] = {false};

    for (size_t i = 0; i < recording->count; i++) {
        struct order_outcome *outcome = &recording->outcomes[sought[i].index];

        if (i > 0 && memcmp(sought[i - 1].id, sought[i].id, UUID_BYTES) != 0)
            memset(is_seen, 0, sizeof is_seen);
        if (is_seen[outcome->status] && outcome->standing == OUTCOME_IS_NEW)
            outcome->standing = OUTCOME_IS_KNOWN;
        is_seen[outcome->status] = true;
    }
}

static void set_standings(struct recording *recording)
{
    for (size_t i = 0; i < recording->count; i++)
        recording->outcomes[i].standing = OUTCOME_HAS_NO_ORDER;
    set_all(recording, recording->stored, OUTCOME_IS_KNOWN);
    set_all(recording, recording->changed, OUTCOME_IS_NEW);
    set_known_before(recording);
    set_copies(recording);
}

enum exit_code postgres_orders_record(struct orders *base, struct order_outcome *outcomes,
                                      size_t count)
{
    struct postgres_orders *store = (struct postgres_orders *)base;
    struct recording recording = {.store = store, .outcomes = outcomes, .count = count};
    enum exit_code code;

    if (count == 0)
        return EXIT_OK;
    fill_arrays(store, outcomes, count);
    sought_list(&store->sought, outcomes[0].id, sizeof outcomes[0], count);
    code = session_do(store->session, "record outcomes", record_all, &recording);
    recording.rows = xmalloc(count * sizeof *recording.rows);
    if (code == EXIT_OK)
        set_standings(&recording);
    free(recording.rows);
    libpq.PQclear(recording.stored);
    libpq.PQclear(recording.before);
    libpq.PQclear(recording.changed);
    return code;
}

/* ---- listing ---- */

enum exit_code postgres_orders_listed(struct orders *base, int64_t *last)
{
    struct orders_reading reading = {.sql = "SELECT coalesce(max(seq), 0) FROM order_tools.listed"};
    enum exit_code code = orders_run_reading((struct postgres_orders *)base, &reading);

    *last = code == EXIT_OK ? result_int(reading.result, 0, 0) : 0;
    libpq.PQclear(reading.result);
    return code;
}

/*
 * Orders get their keys before they are committed, so that one with a smaller key may appear after
 * another. A transaction that takes keys has a number by then. So once all transactions are over
 * that had a number when a key was seen, nothing can appear before that key.
 */
enum exit_code postgres_orders_settled(struct orders *base, int64_t *last)
{
    struct postgres_orders *store = (struct postgres_orders *)base;
    struct orders_reading reading = {
        .sql = "SELECT (SELECT coalesce(max(seq), 0) FROM order_tools.orders),"
               " txid_snapshot_xmin(s), txid_snapshot_xmax(s) FROM txid_current_snapshot() s"};
    enum exit_code code = orders_run_reading(store, &reading);

    if (code == EXIT_OK) {
        int64_t seen = result_int(reading.result, 0, 0);
        int64_t oldest = result_int(reading.result, 0, 1);
        int64_t next = result_int(reading.result, 0, 2);

        if (oldest >= store->settling_at)
            store->settled = store->settling;
        if (oldest >= next)
            store->settled = seen;
        if (oldest >= store->settling_at) {
            store->settling = seen;
            store->settling_at = next;
        }
    }
    libpq.PQclear(reading.result);
    *last = store->settled;
    return code;
}

/* Not synced: a server that has crashed has forgotten the last, and they are listed again. */
static bool list_all(struct session *session, void *context)
{
    struct postgres_orders *store = context;
    struct parameter parameters[] = {parameter_array(&store->keys), parameter_array(&store->times),
                                     parameter_array(&store->statuses),
                                     parameter_array(&store->reasons)};

    session_begin(session, NULL);
    session_relax(session);
    (void)session_add(session,
                      "INSERT INTO order_tools.listed (seq, placed_at, user_id, restaurant_id)"
                      " SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::text[],"
                      " $4::text[]) ON CONFLICT DO NOTHING",
                      parameters, 4);
    (void)session_add(session,
                      "INSERT INTO order_tools.awaited (seq) SELECT seq"
                      " FROM unnest($1::bigint[]) AS given (seq) WHERE NOT EXISTS"
                      " (SELECT 1 FROM order_tools.outcomes x WHERE x.seq = given.seq)"
                      " ON CONFLICT DO NOTHING",
                      parameters, 1);
    return session_commit(session);
}

enum exit_code postgres_orders_list(struct orders *base, const struct order_traits *traits,
                                    size_t count)
{
    struct postgres_orders *store = (struct postgres_orders *)base;

    array_start(&store->keys, ARRAY_INT);
    array_start(&store->times, ARRAY_TIME);
    array_start(&store->statuses, ARRAY_TEXT);
    array_start(&store->reasons, ARRAY_TEXT);
    for (size_t i = 0; i < count; i++) {
        array_int(&store->keys, traits[i].key);
        array_time(&store->times, traits[i].placed_at);
        array_text(&store->statuses, traits[i].user_id, strlen(traits[i].user_id));
        array_text(&store->reasons, traits[i].restaurant_id, strlen(traits[i].restaurant_id));
    }
    return session_do(store->session, "list orders", list_all, store);
}

/* ---- finding ---- */

/* What is not asked for is "". The times are milliseconds, so that any can be asked for. */
#define FIND(of_status, user, restaurant)                                                \
    "SELECT l.seq FROM order_tools.listed l" of_status " WHERE " user " AND " restaurant \
    " AND l.placed_at >= 'epoch'::timestamptz + $3::bigint * interval '1 millisecond'"   \
    " AND l.placed_at < 'epoch'::timestamptz + $4::bigint * interval '1 millisecond'"    \
    " ORDER BY l.seq"

#define OF_ANY_STATUS " JOIN (SELECT $5::text) given ON true"
#define OF_OUTCOME " JOIN order_tools.outcomes x ON x.seq = l.seq AND x.status = $5"
#define WAITING                                                                              \
    " JOIN order_tools.awaited a USING (seq) LEFT JOIN order_tools.pending p USING (seq)"    \
    " JOIN (SELECT $5::text AS status) given ON (given.status = 'PLACED') = (p.seq IS NULL)" \
    " AND NOT EXISTS (SELECT 1 FROM order_tools.outcomes x WHERE x.seq = l.seq)"

/* All, of a restaurant, of a user, of both. */
#define FINDS(of_status)                                              \
    {                                                                 \
        FIND(of_status, "$1::text = ''", "$2::text = ''"),            \
            FIND(of_status, "$1::text = ''", "l.restaurant_id = $2"), \
            FIND(of_status, "l.user_id = $1", "$2::text = ''"),       \
            FIND(of_status, "l.user_id = $1", "l.restaurant_id = $2") \
    }

/* The first millisecond of the year 10000: what is placed later is of another time. */
#define LATEST_MS INT64_C(253402300800000)

static const char *sql_of_question(const struct orders_question *question)
{
    static const char *const sql[][4] = {FINDS(OF_ANY_STATUS), FINDS(WAITING), FINDS(OF_OUTCOME)};
    int of_status = question->only == NULL ? 0 : *question->only < ORDER_RESERVED ? 1 : 2;

    return sql[of_status][2 * (question->user_id != NULL) + (question->restaurant_id != NULL)];
}

enum exit_code postgres_orders_find_listed(struct orders *base,
                                           const struct orders_question *question,
                                           struct order_keys *keys)
{
    const char *status = question->only == NULL ? "" : order_status_name(*question->only);
    struct parameter_int rooms[2];
    struct orders_reading reading = {
        .sql = sql_of_question(question),
        .parameters = {parameter_text(question->user_id == NULL ? "" : question->user_id),
                       parameter_text(question->restaurant_id == NULL ? ""
                                                                      : question->restaurant_id),
                       parameter_int(question->since_ms, &rooms[0]),
                       parameter_int(question->until_ms < LATEST_MS ? question->until_ms
                                                                    : LATEST_MS,
                                     &rooms[1]),
                       parameter_text(status)},
        .count = 5};
    enum exit_code code = orders_run_reading((struct postgres_orders *)base, &reading);

    for (int row = 0; code == EXIT_OK && row < libpq.PQntuples(reading.result); row++)
        order_keys_add(keys, result_int(reading.result, row, 0));
    libpq.PQclear(reading.result);
    return code;
}
