#include "base/memory.h"
#include "sqlite/database.h"
#include "sqlite/ledger.h"

#include <stdlib.h>
#include <string.h>

static struct sqlite_ledger *own(struct ledger *ledger)
{
    return (struct sqlite_ledger *)ledger;
}

enum exit_code ledger_prepare_stock(struct sqlite_ledger *ledger)
{
    const struct database_statement statements[] = {
        {&ledger->any_level, "SELECT 1 FROM stock LIMIT 1"},
        {&ledger->level, "SELECT on_hand, reserved FROM stock WHERE sku = ?1"},
        {&ledger->next_level,
         "SELECT on_hand, reserved, sku FROM stock WHERE sku > ?1 ORDER BY sku LIMIT 1"},
        {&ledger->set_level, "INSERT INTO stock (sku, on_hand, reserved) VALUES (?1, ?2, 0)"
                             " ON CONFLICT (sku) DO UPDATE SET on_hand = excluded.on_hand"},
        {&ledger->move,
         "UPDATE stock SET on_hand = on_hand - ?2, reserved = reserved + ?2 WHERE sku = ?1"},
    };

    return database_prepare(ledger->database, statements, sizeof statements / sizeof statements[0]);
}

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
    struct sqlite_ledger *ledger = own(base);
    bool any;
    enum exit_code code = database_row(ledger->database, ledger->any_level, &any);

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
        if (levels[i].moved == 0)
            continue;
        database_bind_text(ledger->move, 1, levels[i].sku, strlen(levels[i].sku));
        database_bind_int(ledger->move, 2, levels[i].moved);
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
    struct sqlite_ledger *ledger = own(base);
    enum exit_code code = database_begin(ledger->database);

    if (code != EXIT_OK)
        return code;
    for (size_t i = 0; i < count && code == EXIT_OK; i++)
        code = set_level(ledger, &levels[i], add);
    return database_end(ledger->database, code);
}

/* Reads level by level: one long read would hold up checkpoints. */
enum exit_code ledger_each_level(struct ledger *base,
                                 bool (*visit)(void *context, const struct ledger_level *level),
                                 void *context)
{
    struct sqlite_ledger *ledger = own(base);
    struct ledger_level level = {.sku = ""};
    enum exit_code code;

    do {
        code = read_level(ledger, ledger->next_level, level.sku, &level);
        if (code == EXIT_OK && level.is_limited) {
            char *sku = xstrdup((const char *)sqlite3_column_text(ledger->next_level, 2));

            (void)sqlite3_reset(ledger->next_level);
            free(ledger->sku);
            ledger->sku = sku;
            level.sku = sku;
        } else {
            (void)sqlite3_reset(ledger->next_level);
        }
    } while (code == EXIT_OK && level.is_limited && visit(context, &level));
    return code;
}
