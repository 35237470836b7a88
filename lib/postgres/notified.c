#include "postgres/notified.h"

#include "base/clock.h"
#include "base/memory.h"
#include "postgres/open.h"
#include "postgres/runs.h"
#include "postgres/session.h"
#include "postgres/size.h"
#include "store/notified.h"

#include <stdlib.h>
#include <string.h>

extern const char notified_sql[];

static const char *const scripts[] = {notified_sql};

const struct session_kind postgres_notified_kind = {.variable = "NOTIFY_LEDGER",
                                                    .domain = "notified",
                                                    .version = sizeof scripts / sizeof scripts[0],
                                                    .scripts = scripts};

/* For so long after a call its claims are surely this run's: session_extend() leaves more. */
#define CLAIMS_ARE_FRESH_MS (RUN_EXTENDED_MS - 5000)

/* After the database was away others need so long, at most, to renew their leases. */
#define SETTLED_MS 15000

/* $1: orders. Whoever is telling one of them now: it was told. */
#define TELL                                                                             \
    "UPDATE order_tools.notified SET status = 'TOLD', told_at = now(), run = NULL WHERE" \
    " order_id = ANY ($1::text[]) AND status <> 'TOLD'"

/* $1: orders; $2: attempts of each; $3: this run. */
#define FREE                                                                                   \
    "UPDATE order_tools.notified n SET status = 'FREE', attempts = given.attempts, run = NULL" \
    " FROM unnest($1::text[], $2::bigint[]) AS given (order_id, attempts)"                     \
    " WHERE n.order_id = given.order_id AND n.run = $3"

/* $1: orders; $2: this run. */
#define FORGET "DELETE FROM order_tools.notified WHERE order_id = ANY ($1::text[]) AND run = $2"

/* $1: orders to be claimed; $2: this run. The new ones. */
#define ADD                                                                          \
    "INSERT INTO order_tools.notified (order_id, status, attempts, claimed_at, run)" \
    " SELECT id, 'CLAIMED', 1, now(), $2::bigint FROM unnest($1::text[]) AS id"      \
    " ORDER BY id COLLATE \"C\" ON CONFLICT (order_id) DO NOTHING"

/*
 * The others, which were known: locked by one statement, so that the next sees what those have
 * committed who held the locks, and whether their runs live. A single statement would look for a
 * run that has begun meanwhile in its old snapshot, and not find it. $2: this run.
 */
#define LOCK                                                               \
    "SELECT 1 FROM order_tools.notified WHERE order_id = ANY ($1::text[])" \
    " AND status <> 'TOLD' AND run IS DISTINCT FROM $2::bigint ORDER BY order_id FOR UPDATE"

/* An order in doubt: the run that has claimed it is over. $3 is 0 if that cannot be known. */
#define IS_IN_DOUBT "$3::bigint <> 0 AND " RUN_IS_OVER("n.run")

/* $4: attempts at most. What this run has claimed already, as new or by a call whose commit was in
 * doubt, it has not told: that stays as it is. */
#define CLAIM                                                                                     \
    "UPDATE order_tools.notified n SET claimed_at = now(), run = $2,"                             \
    " status = CASE WHEN n.attempts >= $4::bigint THEN 'SPENT' WHEN n.run IS NULL THEN 'CLAIMED'" \
    " ELSE 'IN_DOUBT' END, attempts = least(n.attempts + 1, greatest(n.attempts, $4::bigint))"    \
    " WHERE n.order_id = ANY ($1::text[]) AND n.status <> 'TOLD'"                                 \
    " AND (n.run IS NULL OR (n.run <> $2 AND " IS_IN_DOUBT "))"

/* How they stand, in the order of strcmp(). */
#define FIND                                                                \
    "SELECT n.order_id, n.status, n.attempts, coalesce(n.run = $2, false)," \
    " n.status <> 'TOLD' AND (n.run IS NULL OR (" IS_IN_DOUBT "))"          \
    " FROM order_tools.notified n WHERE n.order_id = ANY ($1::text[])"      \
    " ORDER BY n.order_id COLLATE \"C\""

enum find_column { FIND_ID, FIND_STATUS, FIND_ATTEMPTS, FIND_IS_OWN, FIND_IS_FREE };

/* An order, and its place in an array of the caller's. */
struct name {
    const char *key;
    size_t index;
};

/* Sorted by key as strcmp() does, and then by index. */
struct names {
    struct name *all;
    size_t count;
    size_t size;
};

struct postgres_notified {
    struct notified notified; /* first, so that a pointer to it points to all of this */
    struct session *session;
    struct run *run;
    int max_attempts;
    /* By the monotonic clock: */
    int64_t claimed_ms; /* no later than the claims of the last call */
    int64_t settled_ms; /* since then the database was never seen to be away */
    bool was_lost;      /* the connection, as measuring found */
    char **turn;        /* the orders of the last turn, sorted */
    size_t turn_count;
    /* Memory that is used again. */
    struct names released;
    struct names wanted;
    struct array told;
    struct array freed;
    struct array attempts;
    struct array forgotten;
    struct array claimed;
};

/* One call of advance(). */
struct advancing {
    struct postgres_notified *store;
    struct notified_claim *claims;
    PGresult *found;  /* FIND */
    bool are_new;     /* all orders to be claimed are: there is no FIND */
    bool are_known;   /* none of them is new: they were looked up, and there is nothing to record */
    bool is_repeated; /* it was tried, and has failed */
};

/* ---- names ---- */

static void names_start(struct names *names, size_t count)
{
    if (names->size < count) {
        names->size = count;
        names->all = xrealloc(names->all, count * sizeof *names->all);
    }
    names->count = 0;
}

static void names_add(struct names *names, const char *key)
{
    names->all[names->count] = (struct name){key, names->count};
    names->count++;
}

static int compare(const void *left, const void *right)
{
    const struct name *a = left;
    const struct name *b = right;
    int sign = strcmp(a->key, b->key);

    return sign != 0 ? sign : (a->index > b->index) - (a->index < b->index);
}

static void names_sort(struct names *names)
{
    if (names->count > 0)
        qsort(names->all, names->count, sizeof *names->all, compare);
}

/* Returns whether the name at a place is another one than that before it. */
static bool is_first(const struct names *names, size_t place)
{
    return place == 0 || strcmp(names->all[place - 1].key, names->all[place].key) != 0;
}

/* ---- what a call is about ---- */

static void array_name(struct array *array, const char *key)
{
    array_text(array, key, strlen(key));
}

/* Parts the orders of the last turn into those that were told, are free again or forgotten. */
static void list_turn(struct postgres_notified *store, const struct notified_release *released)
{
    const struct names *names = &store->released;
    size_t next = 0;

    for (size_t i = 0; i < store->turn_count; i++) {
        const char *key = store->turn[i];
        const struct notified_release *release;

        while (next < names->count && strcmp(names->all[next].key, key) < 0)
            next++;
        if (next == names->count || strcmp(names->all[next].key, key) != 0) {
            array_name(&store->told, key);
            continue;
        }
        release = &released[names->all[next].index];
        array_name(release->attempts == 0 ? &store->forgotten : &store->freed, key);
        if (release->attempts > 0)
            array_int(&store->attempts, release->attempts);
    }
}

static void list_all(struct postgres_notified *store, const struct notified_release *released,
                     size_t released_count, const struct notified_claim *claims, size_t claim_count)
{
    array_start(&store->told, ARRAY_TEXT);
    array_start(&store->freed, ARRAY_TEXT);
    array_start(&store->attempts, ARRAY_INT);
    array_start(&store->forgotten, ARRAY_TEXT);
    array_start(&store->claimed, ARRAY_TEXT);
    names_start(&store->released, released_count);
    for (size_t i = 0; i < released_count; i++)
        names_add(&store->released, released[i].key);
    names_sort(&store->released);
    list_turn(store, released);
    names_start(&store->wanted, claim_count);
    for (size_t i = 0; i < claim_count; i++)
        names_add(&store->wanted, claims[i].key);
    names_sort(&store->wanted);
    for (size_t i = 0; i < claim_count; i++)
        if (is_first(&store->wanted, i))
            array_name(&store->claimed, store->wanted.all[i].key);
}

/* ---- the round trip ---- */

static void add_records(struct postgres_notified *store)
{
    struct parameter_int room;
    struct parameter run = parameter_int(run_number(store->run), &room);
    const struct parameter told = parameter_array(&store->told);
    const struct parameter freed[] = {parameter_array(&store->freed),
                                      parameter_array(&store->attempts), run};
    const struct parameter forgotten[] = {parameter_array(&store->forgotten), run};

    if (store->told.count > 0)
        (void)session_add(store->session, TELL, &told, 1);
    if (store->freed.count > 0)
        (void)session_add(store->session, FREE, freed, 3);
    if (store->forgotten.count > 0)
        (void)session_add(store->session, FORGET, forgotten, 2);
}

/* The parameters of the statements about what is to be claimed; each takes the first of them. */
struct claim_parameters {
    struct parameter all[4];
    struct parameter_int rooms[3];
};

/* Returns whether the database was there for so long that every run that lives has a lease. */
static bool is_settled(const struct postgres_notified *store)
{
    int64_t failed_ms = run_failed_ms(store->run);
    int64_t since_ms = failed_ms > store->settled_ms ? failed_ms : store->settled_ms;

    return clock_monotonic_ms() - since_ms > SETTLED_MS;
}

static void set_parameters(const struct postgres_notified *store, struct claim_parameters *to)
{
    to->all[0] = parameter_array(&store->claimed);
    to->all[1] = parameter_int(run_number(store->run), &to->rooms[0]);
    to->all[2] = parameter_int(is_settled(store), &to->rooms[1]);
    to->all[3] = parameter_int(store->max_attempts, &to->rooms[2]);
}

/* Records, and claims what is new. */
static bool record_and_add(struct session *session, struct advancing *advancing, bool claims_some)
{
    struct postgres_notified *store = advancing->store;
    struct claim_parameters parameters;
    size_t place = 0;

    session_begin(session, store->run);
    session_extend(session);
    add_records(store);
    if (claims_some) {
        set_parameters(store, &parameters);
        place = session_add(session, ADD, parameters.all, 2);
    }
    if (!session_commit(session))
        return false;
    advancing->are_new = claims_some && session_changed(session, place) == store->claimed.count;
    return true;
}

/* Claims what was known, and may be claimed. Nearly always all orders are new, and nothing is
 * looked for: so this is a transaction of its own. If it fails for good, what was claimed as new is
 * in doubt, as after a commit whose answer is lost. */
static bool claim_known(struct session *session, struct advancing *advancing)
{
    struct postgres_notified *store = advancing->store;
    struct claim_parameters parameters;
    size_t place;

    set_parameters(store, &parameters);
    session_begin(session, store->run);
    session_extend(session);
    (void)session_add(session, LOCK, parameters.all, 2);
    (void)session_add(session, CLAIM, parameters.all, 4);
    place = session_add(session, FIND, parameters.all, 3);
    if (!session_commit(session))
        return false;
    advancing->found = session_take_result(session, place);
    return true;
}

/* Sets *some to whether there is an order that can be claimed. Of those that others have claimed,
 * which are asked for again and again, nothing is written then. */
static bool look(struct session *session, struct advancing *advancing, bool *some)
{
    struct postgres_notified *store = advancing->store;
    struct claim_parameters parameters;
    const PGresult *found;
    size_t place;

    set_parameters(store, &parameters);
    if (!session_read(session, FIND, parameters.all, 3, &place))
        return false;
    found = session_result(session, place);
    advancing->are_known = libpq.PQntuples(found) == (int)store->claimed.count;
    *some = !advancing->are_known;
    for (int row = 0; row < libpq.PQntuples(found) && !*some; row++)
        *some = result_bool(found, row, FIND_IS_OWN) || result_bool(found, row, FIND_IS_FREE);
    if (!*some)
        advancing->found = session_take_result(session, place);
    return true;
}

static bool record_and_claim(struct session *session, void *context)
{
    struct advancing *advancing = context;
    struct postgres_notified *store = advancing->store;
    bool claims_some = store->claimed.count > 0;

    if (advancing->is_repeated || store->was_lost)
        store->settled_ms = clock_monotonic_ms();
    advancing->is_repeated = true;
    store->was_lost = false;
    libpq.PQclear(advancing->found);
    advancing->found = NULL;
    advancing->are_new = advancing->are_known = false;
    if (store->turn_count == 0 && !look(session, advancing, &claims_some))
        return false;
    if (advancing->found != NULL)
        return true;
    store->claimed_ms = clock_monotonic_ms();
    if (!advancing->are_known && !record_and_add(session, advancing, claims_some))
        return false;
    return !claims_some || advancing->are_new || claim_known(session, advancing);
}

/* ---- what came of it ---- */

static enum standing standing_of(const PGresult *found, int row)
{
    const char *status = libpq.PQgetvalue(found, row, FIND_STATUS);

    if (strcmp(status, "TOLD") == 0)
        return STANDING_TOLD;
    if (!result_bool(found, row, FIND_IS_OWN))
        return STANDING_OTHERS;
    if (strcmp(status, "SPENT") == 0)
        return STANDING_SPENT;
    return strcmp(status, "IN_DOUBT") == 0 ? STANDING_IN_DOUBT : STANDING_CLAIMED;
}

static bool is_claimed(const struct notified_claim *claim)
{
    return claim->standing == STANDING_CLAIMED || claim->standing == STANDING_IN_DOUBT ||
           claim->standing == STANDING_SPENT;
}

/* Fills in the claims of one order: that at a place among those wanted, and its copies. row is its
 * place in found; -1 if it was deleted meanwhile. Returns the place of the next order. */
static size_t fill_in(struct advancing *advancing, size_t place, int row)
{
    const struct names *wanted = &advancing->store->wanted;
    struct notified_claim *first = &advancing->claims[wanted->all[place].index];

    if (advancing->are_new)
        *first = (struct notified_claim){first->key, STANDING_CLAIMED, 1};
    else if (row < 0)
        *first = (struct notified_claim){first->key, STANDING_OTHERS, 0};
    else
        *first = (struct notified_claim){first->key, standing_of(advancing->found, row),
                                         (int)result_int(advancing->found, row, FIND_ATTEMPTS)};
    for (place++; place < wanted->count && !is_first(wanted, place); place++) {
        struct notified_claim *copy = &advancing->claims[wanted->all[place].index];

        copy->standing = is_claimed(first) ? STANDING_OURS : first->standing;
        copy->attempt = first->attempt;
    }
    return place;
}

static void fill_in_all(struct advancing *advancing)
{
    const struct names *wanted = &advancing->store->wanted;
    int rows = advancing->found == NULL ? 0 : libpq.PQntuples(advancing->found);
    int row = 0;

    for (size_t place = 0; place < wanted->count;) {
        bool has_row = row < rows && strcmp(libpq.PQgetvalue(advancing->found, row, FIND_ID),
                                            wanted->all[place].key) == 0;

        place = fill_in(advancing, place, has_row ? row : -1);
        row += has_row;
    }
}

static void forget_turn(struct postgres_notified *store)
{
    for (size_t i = 0; i < store->turn_count; i++)
        free(store->turn[i]);
    store->turn_count = 0;
}

static void keep_turn(struct advancing *advancing)
{
    struct postgres_notified *store = advancing->store;
    const struct names *wanted = &store->wanted;

    forget_turn(store);
    store->turn = xrealloc(store->turn, (wanted->count + 1) * sizeof *store->turn);
    for (size_t i = 0; i < wanted->count; i++)
        if (is_claimed(&advancing->claims[wanted->all[i].index]))
            store->turn[store->turn_count++] = xstrdup(wanted->all[i].key);
}

/* ---- the operations ---- */

/* The time of a claim is by the clock of the database, as is its lease. */
static enum exit_code advance(struct notified *base, const struct notified_release *released,
                              size_t released_count, struct notified_claim *claims,
                              size_t claim_count, int64_t at_ms)
{
    struct advancing advancing = {.store = (struct postgres_notified *)base, .claims = claims};
    struct postgres_notified *store = advancing.store;
    enum exit_code code;

    (void)at_ms;
    if (store->turn_count == 0 && claim_count == 0)
        return EXIT_OK;
    list_all(store, released, released_count, claims, claim_count);
    code = session_do(store->session, "record whom to tell", record_and_claim, &advancing);
    if (code == EXIT_OK) {
        fill_in_all(&advancing);
        keep_turn(&advancing);
    }
    libpq.PQclear(advancing.found);
    return code;
}

static bool may_tell(const struct notified *base)
{
    const struct postgres_notified *store = (const struct postgres_notified *)base;

    return store->turn_count == 0 || clock_monotonic_ms() - store->claimed_ms < CLAIMS_ARE_FRESH_MS;
}

/* A call has tried for as long as it may. */
static bool may_pass(const struct notified *base)
{
    (void)base;
    return false;
}

static bool measure_table(struct session *session, void *bytes)
{
    return size_of_tables(session, "{order_tools.notified}", bytes);
}

static bool measure(struct notified *base, int64_t *bytes)
{
    struct postgres_notified *store = (struct postgres_notified *)base;

    if (session_look(store->session, measure_table, bytes))
        return true;
    store->was_lost = true;
    return false;
}

static void idle(struct notified *base)
{
    (void)base;
}

static void close_notified(struct notified *base)
{
    struct postgres_notified *store = (struct postgres_notified *)base;

    session_close(store->session, store->run);
    forget_turn(store);
    free(store->turn);
    free(store->released.all);
    free(store->wanted.all);
    array_free(&store->told);
    array_free(&store->freed);
    array_free(&store->attempts);
    array_free(&store->forgotten);
    array_free(&store->claimed);
    free(store);
}

static const struct notified_operations operations = {.advance = advance,
                                                      .may_tell = may_tell,
                                                      .may_pass = may_pass,
                                                      .measure = measure,
                                                      .idle = idle,
                                                      .close = close_notified};

enum exit_code postgres_notified_open(const char *uri, int max_attempts,
                                      const struct store_patience *patience, struct notified **out)
{
    struct postgres_notified *store = xcalloc(1, sizeof *store);
    enum exit_code code =
        session_open(&postgres_notified_kind, uri, SESSION_CREATE, patience, &store->session);

    *out = NULL;
    store->notified.operations = &operations;
    store->max_attempts = max_attempts;
    store->settled_ms = clock_monotonic_ms();
    if (code == EXIT_OK) {
        store->run = session_start_run(store->session);
        code = session_enter_run(store->session, store->run);
    }
    if (code == EXIT_OK)
        *out = &store->notified;
    else
        close_notified(&store->notified);
    return code;
}
