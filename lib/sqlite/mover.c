#include "sqlite/mover.h"

#include "base/memory.h"
#include "sqlite/open.h"
#include "sqlite/runs.h"

#include <stdlib.h>

struct part {
    sqlite3_stmt *count;
    sqlite3_stmt *read;
    sqlite3_stmt *writes[MOVER_WRITES_MAX];
};

struct sqlite_mover {
    struct mover mover; /* first, so that a pointer to it points to all of this */
    enum mover_side side;
    const struct moved_parts *parts;
    struct database *database;
    struct part statements[MOVED_PARTS_MAX];
};

static enum exit_code has_runs(struct mover *base, bool *some)
{
    return runs_some_live(((struct sqlite_mover *)base)->database, some);
}

static enum exit_code count(struct mover *base, size_t part, int64_t *number)
{
    struct sqlite_mover *mover = (struct sqlite_mover *)base;
    sqlite3_stmt *statement = mover->statements[part].count;
    bool found;
    enum exit_code code = database_row(mover->database, statement, &found);

    *number = code == EXIT_OK && found ? sqlite3_column_int64(statement, 0) : 0;
    (void)sqlite3_reset(statement);
    return code;
}

/* ---- reading ---- */

static void read_row(sqlite3_stmt *statement, const struct moved_part *part,
                     struct moved_page *page)
{
    moved_page_add_row(page);
    for (size_t column = 0; column < part->columns; column++) {
        int at = (int)column;

        if (part->types[column] == MOVED_NUMBER || part->types[column] == MOVED_TIME)
            moved_page_number(page, column, sqlite3_column_int64(statement, at));
        else
            moved_page_bytes(page, column, sqlite3_column_blob(statement, at),
                             (size_t)sqlite3_column_bytes(statement, at));
    }
}

static void bind(sqlite3_stmt *statement, int at, enum moved_type type,
                 const struct moved_value *value)
{
    if (type == MOVED_TEXT)
        database_bind_text(statement, at, value->bytes, value->len);
    else if (type == MOVED_UUID)
        database_bind_blob(statement, at, value->bytes, value->len);
    else
        database_bind_int(statement, at, value->number);
}

static enum exit_code read_page(struct mover *base, size_t part, const struct moved_page *after,
                                size_t max, struct moved_page *page)
{
    struct sqlite_mover *mover = (struct sqlite_mover *)base;
    const struct moved_part *about = &mover->parts->all[part];
    sqlite3_stmt *statement = mover->statements[part].read;
    struct moved_value key = {.bytes = ""};
    enum exit_code code;
    bool found;

    if (after->rows > 0)
        key = moved_page_value(after, after->rows - 1, 0);
    bind(statement, 1, about->types[0], &key);
    database_bind_int(statement, 2, (int64_t)max);
    moved_page_start(page, about);
    do {
        code = database_row(mover->database, statement, &found);
        if (code == EXIT_OK && found)
            read_row(statement, about, page);
    } while (code == EXIT_OK && found);
    (void)sqlite3_reset(statement);
    return code;
}

/* ---- writing ---- */

static enum exit_code write_row(struct sqlite_mover *mover, size_t part, sqlite3_stmt *statement,
                                const struct moved_page *page, size_t row)
{
    int parameters = sqlite3_bind_parameter_count(statement);

    for (int at = 1; at <= parameters; at++) {
        size_t column = (size_t)at - 1;
        struct moved_value value = moved_page_value(page, row, column);

        bind(statement, at, mover->parts->all[part].types[column], &value);
    }
    return database_run(mover->database, statement);
}

static enum exit_code write_page(struct mover *base, size_t part, const struct moved_page *page)
{
    struct sqlite_mover *mover = (struct sqlite_mover *)base;
    enum exit_code code = EXIT_OK;

    for (size_t row = 0; row < page->rows; row++)
        for (size_t i = 0; i < MOVER_WRITES_MAX && code == EXIT_OK; i++)
            if (mover->statements[part].writes[i] != NULL)
                code = write_row(mover, part, mover->statements[part].writes[i], page, row);
    return code;
}

static enum exit_code commit(struct mover *base)
{
    struct sqlite_mover *mover = (struct sqlite_mover *)base;

    if (mover->side == MOVER_TARGET)
        return database_end(mover->database, EXIT_OK);
    database_roll_back(mover->database);
    return database_check_files(mover->database);
}

/* ---- the whole ---- */

static void close_mover(struct mover *base)
{
    struct sqlite_mover *mover = (struct sqlite_mover *)base;

    if (mover->database != NULL)
        database_roll_back(mover->database);
    database_close(mover->database);
    free(mover);
}

static const struct mover_operations operations = {.has_runs = has_runs,
                                                   .count = count,
                                                   .read = read_page,
                                                   .write = write_page,
                                                   .commit = commit,
                                                   .close = close_mover};

static enum exit_code prepare_part(struct sqlite_mover *mover, const struct mover_part *sql,
                                   struct part *statements)
{
    const struct database_statement reading[] = {{&statements->count, sql->count},
                                                 {&statements->read, sql->read}};
    enum exit_code code = database_prepare(mover->database, reading, 2);

    for (size_t i = 0; i < MOVER_WRITES_MAX && code == EXIT_OK; i++)
        if (mover->side == MOVER_TARGET && sql->writes[i] != NULL)
            code = database_prepare(
                mover->database,
                &(struct database_statement){&statements->writes[i], sql->writes[i]}, 1);
    return code;
}

/* The first statement that reads begins the view of a reader. */
static enum exit_code begin(struct sqlite_mover *mover)
{
    int64_t rows;
    enum exit_code code;

    if (mover->side == MOVER_TARGET)
        return database_begin(mover->database);
    code = database_begin_reading(mover->database);
    return code == EXIT_OK ? count(&mover->mover, 0, &rows) : code;
}

enum exit_code sqlite_mover_open(enum moved_domain domain, const char *path, enum mover_side side,
                                 struct mover **out)
{
    struct sqlite_mover *mover = xcalloc(1, sizeof *mover);
    const struct mover_kind *kind = sqlite_mover_kind(domain);
    enum exit_code code =
        database_open(kind->database, path, side == MOVER_TARGET ? DATABASE_CREATE : DATABASE_READ,
                      &mover->database);

    *out = NULL;
    mover->mover.operations = &operations;
    mover->side = side;
    mover->parts = moved_parts(domain);
    for (size_t part = 0; part < mover->parts->count && code == EXIT_OK; part++)
        code = prepare_part(mover, &kind->parts[part], &mover->statements[part]);
    if (code == EXIT_OK)
        code = begin(mover);
    if (code == EXIT_OK)
        *out = &mover->mover;
    else
        close_mover(&mover->mover);
    return code;
}
