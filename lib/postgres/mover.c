#include "postgres/mover.h"

#include "base/memory.h"
#include "postgres/open.h"

#include <stdlib.h>

struct postgres_mover {
    struct mover mover; /* first, so that a pointer to it points to all of this */
    enum mover_side side;
    const struct mover_kind *kind;
    const struct moved_parts *parts;
    struct session *session;
    bool has_ended; /* the transaction, by commit() */
    struct array arrays[MOVED_COLUMNS_MAX];
};

/* One round trip. */
struct moving {
    struct postgres_mover *mover;
    const char *sql;
    struct parameter parameters[MOVED_COLUMNS_MAX];
    size_t count;
    PGresult *result; /* to be freed with PQclear() */
};

/* A transaction that was lost with its connection is not begun again. */
static bool run_statement(struct session *session, void *context)
{
    struct moving *moving = context;
    size_t place;

    if (!moving->mover->has_ended && !session_in_transaction(session))
        return session_refuse(session, "the connection was lost, and nothing was moved");
    place = session_add(session, moving->sql, moving->parameters, moving->count);
    if (!session_land(session))
        return false;
    moving->result = session_take_result(session, place);
    return true;
}

static enum exit_code run(struct moving *moving)
{
    return session_do(moving->mover->session, "move the rows", run_statement, moving);
}

/* ---- looking ---- */

static enum exit_code has_runs(struct mover *base, bool *some)
{
    struct postgres_mover *mover = (struct postgres_mover *)base;
    struct moving moving = {.mover = mover,
                            .sql = "SELECT EXISTS (SELECT 1 FROM order_tools.runs"
                                   " WHERE domain = $1 AND alive_until > now())",
                            .parameters = {parameter_text(mover->kind->session->domain)},
                            .count = 1};
    enum exit_code code = run(&moving);

    *some = code == EXIT_OK && result_bool(moving.result, 0, 0);
    libpq.PQclear(moving.result);
    return code;
}

static enum exit_code count(struct mover *base, size_t part, int64_t *number)
{
    struct postgres_mover *mover = (struct postgres_mover *)base;
    struct moving moving = {.mover = mover, .sql = mover->kind->parts[part].count};
    enum exit_code code = run(&moving);

    *number = code == EXIT_OK ? result_int(moving.result, 0, 0) : 0;
    libpq.PQclear(moving.result);
    return code;
}

/* ---- reading ---- */

static void read_row(const PGresult *result, int row, const struct moved_part *part,
                     struct moved_page *page)
{
    moved_page_add_row(page);
    for (size_t column = 0; column < part->columns; column++) {
        int at = (int)column;

        if (part->types[column] == MOVED_NUMBER)
            moved_page_number(page, column, result_int(result, row, at));
        else if (part->types[column] == MOVED_TIME)
            moved_page_number(page, column, result_time(result, row, at));
        else
            moved_page_bytes(page, column, libpq.PQgetvalue(result, row, at),
                             (size_t)libpq.PQgetlength(result, row, at));
    }
}

static enum exit_code read_page(struct mover *base, size_t part, const struct moved_page *after,
                                size_t max, struct moved_page *page)
{
    struct postgres_mover *mover = (struct postgres_mover *)base;
    const struct moved_part *about = &mover->parts->all[part];
    struct moved_value key = {.bytes = ""};
    struct parameter_int rooms[2];
    struct moving moving = {.mover = mover, .sql = mover->kind->parts[part].read, .count = 2};
    enum exit_code code;

    if (after->rows > 0)
        key = moved_page_value(after, after->rows - 1, 0);
    moving.parameters[0] = about->types[0] == MOVED_TEXT ? (struct parameter){key.bytes, key.len}
                                                         : parameter_int(key.number, &rooms[0]);
    moving.parameters[1] = parameter_int((int64_t)max, &rooms[1]);
    code = run(&moving);
    moved_page_start(page, about);
    for (int row = 0; code == EXIT_OK && row < libpq.PQntuples(moving.result); row++)
        read_row(moving.result, row, about, page);
    libpq.PQclear(moving.result);
    return code;
}

/* ---- writing ---- */

static void fill_array(struct array *array, enum moved_type type, const struct moved_page *page,
                       size_t column)
{
    static const enum array_type types[] = {[MOVED_NUMBER] = ARRAY_INT,
                                            [MOVED_TIME] = ARRAY_TIME,
                                            [MOVED_TEXT] = ARRAY_TEXT,
                                            [MOVED_UUID] = ARRAY_UUID};

    array_start(array, types[type]);
    for (size_t row = 0; row < page->rows; row++) {
        struct moved_value value = moved_page_value(page, row, column);

        if (type == MOVED_TEXT)
            array_text(array, value.bytes, value.len);
        else if (type == MOVED_UUID)
            array_uuid(array, (const unsigned char *)value.bytes);
        else if (type == MOVED_TIME)
            array_time(array, value.number);
        else
            array_int(array, value.number);
    }
}

static enum exit_code write_page(struct mover *base, size_t part, const struct moved_page *page)
{
    struct postgres_mover *mover = (struct postgres_mover *)base;
    const struct moved_part *about = &mover->parts->all[part];
    struct moving moving = {
        .mover = mover, .sql = mover->kind->parts[part].write, .count = about->columns};
    enum exit_code code;

    for (size_t column = 0; column < about->columns; column++) {
        fill_array(&mover->arrays[column], about->types[column], page, column);
        moving.parameters[column] = parameter_array(&mover->arrays[column]);
    }
    code = run(&moving);
    libpq.PQclear(moving.result);
    return code;
}

static bool end_transaction(struct session *session, void *context)
{
    const struct postgres_mover *mover = context;

    if (!session_in_transaction(session))
        return session_refuse(
            session, "the connection was lost, and maybe all was moved: move again, to find out");
    for (size_t part = 0; mover->side == MOVER_TARGET && part < mover->parts->count; part++)
        if (mover->kind->parts[part].end != NULL)
            (void)session_add(session, mover->kind->parts[part].end, NULL, 0);
    return session_commit(session);
}

static enum exit_code commit(struct mover *base)
{
    struct postgres_mover *mover = (struct postgres_mover *)base;
    enum exit_code code = session_do(mover->session, "move all", end_transaction, mover);

    mover->has_ended = code == EXIT_OK;
    return code;
}

/* ---- the whole ---- */

static bool begin(struct session *session, void *context)
{
    const struct postgres_mover *mover = context;

    session_begin(session, NULL);
    if (mover->side == MOVER_SOURCE)
        (void)session_add(session, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
                          NULL, 0);
    /* The first statement that reads begins the view of a reader. */
    (void)session_add(session, mover->kind->parts[0].count, NULL, 0);
    return session_land(session);
}

static void close_mover(struct mover *base)
{
    struct postgres_mover *mover = (struct postgres_mover *)base;

    if (mover->session != NULL)
        session_roll_back(mover->session);
    session_close(mover->session, NULL);
    for (size_t column = 0; column < MOVED_COLUMNS_MAX; column++)
        array_free(&mover->arrays[column]);
    free(mover);
}

static const struct mover_operations operations = {.has_runs = has_runs,
                                                   .count = count,
                                                   .read = read_page,
                                                   .write = write_page,
                                                   .commit = commit,
                                                   .close = close_mover};

enum exit_code postgres_mover_open(enum moved_domain domain, const char *uri, enum mover_side side,
                                   struct mover **out)
{
    struct postgres_mover *mover = xcalloc(1, sizeof *mover);
    enum exit_code code;

    *out = NULL;
    mover->mover.operations = &operations;
    mover->side = side;
    mover->kind = postgres_mover_kind(domain);
    mover->parts = moved_parts(domain);
    code =
        session_open(mover->kind->session, uri,
                     side == MOVER_TARGET ? SESSION_CREATE : SESSION_READ, NULL, &mover->session);
    if (code == EXIT_OK)
        code = session_do(mover->session, "begin a transaction", begin, mover);
    if (code == EXIT_OK)
        *out = &mover->mover;
    else
        close_mover(&mover->mover);
    return code;
}
