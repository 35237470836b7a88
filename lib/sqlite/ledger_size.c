/* ledger_size: how large a ledger is, told from the ends of its tables. */
#include "base/clock.h"
#include "sqlite/ledger.h"

#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)

/* Each of min and max alone looks at one entry, both together would read all. Of the event of an
 * order's end, the time is that of the end. */
#define MEASURE                                                                                    \
    "SELECT ifnull((SELECT max(seq) FROM handled) - (SELECT min(seq) FROM handled) + 1, 0),"       \
    " (SELECT page_count FROM pragma_page_count) * (SELECT page_size FROM pragma_page_size),"      \
    " count(*), min(CASE WHEN owed.seq = handled.seq THEN at ELSE ended_at END)"                   \
    " FROM (SELECT seq FROM owed ORDER BY seq LIMIT " TEXT(                                        \
        LEDGER_OWED_MAX) ") owed"                                                                  \
                         " CROSS JOIN handled ON handled.seq = owed.seq & (4611686018427387904 - " \
                         "1)"

bool ledger_measure(struct ledger *base, struct ledger_size *size)
{
    struct sqlite_ledger *ledger = (struct sqlite_ledger *)base;
    const struct database_statement measure = {&ledger->measure, MEASURE};
    bool is_there;

    if (ledger->measure == NULL && database_prepare(ledger->database, &measure, 1) != EXIT_OK)
        return false;
    if (database_row(ledger->database, ledger->measure, &is_there) != EXIT_OK)
        return false;
    size->orders = sqlite3_column_int64(ledger->measure, 0);
    size->bytes = sqlite3_column_int64(ledger->measure, 1);
    size->owed = sqlite3_column_int64(ledger->measure, 2);
    size->oldest_age_ms =
        size->owed == 0 ? 0 : clock_utc_ms() - sqlite3_column_int64(ledger->measure, 3);
    (void)sqlite3_reset(ledger->measure);
    return true;
}
