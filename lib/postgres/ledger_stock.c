/* ledger_stock: the stock levels. */
#include "base/memory.h"
#include "postgres/ledger.h"

#include <stdlib.h>
#include <string.h>
#include <uuid/uuid.h>

/* Locked in the order of skus, so that two that need the same ones do not wait for each other. */
#define LOCK                                                                              \
    "SELECT given.place, s.on_hand, s.reserved FROM order_tools.stock s"                  \
    " JOIN unnest($1::text[]) WITH ORDINALITY AS given (sku, place) ON given.sku = s.sku" \
    " ORDER BY s.sku FOR NO KEY UPDATE OF s"

#define MOVE                                                                             \
    "UPDATE order_tools.stock s SET on_hand = on_hand - units,"                          \
    " reserved = reserved + units - handed, handed_over = handed_over + handed"          \
    " FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS moved (sku, units, handed)" \
    " WHERE s.sku = moved.sku"

/* Fails, and is tried again, if another process has made a level meanwhile. */
#define MAKE                                                 \
    "INSERT INTO order_tools.stock (sku, on_hand, reserved)" \
    " SELECT sku, units, 0 FROM unnest($1::text[], $2::bigint[]) AS made (sku, units)"

#define CHANGE                                       \
    "UPDATE order_tools.stock s SET on_hand = units" \
    " FROM unnest($1::text[], $2::bigint[]) AS changed (sku, units) WHERE s.sku = changed.sku"

#define FIND_ADDITION "SELECT 1 FROM order_tools.stock_additions WHERE addition = $1"

#define NOTE_ADDITION \
    "INSERT INTO order_tools.stock_additions (addition, added_at) VALUES ($1, now())"

#define FORGET_ADDITION "DELETE FROM order_tools.stock_additions WHERE addition = $1"

/* Of processes that have ended. Nobody tries again for a day. */
#define FORGET_ADDITIONS \
    "DELETE FROM order_tools.stock_additions WHERE added_at < now() - interval '1 day'"

#define PAGE_ROWS 256

/* ---- for decisions ---- */

struct locking {
    struct postgres_ledger *ledger;
    struct ledger_level *levels;
    size_t count;
};

static void read_levels(const PGresult *result, struct ledger_level *levels, size_t count)
{
    for (size_t i = 0; i < count; i++)
        levels[i] = (struct ledger_level){.sku = levels[i].sku};
    for (int row = 0; row < libpq.PQntuples(result); row++) {
        struct ledger_level *level = &levels[result_int(result, row, 0) - 1];

        level->is_limited = true;
        level->on_hand = result_int(result, row, 1);
        level->reserved = result_int(result, row, 2);
    }
}

static void fill_skus(struct array *skus, const struct ledger_level *levels, size_t count)
{
    array_start(skus, ARRAY_TEXT);
    for (size_t i = 0; i < count; i++)
        array_text(skus, levels[i].sku, strlen(levels[i].sku));
}

static bool lock_levels(struct session *session, void *context)
{
    struct locking *locking = context;
    struct parameter skus = parameter_array(&locking->ledger->arrays[0]);
    size_t place;

    if (!decision_join(locking->ledger))
        return true;
    place = session_add(session, LOCK, &skus, 1);
    if (!session_land(session))
        return false;
    read_levels(session_result(session, place), locking->levels, locking->count);
    return true;
}

enum exit_code postgres_ledger_levels(struct ledger *base, struct ledger_level *levels,
                                      size_t count)
{
    struct postgres_ledger *ledger = (struct postgres_ledger *)base;
    struct locking locking = {.ledger = ledger, .levels = levels, .count = count};
    enum exit_code code;

    fill_skus(&ledger->arrays[0], levels, count);
    code = decision_went(ledger,
                         session_do(ledger->session, "read stock levels", lock_levels, &locking));
    ledger->is_deciding = code == EXIT_OK;
    return code;
}

/* Starts arrays of skus and units, of which add_units() adds an element to each. */
static void start_units(struct array *arrays)
{
    array_start(&arrays[0], ARRAY_TEXT);
    array_start(&arrays[1], ARRAY_INT);
}

static void add_units(struct array *arrays, const char *sku, int64_t units)
{
    array_text(&arrays[0], sku, strlen(sku));
    array_int(&arrays[1], units);
}

static void send_units(struct session *session, const char *sql, const struct array *arrays)
{
    const struct parameter parameters[] = {parameter_array(&arrays[0]),
                                           parameter_array(&arrays[1])};

    if (arrays[0].count > 0)
        (void)session_add(session, sql, parameters, 2);
}

void ledger_add_moves(struct postgres_ledger *ledger, const struct ledger_level *levels,
                      size_t count)
{
    struct array *arrays = ledger->arrays;

    start_units(arrays);
    array_start(&arrays[2], ARRAY_INT);
    for (size_t i = 0; i < count; i++) {
        if (levels[i].moved == 0 && levels[i].handed == 0)
            continue;
        add_units(arrays, levels[i].sku, levels[i].moved);
        array_int(&arrays[2], levels[i].handed);
    }
    if (arrays[0].count > 0)
        (void)session_add(ledger->session, MOVE,
                          (struct parameter[]){parameter_array(&arrays[0]),
                                               parameter_array(&arrays[1]),
                                               parameter_array(&arrays[2])},
                          3);
}

/* ---- setting ---- */

struct setting {
    struct postgres_ledger *ledger;
    struct ledger_level *levels;
    const int64_t *units; /* given for each */
    size_t count;
    bool add;
    uuid_t addition;  /* names it, so that it is not made twice */
    bool is_in_doubt; /* a commit was not answered */
};

static struct parameter parameter_uuid(const uuid_t id)
{
    return (struct parameter){(const char *)id, UUID_BYTES};
}

/* Returns the places of the results. */
static bool look_at_levels(struct session *session, struct setting *setting, size_t *levels,
                           size_t *addition)
{
    struct parameter name = parameter_uuid(setting->addition);
    struct parameter skus;

    fill_skus(&setting->ledger->arrays[0], setting->levels, setting->count);
    skus = parameter_array(&setting->ledger->arrays[0]);
    session_begin(session, NULL);
    session_hold(session);
    *levels = session_add(session, LOCK, &skus, 1);
    *addition = session_add(session, FIND_ADDITION, &name, 1);
    return session_land(session);
}

/* Those that can be set get their new number; of the others is_limited is false. */
static void calculate(struct setting *setting)
{
    for (size_t i = 0; i < setting->count; i++) {
        struct ledger_level *level = &setting->levels[i];
        int64_t units = setting->units[i] + (setting->add ? level->on_hand : 0);

        level->is_limited = units >= 0 && units <= STOCK_MAX;
        if (level->is_limited)
            level->on_hand = units;
    }
}

/* was_there: for each level, whether there was one before. */
static void add_changes(struct session *session, const struct setting *setting,
                        const bool *was_there, bool wanted, const char *sql)
{
    struct array *arrays = setting->ledger->arrays;

    start_units(arrays);
    for (size_t i = 0; i < setting->count; i++)
        if (setting->levels[i].is_limited && was_there[i] == wanted)
            add_units(arrays, setting->levels[i].sku, setting->levels[i].on_hand);
    send_units(session, sql, arrays);
}

/* The one before is known to be made: a process keeps one at most. */
static void note_addition(struct session *session, const struct setting *setting)
{
    struct parameter name = parameter_uuid(setting->addition);
    struct parameter last = parameter_uuid(setting->ledger->last_addition);

    (void)session_add(session, NOTE_ADDITION, &name, 1);
    if (uuid_is_null(setting->ledger->last_addition))
        (void)session_add(session, FORGET_ADDITIONS, NULL, 0);
    else
        (void)session_add(session, FORGET_ADDITION, &last, 1);
}

static bool change_levels(struct session *session, struct setting *setting, const bool *was_there)
{
    add_changes(session, setting, was_there, true, CHANGE);
    add_changes(session, setting, was_there, false, MAKE);
    if (setting->add)
        note_addition(session, setting);
    setting->is_in_doubt = true;
    return session_commit(session);
}

/* It was made before, but the answer to its commit did not come: is_limited stands as it was
 * calculated then. */
static void read_made(const PGresult *result, struct setting *setting, const bool *was_set)
{
    read_levels(result, setting->levels, setting->count);
    for (size_t i = 0; i < setting->count; i++)
        setting->levels[i].is_limited = was_set[i];
}

static void copy_limits(const struct setting *setting, bool *limits)
{
    for (size_t i = 0; i < setting->count; i++)
        limits[i] = setting->levels[i].is_limited;
}

static bool set_all(struct session *session, void *context)
{
    struct setting *setting = context;
    bool *limits = xmalloc(setting->count + 1);
    size_t levels;
    size_t addition;
    bool done;

    copy_limits(setting, limits);
    done = look_at_levels(session, setting, &levels, &addition);
    if (done && libpq.PQntuples(session_result(session, addition)) > 0) {
        read_made(session_result(session, levels), setting, limits);
        session_roll_back(session);
    } else if (done) {
        read_levels(session_result(session, levels), setting->levels, setting->count);
        copy_limits(setting, limits);
        calculate(setting);
        done = change_levels(session, setting, limits);
    }
    free(limits);
    return done;
}

enum exit_code postgres_ledger_set_levels(struct ledger *base, struct ledger_level *levels,
                                          size_t count, bool add)
{
    struct postgres_ledger *ledger = (struct postgres_ledger *)base;
    int64_t *units = xmalloc((count + 1) * sizeof *units);
    struct setting setting = {
        .ledger = ledger, .levels = levels, .units = units, .count = count, .add = add};
    enum exit_code code;

    for (size_t i = 0; i < count; i++)
        units[i] = levels[i].on_hand;
    uuid_generate_random(setting.addition);
    code = session_do(ledger->session, "set stock levels", set_all, &setting);
    if (code != EXIT_OK && setting.is_in_doubt)
        report_warning("the last commit was not answered: it may have been made");
    if (code == EXIT_OK && add)
        uuid_copy(ledger->last_addition, setting.addition);
    free(units);
    return code;
}

/* ---- removing ---- */

#define REMOVE                                                                \
    "DELETE FROM order_tools.stock s USING unnest($1::text[]) AS given (sku)" \
    " WHERE s.sku = given.sku AND on_hand = 0 AND reserved = 0"

struct removing {
    struct postgres_ledger *ledger;
    struct ledger_level *level;
};

static bool remove_one(struct session *session, void *context)
{
    struct removing *removing = context;
    struct parameter sku = parameter_array(&removing->ledger->arrays[0]);
    size_t place;

    session_begin(session, NULL);
    place = session_add(session, LOCK, &sku, 1);
    (void)session_add(session, REMOVE, &sku, 1);
    if (!session_commit(session))
        return false;
    read_levels(session_result(session, place), removing->level, 1);
    return true;
}

enum exit_code postgres_ledger_remove_level(struct ledger *base, struct ledger_level *level)
{
    struct postgres_ledger *ledger = (struct postgres_ledger *)base;
    struct removing removing = {.ledger = ledger, .level = level};

    fill_skus(&ledger->arrays[0], level, 1);
    return session_do(ledger->session, "remove a stock level", remove_one, &removing);
}

/* ---- reading ---- */

struct page {
    struct array *after; /* an array of one sku */
    PGresult *result;
};

static bool read_page(struct session *session, void *context)
{
    struct page *page = context;
    struct parameter_int room;
    const struct parameter parameters[] = {parameter_array(page->after),
                                           parameter_int(PAGE_ROWS, &room)};
    size_t place;

    if (!session_read(session,
                      "SELECT sku, on_hand, reserved FROM order_tools.stock"
                      " WHERE sku > ($1::text[])[1] ORDER BY sku LIMIT $2",
                      parameters, 2, &place))
        return false;
    page->result = session_take_result(session, place);
    return true;
}

/* Returns whether to read on, after the sku in after. */
static bool visit_page(const PGresult *result, struct array *after,
                       bool (*visit)(void *context, const struct ledger_level *level),
                       void *context)
{
    int rows = libpq.PQntuples(result);
    bool goes_on = true;

    for (int row = 0; row < rows && goes_on; row++) {
        struct ledger_level level = {.sku = libpq.PQgetvalue(result, row, 0),
                                     .is_limited = true,
                                     .on_hand = result_int(result, row, 1),
                                     .reserved = result_int(result, row, 2)};

        array_start(after, ARRAY_TEXT);
        array_text(after, level.sku, strlen(level.sku));
        goes_on = visit(context, &level);
    }
    return goes_on && rows == PAGE_ROWS;
}

enum exit_code postgres_ledger_each_level(struct ledger *base,
                                          bool (*visit)(void *context,
                                                        const struct ledger_level *level),
                                          void *context)
{
    struct postgres_ledger *ledger = (struct postgres_ledger *)base;
    struct page page = {.after = &ledger->arrays[0]};
    bool goes_on = true;
    enum exit_code code = EXIT_OK;

    array_start(page.after, ARRAY_TEXT);
    array_text(page.after, "", 0);
    while (goes_on && code == EXIT_OK) {
        page.result = NULL;
        code = session_do(ledger->session, "read stock levels", read_page, &page);
        goes_on = code == EXIT_OK && visit_page(page.result, page.after, visit, context);
        libpq.PQclear(page.result);
    }
    return code;
}
