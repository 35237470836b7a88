/* orders_commit: storing orders and marking others as placed, in one round trip. */
#include "base/memory.h"
#include "postgres/orders.h"

#include <stdlib.h>
#include <string.h>

#define KNOWN ORDERS_COLUMNS "WHERE o.order_id = ANY ($1::uuid[])"

#define NEXT_NUMBER NEXT_SEQ("order_tools.orders")

/* In the order of ids, so that two that store the same orders do not wait for each other; of two
 * with the same id the first is stored. They are numbered in the order of placing before. */
#define STORE                                                                           \
    "WITH given AS MATERIALIZED (SELECT " NEXT_NUMBER " AS seq,"                        \
    " id, at, data, place FROM unnest($1::uuid[], $2::timestamptz[], $3::text[])"       \
    " WITH ORDINALITY AS listed (id, at, data, place)),"                                \
    " added AS (INSERT INTO order_tools.orders (seq, order_id, placed_at, data)"        \
    " OVERRIDING SYSTEM VALUE SELECT seq, id, at, data FROM given ORDER BY id, place"   \
    " ON CONFLICT (order_id) DO NOTHING RETURNING seq, order_id),"                      \
    " listed AS (INSERT INTO order_tools.pending (seq, run) SELECT seq, $4 FROM added)" \
    " SELECT seq, order_id FROM added"

/* Of the orders that this run has stored, those that belong to a trace. */
#define KEEP_TRACES                                                                          \
    "UPDATE order_tools.pending p SET trace = given.trace"                                   \
    " FROM unnest($1::uuid[], $2::text[]) AS given (id, trace)"                              \
    " JOIN LATERAL (SELECT seq FROM order_tools.orders WHERE order_id = given.id LIMIT 1) o" \
    " ON true WHERE p.seq = o.seq AND p.run = $3 AND p.trace IS NULL"

#define CONFIRM "DELETE FROM order_tools.pending WHERE seq = ANY ($1::bigint[])"

struct committing {
    struct postgres_orders *store;
    const struct orders_commit *commit;
    PGresult *known;
    PGresult *added;
    int *known_rows; /* of each order to be stored: its row in known, in added; -1 if it has none */
    int *added_rows;
};

static void forget(struct committing *committing)
{
    libpq.PQclear(committing->known);
    libpq.PQclear(committing->added);
    committing->known = committing->added = NULL;
    for (size_t i = 0; i < committing->commit->added_count; i++)
        committing->known_rows[i] = committing->added_rows[i] = -1;
}

/* ---- the round trip ---- */

static void fill_arrays(struct postgres_orders *store, const struct orders_commit *commit)
{
    array_start(&store->ids, ARRAY_UUID);
    array_start(&store->times, ARRAY_TIME);
    array_start(&store->data, ARRAY_TEXT);
    array_start(&store->keys, ARRAY_INT);
    for (size_t i = 0; i < commit->added_count; i++) {
        const struct stored_order *order = &commit->added[i];

        array_uuid(&store->ids, order->id);
        array_time(&store->times, order->placed_at);
        array_text(&store->data, order->data, order->data_len);
    }
    for (size_t i = 0; i < commit->placed_count; i++)
        array_int(&store->keys, commit->placed[i]);
    if (commit->added_count > 0)
        sought_list(&store->sought, commit->added[0].id, sizeof commit->added[0],
                    commit->added_count);
}

/* Those that are known are read first: so what is stored now is not among them. */
static void add_statements(struct postgres_orders *store, size_t *known, size_t *added)
{
    struct parameter_int run;
    struct parameter parameters[] = {parameter_array(&store->ids), parameter_array(&store->times),
                                     parameter_array(&store->data),
                                     parameter_int(run_number(store->run), &run)};

    *known = session_add(store->session, KNOWN, parameters, 1);
    *added = session_add(store->session, STORE, parameters, 4);
}

static void add_traces(struct postgres_orders *store, const struct orders_commit *commit)
{
    struct parameter_int run;
    size_t count = 0;

    for (size_t i = 0; i < commit->added_count; i++) {
        const struct stored_order *order = &commit->added[i];

        if (order->trace == NULL)
            continue;
        if (count++ == 0) {
            array_start(&store->traced, ARRAY_UUID);
            array_start(&store->traces, ARRAY_TEXT);
        }
        array_uuid(&store->traced, order->id);
        array_text(&store->traces, order->trace, strlen(order->trace));
    }
    if (count > 0)
        (void)session_add(store->session, KEEP_TRACES,
                          (struct parameter[]){parameter_array(&store->traced),
                                               parameter_array(&store->traces),
                                               parameter_int(run_number(store->run), &run)},
                          3);
}

static void add_confirm(struct postgres_orders *store, const struct array *placed)
{
    struct parameter keys = parameter_array(placed);

    (void)session_add(store->session, CONFIRM, &keys, 1);
}

bool postgres_orders_mark_again(struct session *session, void *context)
{
    struct postgres_orders *store = context;

    if (store->marked.count == 0)
        return true;
    session_begin(session, NULL);
    session_relax(session);
    add_confirm(store, &store->marked);
    return session_commit(session);
}

static void note_marks(struct postgres_orders *store, const struct orders_commit *commit)
{
    if (commit->added_count > 0)
        array_start(&store->marked, ARRAY_INT);
    for (size_t i = 0; i < commit->placed_count && commit->added_count == 0; i++)
        array_int(&store->marked, commit->placed[i]);
}

/* Returns whether an order was neither stored nor known. Of two with the same id only the first is
 * counted. */
static bool some_are_missing(const struct committing *committing)
{
    const struct sought_list *list = &committing->store->sought;

    for (size_t i = 0; i < list->count; i++) {
        size_t index = list->all[i].index;

        if (i > 0 && memcmp(list->all[i - 1].id, list->all[i].id, UUID_BYTES) == 0)
            continue;
        if (committing->known_rows[index] < 0 && committing->added_rows[index] < 0)
            return true;
    }
    return false;
}

/* Another process has stored an order between the two statements: it is known by now. */
static bool look_again(struct committing *committing)
{
    struct postgres_orders *store = committing->store;
    struct parameter ids = parameter_array(&store->ids);
    size_t place;

    if (!session_read(store->session, KNOWN, &ids, 1, &place))
        return false;
    libpq.PQclear(committing->known);
    committing->known = session_take_result(store->session, place);
    sought_rows(&store->sought, committing->known, 1, false, committing->known_rows);
    return true;
}

static bool store_and_confirm(struct session *session, void *context)
{
    struct committing *committing = context;
    const struct orders_commit *commit = committing->commit;
    struct postgres_orders *store = committing->store;
    size_t known = 0;
    size_t added = 0;

    forget(committing);
    session_begin(session, store->run);
    if (commit->added_count == 0)
        session_relax(session);
    else
        add_statements(store, &known, &added);
    add_traces(store, commit);
    if (commit->placed_count > 0)
        add_confirm(store, &store->keys);
    if (!session_commit(session))
        return false;
    if (commit->added_count == 0)
        return true;
    committing->known = session_take_result(session, known);
    committing->added = session_take_result(session, added);
    sought_rows(&store->sought, committing->known, 1, false, committing->known_rows);
    sought_rows(&store->sought, committing->added, 1, true, committing->added_rows);
    return !some_are_missing(committing) || look_again(committing);
}

/* ---- telling ---- */

/* Returns the order of the batch that has the id of the one at index, and was stored. */
static const struct stored_order *twin(const struct committing *committing, size_t index)
{
    const struct orders_commit *commit = committing->commit;

    for (size_t i = 0; i < index; i++)
        if (committing->added_rows[i] >= 0 &&
            memcmp(commit->added[i].id, commit->added[index].id, UUID_BYTES) == 0)
            return &commit->added[i];
    return NULL;
}

static const struct stored_order *outcome(const struct committing *committing, size_t index,
                                          struct stored_order *known)
{
    struct stored_order *order = &committing->commit->added[index];
    const struct stored_order *stored;

    if (committing->added_rows[index] >= 0) {
        order->key = result_int(committing->added, committing->added_rows[index], 0);
        order->status = ORDER_PENDING;
        return order;
    }
    if (committing->known_rows[index] >= 0) {
        orders_read_row(committing->known, committing->known_rows[index], known);
        return known;
    }
    stored = twin(committing, index);
    if (stored == NULL)
        die(EXIT_STORE, "an order that was stored was deleted right after");
    return stored;
}

static void tell(const struct committing *committing)
{
    const struct orders_commit *commit = committing->commit;
    struct stored_order known;

    for (size_t i = 0; i < commit->added_count; i++)
        (void)commit->visit(commit->context, i, outcome(committing, i, &known));
}

enum exit_code postgres_orders_commit(struct orders *base, const struct orders_commit *commit)
{
    struct postgres_orders *store = (struct postgres_orders *)base;
    struct committing committing = {
        .store = store,
        .commit = commit,
        .known_rows = xmalloc((commit->added_count + 1) * sizeof(int)),
        .added_rows = xmalloc((commit->added_count + 1) * sizeof(int)),
    };
    enum exit_code code;

    fill_arrays(store, commit);
    code = session_do(store->session, "store orders", store_and_confirm, &committing);
    if (code == EXIT_OK) {
        note_marks(store, commit);
        tell(&committing);
    }
    libpq.PQclear(committing.known);
    libpq.PQclear(committing.added);
    free(committing.known_rows);
    free(committing.added_rows);
    return code;
}
