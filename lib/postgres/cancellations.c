#include "store/cancellations.h"

#include "base/memory.h"
#include "postgres/open.h"
#include "postgres/orders.h"
#include "postgres/session.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_ROWS 256 /* cancellations that are read at once */

struct postgres_cancellations {
    struct cancellations cancellations; /* first, so that a pointer to it points to all of this */
    struct session *session;
    struct run *run;
    /* Memory that is used again. */
    struct sought_list sought;
    struct array ids;
    struct array times;
    struct array reasons;
    struct array traces;
    struct array keys;
};

#define FINAL "('FAILED', 'CANCELLED', 'HANDED_OVER')"

#define COLUMNS                                                                                \
    "SELECT o.seq, o.order_id, c.cancelled_at, c.reason, c.run IS NOT NULL AS pending, c.run," \
    " c.seq IS NOT NULL AS known, coalesce(u.status, ''), c.trace"                             \
    " FROM order_tools.orders o LEFT JOIN order_tools.outcomes u USING (seq) "

/* In the order of keys, so that two that cancel the same orders do not wait for each other. */
#define ADD                                                                                \
    "INSERT INTO order_tools.cancellations (seq, cancelled_at, reason, run, trace)"        \
    " SELECT o.seq, given.at, given.reason, $4::bigint, nullif(given.trace, '')"           \
    " FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $5::text[])"                  \
    " AS given (id, at, reason, trace) JOIN order_tools.orders o ON o.order_id = given.id" \
    " WHERE NOT EXISTS (SELECT 1 FROM order_tools.outcomes u WHERE u.seq = o.seq"          \
    " AND u.status IN " FINAL ") ORDER BY o.seq ON CONFLICT (seq) DO NOTHING"

#define FIND                                                    \
    COLUMNS "LEFT JOIN order_tools.cancellations c USING (seq)" \
            " WHERE o.order_id = ANY ($1::uuid[])"

#define PENDING                                            \
    COLUMNS "JOIN order_tools.cancellations c USING (seq)" \
            " WHERE c.run = $2 AND c.seq > $1 ORDER BY c.seq LIMIT $3"

static enum cancellation_state read_state(const PGresult *result, int row)
{
    static const struct {
        const char *status;
        enum cancellation_state state;
    } final[] = {{"FAILED", CANCELLATION_FAILED},
                 {"CANCELLED", CANCELLATION_CANCELLED},
                 {"HANDED_OVER", CANCELLATION_HANDED_OVER}};

    for (size_t i = 0; i < sizeof final / sizeof final[0]; i++)
        if (strcmp(libpq.PQgetvalue(result, row, 7), final[i].status) == 0)
            return final[i].state;
    return result_bool(result, row, 4) ? CANCELLATION_PENDING : CANCELLATION_SENT;
}

/* Reads a row of COLUMNS. Its reason lasts as long as the result. */
static void read_row(const PGresult *result, int row, struct cancellation *cancellation)
{
    cancellation->key = result_int(result, row, 0);
    if (libpq.PQgetlength(result, row, 1) == UUID_BYTES)
        memcpy(cancellation->id, libpq.PQgetvalue(result, row, 1), UUID_BYTES);
    cancellation->cancelled_at = result_time(result, row, 2);
    cancellation->reason = libpq.PQgetvalue(result, row, 3);
    cancellation->is_repeated = result_bool(result, row, 6);
    cancellation->trace =
        libpq.PQgetlength(result, row, 8) > 0 ? libpq.PQgetvalue(result, row, 8) : NULL;
    cancellation->state = read_state(result, row);
}

/* ---- storing ---- */

struct adding {
    struct postgres_cancellations *store;
    PGresult *found;
};

static void fill_arrays(struct postgres_cancellations *store, const struct cancellation *all,
                        size_t count)
{
    array_start(&store->ids, ARRAY_UUID);
    array_start(&store->times, ARRAY_TIME);
    array_start(&store->reasons, ARRAY_TEXT);
    array_start(&store->traces, ARRAY_TEXT);
    for (size_t i = 0; i < count; i++) {
        array_uuid(&store->ids, all[i].id);
        array_time(&store->times, all[i].cancelled_at);
        array_text(&store->reasons, all[i].reason, strlen(all[i].reason));
        array_text(&store->traces, all[i].trace == NULL ? "" : all[i].trace,
                   all[i].trace == NULL ? 0 : strlen(all[i].trace));
    }
    sought_list(&store->sought, all[0].id, sizeof all[0], count);
}

/* What is stored is read afterwards: so the first of an order is found, whoever has stored it. */
static bool store_all(struct session *session, void *context)
{
    struct adding *adding = context;
    struct postgres_cancellations *store = adding->store;
    struct parameter_int run;
    struct parameter parameters[] = {parameter_array(&store->ids), parameter_array(&store->times),
                                     parameter_array(&store->reasons),
                                     parameter_int(run_number(store->run), &run),
                                     parameter_array(&store->traces)};
    size_t place;

    session_begin(session, store->run);
    (void)session_add(session, ADD, parameters, 5);
    place = session_add(session, FIND, parameters, 1);
    if (!session_commit(session))
        return false;
    adding->found = session_take_result(session, place);
    return true;
}

/* Returns whether this call has stored it: perhaps before its commit was in doubt, and was done
 * again. */
static bool is_new(const struct adding *adding, int row, const struct cancellation *given,
                   const struct cancellation *stored)
{
    return stored->state == CANCELLATION_PENDING &&
           result_int(adding->found, row, 5) == run_number(adding->store->run) &&
           stored->cancelled_at == given->cancelled_at;
}

static void visit_added(const struct adding *adding, const struct cancellation *all, size_t count,
                        const int *rows, cancellations_visit *visit, void *context)
{
    for (size_t i = 0; i < count; i++) {
        struct cancellation stored = all[i];

        stored.state = CANCELLATION_UNKNOWN;
        if (rows[i] >= 0) {
            read_row(adding->found, rows[i], &stored);
            if (is_new(adding, rows[i], &all[i], &stored))
                stored.is_repeated = false;
        }
        (void)visit(context, i, &stored);
    }
}

static enum exit_code add(struct cancellations *base, const struct cancellation *all, size_t count,
                          cancellations_visit *visit, void *context)
{
    struct adding adding = {.store = (struct postgres_cancellations *)base};
    int *rows = xmalloc((count + 1) * sizeof *rows);
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < count; i++)
        rows[i] = -1;
    if (count > 0) {
        fill_arrays(adding.store, all, count);
        code = session_do(adding.store->session, "store cancellations", store_all, &adding);
    }
    if (code == EXIT_OK) {
        sought_rows(&adding.store->sought, adding.found, 1, true, rows);
        visit_added(&adding, all, count, rows, visit, context);
    }
    libpq.PQclear(adding.found);
    free(rows);
    return code;
}

/* Synced: after a crash of the server nobody would make it again before the next start. */
static bool mark(struct session *session, void *context)
{
    struct postgres_cancellations *store = context;
    struct parameter keys = parameter_array(&store->keys);

    session_begin(session, store->run);
    (void)session_add(
        session, "UPDATE order_tools.cancellations SET run = NULL WHERE seq = ANY ($1::bigint[])",
        &keys, 1);
    return session_commit(session);
}

static enum exit_code mark_sent(struct cancellations *base, const int64_t *keys, size_t count)
{
    struct postgres_cancellations *store = (struct postgres_cancellations *)base;

    array_start(&store->keys, ARRAY_INT);
    for (size_t i = 0; i < count; i++)
        array_int(&store->keys, keys[i]);
    return session_do(store->session, "mark cancellations as sent", mark, store);
}

/* ---- claiming ---- */

static bool some_are_left(struct session *session, bool *some)
{
    size_t place;

    if (!session_read(session,
                      "SELECT EXISTS (SELECT 1 FROM order_tools.cancellations c"
                      " WHERE c.run IS NOT NULL AND " RUN_IS_OVER("c.run") ")",
                      NULL, 0, &place))
        return false;
    *some = result_bool(session_result(session, place), 0, 0);
    return true;
}

/* One process after the other: the row of the version is the lock. */
static bool take_over(struct session *session, struct postgres_cancellations *store)
{
    struct parameter_int room;
    struct parameter number = parameter_int(run_number(store->run), &room);

    session_begin(session, store->run);
    (void)session_add(
        session, "SELECT 1 FROM order_tools.version WHERE domain = 'orders' FOR UPDATE", NULL, 0);
    (void)session_add(session, RUNS_END_EXPIRED, NULL, 0);
    (void)session_add(session,
                      "UPDATE order_tools.cancellations c SET run = $1"
                      " WHERE c.run IS NOT NULL AND " RUN_IS_OVER("c.run"),
                      &number, 1);
    return session_commit(session);
}

static bool claim_left(struct session *session, void *context)
{
    bool some;

    if (!some_are_left(session, &some))
        return false;
    /* Nearly always there are none, and no lock is taken. */
    return !some || take_over(session, context);
}

static enum exit_code claim(struct cancellations *base)
{
    return session_do(((struct postgres_cancellations *)base)->session,
                      "claim pending cancellations", claim_left, base);
}

/* ---- those that are pending ---- */

struct reading {
    struct postgres_cancellations *store;
    int64_t after;
    PGresult *page;
};

static bool read_page(struct session *session, void *context)
{
    struct reading *reading = context;
    struct parameter_int room[3];
    struct parameter parameters[] = {parameter_int(reading->after, &room[0]),
                                     parameter_int(run_number(reading->store->run), &room[1]),
                                     parameter_int(PAGE_ROWS, &room[2])};
    size_t place;

    if (!session_read(session, PENDING, parameters, 3, &place))
        return false;
    reading->page = session_take_result(session, place);
    return true;
}

/* Returns whether visit wants more, and there may be some. */
static bool visit_page(struct reading *reading, size_t *index, cancellations_visit *visit,
                       void *context)
{
    int rows = libpq.PQntuples(reading->page);

    for (int row = 0; row < rows; row++) {
        struct cancellation cancellation = {.key = 0};

        read_row(reading->page, row, &cancellation);
        reading->after = cancellation.key;
        if (!visit(context, (*index)++, &cancellation))
            return false;
    }
    return rows == PAGE_ROWS;
}

static enum exit_code each_pending(struct cancellations *base, int64_t after,
                                   cancellations_visit *visit, void *context)
{
    struct reading reading = {.store = (struct postgres_cancellations *)base, .after = after};
    enum exit_code code = EXIT_OK;
    size_t index = 0;
    bool goes_on = true;

    while (code == EXIT_OK && goes_on) {
        code = session_do(reading.store->session, "read cancellations", read_page, &reading);
        goes_on = code == EXIT_OK && visit_page(&reading, &index, visit, context);
        libpq.PQclear(reading.page);
        reading.page = NULL;
    }
    return code;
}

/* ---- the whole ---- */

static bool is_in_doubt(const struct cancellations *base)
{
    return session_is_in_doubt(((const struct postgres_cancellations *)base)->session);
}

static void idle(struct cancellations *base)
{
    (void)base;
}

static void close_cancellations(struct cancellations *base)
{
    struct postgres_cancellations *store = (struct postgres_cancellations *)base;

    session_close(store->session, store->run);
    free(store->sought.all);
    array_free(&store->ids);
    array_free(&store->times);
    array_free(&store->reasons);
    array_free(&store->traces);
    array_free(&store->keys);
    free(store);
}

static const struct cancellations_operations operations = {.add = add,
                                                           .mark_sent = mark_sent,
                                                           .claim = claim,
                                                           .each_pending = each_pending,
                                                           .is_in_doubt = is_in_doubt,
                                                           .idle = idle,
                                                           .close = close_cancellations};

enum exit_code postgres_cancellations_open(const char *uri, const struct store_patience *patience,
                                           struct cancellations **out)
{
    struct postgres_cancellations *store = xcalloc(1, sizeof *store);
    enum exit_code code =
        session_open(&postgres_orders_kind, uri, SESSION_CREATE, patience, &store->session);

    *out = NULL;
    store->cancellations.operations = &operations;
    if (code == EXIT_OK)
        store->run = session_start_run(store->session);
    if (code != EXIT_OK)
        close_cancellations(&store->cancellations);
    else
        *out = &store->cancellations;
    return code;
}
