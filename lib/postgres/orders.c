#include "postgres/orders.h"

#include "base/memory.h"
#include "postgres/open.h"

#include <stdlib.h>
#include <string.h>

extern const char orders_sql[];
extern const char orders_2_sql[];

static const char *const scripts[] = {orders_sql, orders_2_sql};

const struct session_kind postgres_orders_kind = {.variable = "ORDER_STORE",
                                                  .domain = "orders",
                                                  .version = sizeof scripts / sizeof scripts[0],
                                                  .scripts = scripts};

#define PAGE_ROWS 256      /* orders that are read at once, if they are not large; */
#define PAGE_ROWS_FIRST 16 /* the first time so many, for a visit that wants few */

/* SQL that reads the orders of a condition, $2 of them or as many as reach a MiB. */
#define PAGE(condition, key)                                                          \
    "SELECT seq, order_id, placed_at, data, pending FROM (SELECT chosen.*,"           \
    " sum(octet_length(data)) OVER (ORDER BY seq) - octet_length(data) AS before"     \
    " FROM (" ORDERS_COLUMNS "WHERE " condition " ORDER BY " key " LIMIT $2) chosen)" \
    " page WHERE before < 1048576 ORDER BY seq"

/* ---- claiming ---- */

struct claiming {
    struct postgres_orders *store;
    int64_t last;
};

static bool some_are_left(struct session *session, bool *some)
{
    size_t place;

    if (!session_read(
            session,
            "SELECT EXISTS (SELECT 1 FROM order_tools.pending p WHERE " RUN_IS_OVER("p.run") ")",
            NULL, 0, &place))
        return false;
    *some = result_bool(session_result(session, place), 0, 0);
    return true;
}

/* One process after the other: the row of the version is the lock. */
static bool take_over(struct session *session, struct claiming *claiming)
{
    struct run *run = claiming->store->run;
    struct parameter_int room;
    struct parameter number = parameter_int(run_number(run), &room);
    size_t place;

    session_begin(session, run);
    (void)session_add(
        session, "SELECT 1 FROM order_tools.version WHERE domain = 'orders' FOR UPDATE", NULL, 0);
    (void)session_add(session, RUNS_END_EXPIRED, NULL, 0);
    (void)session_add(session,
                      "UPDATE order_tools.pending p SET run = $1 WHERE " RUN_IS_OVER("p.run"),
                      &number, 1);
    place =
        session_add(session, "SELECT coalesce(max(seq), 0) FROM order_tools.pending WHERE run = $1",
                    &number, 1);
    if (!session_commit(session))
        return false;
    claiming->last = result_int(session_result(session, place), 0, 0);
    return true;
}

static bool claim_left(struct session *session, void *context)
{
    struct claiming *claiming = context;
    bool some;

    if (!some_are_left(session, &some))
        return false;
    /* Nearly always there are none, and no lock is taken. */
    return !some || take_over(session, claiming);
}

static enum exit_code claim(struct orders *base, int64_t *last)
{
    struct claiming claiming = {.store = (struct postgres_orders *)base};
    enum exit_code code =
        session_do(claiming.store->session, "claim pending orders", claim_left, &claiming);

    *last = claiming.last;
    return code;
}

/* ---- reading ---- */

/* A statement, and what it gives. */
struct reading {
    const char *sql;
    struct parameter parameters[4];
    size_t count;
    PGresult *result;
};

static bool read_rows(struct session *session, void *context)
{
    struct reading *reading = context;
    size_t place;

    if (!session_read(session, reading->sql, reading->parameters, reading->count, &place))
        return false;
    reading->result = session_take_result(session, place);
    return true;
}

/* The result is to be freed with PQclear(). */
static enum exit_code run_reading(struct postgres_orders *store, struct reading *reading)
{
    return session_do(store->session, "read orders", read_rows, reading);
}

static void visit_found(const struct reading *reading, const int *rows, size_t count,
                        orders_visit *visit, void *context)
{
    bool goes_on = true;

    for (size_t i = 0; i < count && goes_on; i++) {
        struct stored_order order;

        if (rows[i] >= 0)
            orders_read_row(reading->result, rows[i], &order);
        goes_on = visit(context, i, rows[i] >= 0 ? &order : NULL);
    }
}

static enum exit_code find(struct orders *base, const unsigned char (*ids)[UUID_BYTES],
                           size_t count, orders_visit *visit, void *context)
{
    struct postgres_orders *store = (struct postgres_orders *)base;
    struct reading reading = {.sql = ORDERS_COLUMNS "WHERE o.order_id = ANY ($1::uuid[])",
                              .count = 1};
    int *rows = xmalloc((count + 1) * sizeof *rows);
    enum exit_code code;

    array_start(&store->ids, ARRAY_UUID);
    for (size_t i = 0; i < count; i++) {
        array_uuid(&store->ids, ids[i]);
        rows[i] = -1;
    }
    sought_list(&store->sought, (const unsigned char *)ids, UUID_BYTES, count);
    reading.parameters[0] = parameter_array(&store->ids);
    code = run_reading(store, &reading);
    if (code == EXIT_OK) {
        sought_rows(&store->sought, reading.result, 1, false, rows);
        visit_found(&reading, rows, count, visit, context);
    }
    libpq.PQclear(reading.result);
    free(rows);
    return code;
}

/* Visits the rows of a page. Sets *after to the key of the last. Returns whether to read on. */
static bool visit_page(const PGresult *page, size_t *index, int64_t *after, orders_visit *visit,
                       void *context)
{
    int rows = libpq.PQntuples(page);

    for (int row = 0; row < rows; row++) {
        struct stored_order order;

        orders_read_row(page, row, &order);
        *after = order.key;
        if (!visit(context, (*index)++, &order))
            return false;
    }
    return rows > 0;
}

/* Visits page by page what a statement finds: $1 is the key after which a page begins, $2 the
 * number of its rows. */
static enum exit_code visit_pages(struct postgres_orders *store, struct reading *reading,
                                  int64_t after, orders_visit *visit, void *context)
{
    struct parameter_int room[2];
    int64_t rows = PAGE_ROWS_FIRST;
    size_t index = 0;
    bool goes_on = true;
    enum exit_code code = EXIT_OK;

    while (goes_on && code == EXIT_OK) {
        PGresult *page;

        reading->parameters[0] = parameter_int(after, &room[0]);
        reading->parameters[1] = parameter_int(rows, &room[1]);
        code = run_reading(store, reading);
        page = reading->result;
        reading->result = NULL;
        goes_on = code == EXIT_OK && visit_page(page, &index, &after, visit, context);
        libpq.PQclear(page);
        rows = PAGE_ROWS;
    }
    return code;
}

static enum exit_code each_pending(struct orders *base, int64_t after, int64_t last,
                                   orders_visit *visit, void *context)
{
    struct postgres_orders *store = (struct postgres_orders *)base;
    struct parameter_int room[2];
    struct reading reading = {.sql = PAGE("p.seq > $1 AND p.seq <= $3 AND p.run = $4", "p.seq"),
                              .count = 4};

    reading.parameters[2] = parameter_int(last, &room[0]);
    reading.parameters[3] = parameter_int(run_number(store->run), &room[1]);
    return visit_pages(store, &reading, after, visit, context);
}

static enum exit_code each(struct orders *base, const enum order_status *only, int64_t after,
                           orders_visit *visit, void *context)
{
    struct reading reading = {.count = 2};

    if (only == NULL)
        reading.sql = PAGE("o.seq > $1", "o.seq");
    else if (*only == ORDER_PENDING)
        reading.sql = PAGE("p.seq > $1", "p.seq");
    else
        reading.sql = PAGE("o.seq > $1 AND p.seq IS NULL", "o.seq");
    return visit_pages((struct postgres_orders *)base, &reading, after, visit, context);
}

static enum exit_code count_orders(struct orders *base, const enum order_status *only,
                                   int64_t *count)
{
    struct reading reading = {.sql = "SELECT (SELECT count(*) FROM order_tools.orders),"
                                     " (SELECT count(*) FROM order_tools.pending)"};
    enum exit_code code = run_reading((struct postgres_orders *)base, &reading);

    if (code == EXIT_OK) {
        int64_t all = result_int(reading.result, 0, 0);
        int64_t pending = result_int(reading.result, 0, 1);

        *count = only == NULL ? all : *only == ORDER_PENDING ? pending : all - pending;
    }
    libpq.PQclear(reading.result);
    return code;
}

/* ---- the whole ---- */

/* commit() returns once the commit was answered. */
static enum exit_code await(struct orders *base)
{
    (void)base;
    return EXIT_OK;
}

/* Without it, what the server has forgotten would be made good by the next commit only. */
static void idle(struct orders *base)
{
    struct postgres_orders *store = (struct postgres_orders *)base;

    if (store->marked.count > 0)
        session_rest(store->session);
}

static bool may_pass(const struct orders *base)
{
    return session_may_pass(((const struct postgres_orders *)base)->session);
}

static bool is_in_doubt(const struct orders *base)
{
    return session_is_in_doubt(((const struct postgres_orders *)base)->session);
}

/* A lock of others that lasts is as if the database were away. */
static bool is_locked(const struct orders *base)
{
    (void)base;
    return false;
}

static void close_orders(struct orders *base)
{
    struct postgres_orders *store = (struct postgres_orders *)base;

    session_close(store->session, store->run);
    free(store->sought.all);
    array_free(&store->ids);
    array_free(&store->times);
    array_free(&store->data);
    array_free(&store->keys);
    array_free(&store->marked);
    free(store);
}

static const struct orders_operations operations = {.commit = postgres_orders_commit,
                                                    .await = await,
                                                    .find = find,
                                                    .claim = claim,
                                                    .each_pending = each_pending,
                                                    .each = each,
                                                    .count = count_orders,
                                                    .may_pass = may_pass,
                                                    .is_in_doubt = is_in_doubt,
                                                    .is_locked = is_locked,
                                                    .idle = idle,
                                                    .close = close_orders};

enum exit_code postgres_orders_open(const char *uri, enum orders_access access,
                                    const struct store_patience *patience, struct orders **out)
{
    struct postgres_orders *store = xcalloc(1, sizeof *store);
    bool place = access == ORDERS_PLACE;
    enum exit_code code =
        session_open(&postgres_orders_kind, uri, place ? SESSION_CREATE : SESSION_READ, patience,
                     &store->session);

    *out = NULL;
    store->orders.operations = &operations;
    if (code == EXIT_OK && place) {
        store->run = session_start_run(store->session);
        array_start(&store->marked, ARRAY_INT);
        session_renew_by(store->session, postgres_orders_mark_again, store);
    }
    /* One order should not take longer for it. */
    if (code == EXIT_OK && place && patience != NULL && patience->never_waits)
        code = session_enter_run(store->session, store->run);
    if (code != EXIT_OK)
        close_orders(&store->orders);
    else
        *out = &store->orders;
    return code;
}
