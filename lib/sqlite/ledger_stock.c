/* ledger_stock: the stock levels, and their movements. */
#include "sqlite/database.h"
#include "sqlite/ledger.h"

#include <stdlib.h>
#include <string.h>

#define HOUR_MS INT64_C(3600000)

/* Reads a level by the statement level or next_level, which the caller resets. */
static enum exit_code read_level(struct sqlite_ledger *ledger, sqlite3_stmt *statement,
                                 const char *sku, struct ledger_level *level)
{
    enum exit_code code;

    database_bind_text(statement, 1, sku, strlen(sku));
    code = database_row(ledger->database, statement, &level->is_limited);
    level->on_hand = level->is_limited ? sqlite3_column_int64(statement, 0) : 0;
    level->reserved = level->is_limited ? sqlite3_column_int64(statement, 1) : 0;
    level->moved = 0;
    level->handed = 0;
    return code;
}

static enum exit_code find_level(struct sqlite_ledger *ledger, struct ledger_level *level)
{
    enum exit_code code = read_level(ledger, ledger->level, level->sku, level);

    (void)sqlite3_reset(ledger->level);
    return code;
}

enum exit_code ledger_levels(struct ledger *base, struct ledger_level *levels, size_t count)
{
    struct sqlite_ledger *ledger = (struct sqlite_ledger *)base;
    bool any = false;
    enum exit_code code = ledger_begin(ledger);

    if (code == EXIT_OK)
        code = database_row(ledger->database, ledger->any_level, &any);
    (void)sqlite3_reset(ledger->any_level);
    for (size_t i = 0; i < count && code == EXIT_OK; i++) {
        if (any)
            code = find_level(ledger, &levels[i]);
        else
            levels[i] = (struct ledger_level){.sku = levels[i].sku};
    }
    return code;
}

enum exit_code ledger_move_stock(struct sqlite_ledger *ledger, const struct ledger_level *levels,
                                 size_t count)
{
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < count && code == EXIT_OK; i++) {
        if (levels[i].moved == 0 && levels[i].handed == 0)
            continue;
        database_bind_text(ledger->move, 1, levels[i].sku, strlen(levels[i].sku));
        database_bind_int(ledger->move, 2, levels[i].moved);
        database_bind_int(ledger->move, 3, levels[i].handed);
        code = database_run(ledger->database, ledger->move);
    }
    return code;
}

static enum exit_code set_level(struct sqlite_ledger *ledger, struct ledger_level *level, bool add)
{
    int64_t amount = level->on_hand;
    enum exit_code code = find_level(ledger, level);

    if (code != EXIT_OK)
        return code;
    amount += add ? level->on_hand : 0;
    level->is_limited = amount >= 0 && amount <= STOCK_MAX;
    if (!level->is_limited)
        return EXIT_OK;
    level->on_hand = amount;
    database_bind_text(ledger->set_level, 1, level->sku, strlen(level->sku));
    database_bind_int(ledger->set_level, 2, amount);
    return database_run(ledger->database, ledger->set_level);
}

enum exit_code ledger_set_levels(struct ledger *base, struct ledger_level *levels, size_t count,
                                 bool add)
{
    struct sqlite_ledger *ledger = (struct sqlite_ledger *)base;
    enum exit_code code = database_begin(ledger->database);

    if (code != EXIT_OK)
        return code;
    for (size_t i = 0; i < count && code == EXIT_OK; i++)
        code = set_level(ledger, &levels[i], add);
    return database_end(ledger->database, code);
}

enum exit_code ledger_remove_level(struct ledger *base, struct ledger_level *level)
{
    struct sqlite_ledger *ledger = (struct sqlite_ledger *)base;
    enum exit_code code = database_begin(ledger->database);

    if (code != EXIT_OK)
        return code;
    code = find_level(ledger, level);
    database_bind_text(ledger->remove_level, 1, level->sku, strlen(level->sku));
    if (code == EXIT_OK)
        code = database_run(ledger->database, ledger->remove_level);
    return database_end(ledger->database, code);
}

/* Reads level by level: one long read would hold up checkpoints. */
enum exit_code ledger_each_level(struct ledger *base,
                                 bool (*visit)(void *context, const struct ledger_level *level),
                                 void *context)
{
    struct sqlite_ledger *ledger = (struct sqlite_ledger *)base;
    struct ledger_level level = {.sku = ""};
    enum exit_code code;

    do {
        code = read_level(ledger, ledger->next_level, level.sku, &level);
        if (level.is_limited) {
            free(ledger->sku);
            ledger->sku = database_column_text(ledger->next_level, 2);
            level.sku = ledger->sku;
        }
        (void)sqlite3_reset(ledger->next_level);
    } while (level.is_limited && visit(context, &level));
    return code;
}

/* ---- movements ---- */

#define SUM(column) " sum(CASE WHEN hour >= ?2 THEN " column " ELSE 0 END)"
#define SUMS      \
    SUM("put_in") \
    "," SUM("taken_out") "," SUM("ordered") "," SUM("released") "," SUM("m.handed_over")

/* ?1 is the last sku that was read, ?2 the first hour. */
#define NEXT_REPORT                                                                         \
    "SELECT m.sku, on_hand, reserved," SUMS " FROM movements m LEFT JOIN stock USING (sku)" \
    " WHERE m.sku > ?1 GROUP BY m.sku ORDER BY m.sku LIMIT 1"

/* Only once it is needed: it is the longest of all statements, and few programs report. */
static enum exit_code prepare_report(struct sqlite_ledger *ledger)
{
    const struct database_statement next = {&ledger->next_report, NEXT_REPORT};

    return ledger->next_report != NULL ? EXIT_OK : database_prepare(ledger->database, &next, 1);
}

/* Reads the sums of the next sku in the books, whose text is in ledger->sku until the next call. */
static enum exit_code read_report(struct sqlite_ledger *ledger, int64_t since_ms, bool *found,
                                  struct ledger_report *report)
{
    sqlite3_stmt *next = ledger->next_report;
    enum exit_code code;

    database_bind_text(next, 1, report->level.sku, strlen(report->level.sku));
    database_bind_int(next, 2, since_ms);
    code = database_row(ledger->database, next, found);
    if (*found) {
        char *sku = database_column_text(next, 0);

        free(ledger->sku);
        ledger->sku = sku;
        *report = (struct ledger_report){
            .level = {.sku = sku,
                      .is_limited = sqlite3_column_type(next, 1) != SQLITE_NULL,
                      .on_hand = sqlite3_column_int64(next, 1),
                      .reserved = sqlite3_column_int64(next, 2)},
            .put_in = sqlite3_column_int64(next, 3),
            .taken_out = sqlite3_column_int64(next, 4),
            .ordered = sqlite3_column_int64(next, 5),
            .released = sqlite3_column_int64(next, 6),
            .handed_over = sqlite3_column_int64(next, 7)};
    }
    (void)sqlite3_reset(next);
    return code;
}

enum exit_code ledger_each_report(struct ledger *base, int64_t since_ms,
                                  bool (*visit)(void *context, const struct ledger_report *report),
                                  void *context)
{
    struct sqlite_ledger *ledger = (struct sqlite_ledger *)base;
    struct ledger_report report = {.level = {.sku = ""}};
    bool found = false;
    enum exit_code code = prepare_report(ledger);

    while (code == EXIT_OK) {
        code = read_report(ledger, since_ms - since_ms % HOUR_MS, &found, &report);
        if (!found || !visit(context, &report))
            break;
    }
    return code;
}

/* ---- statements ---- */

enum exit_code ledger_prepare_stock(struct sqlite_ledger *ledger, enum ledger_access access)
{
    const struct database_statement reading[] = {
        {&ledger->any_level, "SELECT 1 FROM stock LIMIT 1"},
        {&ledger->level, "SELECT on_hand, reserved FROM stock WHERE sku = ?1"},
        {&ledger->next_level,
         "SELECT on_hand, reserved, sku FROM stock WHERE sku > ?1 ORDER BY sku LIMIT 1"},
    };
    const struct database_statement writing[] = {
        {&ledger->set_level, "INSERT INTO stock (sku, on_hand, reserved) VALUES (?1, ?2, 0)"
                             " ON CONFLICT (sku) DO UPDATE SET on_hand = excluded.on_hand"},
        {&ledger->remove_level,
         "DELETE FROM stock WHERE sku = ?1 AND on_hand = 0 AND reserved = 0"},
        {&ledger->move, "UPDATE stock SET on_hand = on_hand - ?2, reserved = reserved + ?2 - ?3,"
                        " handed_over = handed_over + ?3 WHERE sku = ?1"},
    };
    enum exit_code code =
        database_prepare(ledger->database, reading, sizeof reading / sizeof reading[0]);

    if (code == EXIT_OK && access != LEDGER_READ)
        code = database_prepare(ledger->database, writing, sizeof writing / sizeof writing[0]);
    return code;
}
