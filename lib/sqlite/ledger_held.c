/* ledger_held: what reserved orders hold. */
#include "sqlite/database.h"
#include "sqlite/ledger.h"

#define IS_RESERVED "outcome = 1 AND ending = 0"

enum exit_code ledger_prepare_held(struct sqlite_ledger *ledger)
{
    const struct database_statement statements[] = {
        /* A program of an earlier version may have forgotten the order. */
        {&ledger->next_held, "SELECT held FROM held CROSS JOIN handled USING (seq)"
                             " WHERE " IS_RESERVED},
        {&ledger->count_unnoted, "SELECT count(*) FROM handled WHERE noted = 0 AND " IS_RESERVED},
    };

    return database_prepare(ledger->database, statements, sizeof statements / sizeof statements[0]);
}

enum exit_code ledger_each_held(struct ledger *base, void (*visit)(void *context, const char *held),
                                void *context)
{
    struct sqlite_ledger *ledger = (struct sqlite_ledger *)base;
    bool found = true;
    enum exit_code code;

    while ((code = database_row(ledger->database, ledger->next_held, &found)) == EXIT_OK && found)
        visit(context, (const char *)sqlite3_column_text(ledger->next_held, 0));
    (void)sqlite3_reset(ledger->next_held);
    return code;
}

enum exit_code ledger_count_unnoted(struct ledger *base, int64_t *count)
{
    struct sqlite_ledger *ledger = (struct sqlite_ledger *)base;
    bool found;
    enum exit_code code = database_row(ledger->database, ledger->count_unnoted, &found);

    *count = code == EXIT_OK && found ? sqlite3_column_int64(ledger->count_unnoted, 0) : 0;
    (void)sqlite3_reset(ledger->count_unnoted);
    return code;
}
