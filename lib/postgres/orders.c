#include "postgres/orders.h"

#include "base/memory.h"
#include "postgres/open.h"
#include "postgres/size.h"

#include <stdlib.h>
#include <string.h>

extern const char orders_sql[];
extern const char orders_2_sql[];
extern const char orders_3_sql[];

static const char *const scripts[] = {orders_sql, orders_2_sql, orders_3_sql};

const struct session_kind postgres_orders_kind = {.variable = "ORDER_STORE",
                                                  .domain = "orders",
                                                  .version = sizeof scripts / sizeof scripts[0],
                                                  .scripts = scripts};

/* ---- claiming ---- */

struct claiming {
    struct postgres_orders *store;
    bool has_tried; /* perhaps with success, and without an answer: then they are its own */
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
    if (!some && !claiming->has_tried)
        return true;
    claiming->has_tried = true;
    return take_over(session, claiming);
}

static enum exit_code claim(struct orders *base, int64_t *last)
{
    struct claiming claiming = {.store = (struct postgres_orders *)base};
    enum exit_code code =
        session_do(claiming.store->session, "claim pending orders", claim_left, &claiming);

    *last = claiming.last;
    return code;
}

/* ---- the whole ---- */

/* commit() returns once the commit was answered. */
static enum exit_code await(struct orders *base)
{
    (void)base;
    return EXIT_OK;
}

static bool measure_tables(struct session *session, void *bytes)
{
    return size_of_tables(session,
                          "{order_tools.orders, order_tools.pending, order_tools.outcomes,"
                          " order_tools.listed, order_tools.awaited, order_tools.cancellations}",
                          bytes);
}

static bool measure(struct orders *base, int64_t *bytes)
{
    return session_look(((struct postgres_orders *)base)->session, measure_tables, bytes);
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
    array_free(&store->traced);
    array_free(&store->traces);
    array_free(&store->keys);
    array_free(&store->statuses);
    array_free(&store->reasons);
    array_free(&store->marked);
    free(store);
}

static const struct orders_operations operations = {.commit = postgres_orders_commit,
                                                    .await = await,
                                                    .find = postgres_orders_find,
                                                    .claim = claim,
                                                    .each_pending = postgres_orders_each_pending,
                                                    .each = postgres_orders_each,
                                                    .count = postgres_orders_count,
                                                    .record = postgres_orders_record,
                                                    .listed = postgres_orders_listed,
                                                    .settled = postgres_orders_settled,
                                                    .list = postgres_orders_list,
                                                    .find_listed = postgres_orders_find_listed,
                                                    .fetch = postgres_orders_fetch,
                                                    .may_pass = may_pass,
                                                    .is_in_doubt = is_in_doubt,
                                                    .is_locked = is_locked,
                                                    .measure = measure,
                                                    .idle = idle,
                                                    .close = close_orders};

enum exit_code postgres_orders_open(const char *uri, enum orders_access access,
                                    const struct store_patience *patience, struct orders **out)
{
    struct postgres_orders *store = xcalloc(1, sizeof *store);
    bool place = access == ORDERS_PLACE;
    enum exit_code code = session_open(&postgres_orders_kind, uri,
                                       access == ORDERS_LOOK ? SESSION_READ : SESSION_CREATE,
                                       patience, &store->session);

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
