#include "base/memory.h"
#include "base/report.h"
#include "sqlite/database.h"
#include "sqlite/database_room.h"
#include "sqlite/ledger.h"

#include <stdlib.h>
#include <string.h>

/* Stands in for the number of a run, as does 0 in rows from version 1 of the schema. */
#define RUN_RELEASED (-1) /* released by its run, after the log was written */

/* Pages that marking and releasing write besides those of the events, with some to spare. */
#define PAGES_BESIDES 16

/* Orders that one commit looks at, to forget old ones: more than two batches of the default size
 * add. */
#define FORGET_STEP 1000

/* Rows that are inserted by one statement: it costs about as much as a row. */
#define TOGETHER 8

#define END_KEY "4611686018427387904"

/* A condition joins an event to its order, whatever it is about. */
#define ORDER_OF_EVENT "handled.seq = owed.seq & (" END_KEY " - 1)"

#define ENTRY                                                                                \
    "SELECT coalesce(owed.seq, handled.seq),"                                                \
    " CASE WHEN owed.seq >= " END_KEY " THEN ending ELSE outcome END, order_id, run, event," \
    " ending, CASE WHEN owed.seq >= " END_KEY " THEN end_trace ELSE trace END FROM "

/* ---- runs ---- */

/* runs_has_ended() as a function of SQL. Caches its last answer: neighbouring rows are mostly of
 * one run. */
static void run_has_ended(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct sqlite_ledger *ledger = sqlite3_user_data(context);
    int64_t run = sqlite3_value_int64(values[0]);

    (void)count;
    if (run != ledger->seen_run || run <= 0) {
        if (runs_has_ended(ledger->runs, run, &ledger->seen_ended) != EXIT_OK) {
            sqlite3_result_error(context, "cannot tell who is alive", -1);
            return;
        }
        ledger->seen_run = run;
    }
    sqlite3_result_int(context, ledger->seen_ended ? 1 : 0);
}

enum exit_code ledger_prepare_to_decide(struct sqlite_ledger *ledger)
{
    const struct database_statement statements[] = {
        /* Recorded as reserved, as most orders will be; fail corrects the others. */
        {&ledger->claim, "INSERT INTO handled (order_id, outcome, at, noted) VALUES (?1, 1, ?2, 1)"
                         " ON CONFLICT DO NOTHING"},
        {&ledger->arrive, "UPDATE handled SET ending = 0, ended_at = NULL, at = ?2 WHERE seq = ?1"},
        {&ledger->find,
         ENTRY "handled LEFT JOIN owed ON owed.seq = handled.seq WHERE order_id = ?1"},
        {&ledger->take_over, "UPDATE owed SET run = ?2 WHERE seq = ?1"},
        /* With IN instead of EXISTS, SQLite would scan all of handled. */
        {&ledger->see_orphan, "SELECT 1 FROM owed WHERE seq > ?1 AND run_has_ended(run)"
                              " AND EXISTS (SELECT 1 FROM handled WHERE " ORDER_OF_EVENT ")"
                              " LIMIT 1"},
        {&ledger->list_orphans, ENTRY "owed CROSS JOIN handled ON " ORDER_OF_EVENT
                                      " WHERE owed.seq > ?1 AND run_has_ended(run)"
                                      " ORDER BY owed.seq LIMIT ?2"},
        {&ledger->list_own, ENTRY "owed CROSS JOIN handled ON " ORDER_OF_EVENT
                                  " WHERE owed.seq > ?1 AND run = ?3 ORDER BY owed.seq LIMIT ?2"},
        {&ledger->owe, "INSERT INTO owed (seq, event, run) VALUES (?1, ?2, ?3)"},
        {&ledger->owe_together,
         "INSERT INTO owed (seq, event, run) VALUES (?1, ?2, ?17), (?3, ?4, ?17), (?5, ?6, ?17),"
         " (?7, ?8, ?17), (?9, ?10, ?17), (?11, ?12, ?17), (?13, ?14, ?17), (?15, ?16, ?17)"},
        {&ledger->fail, "UPDATE handled SET outcome = 2 WHERE seq = ?1"},
        {&ledger->hold, "INSERT INTO held (seq, held) VALUES (?1, ?2)"},
        {&ledger->hold_together,
         "INSERT INTO held (seq, held) VALUES (?1, ?2), (?3, ?4), (?5, ?6), (?7, ?8), (?9, ?10),"
         " (?11, ?12), (?13, ?14), (?15, ?16)"},
        {&ledger->mark_sent, "DELETE FROM owed WHERE seq BETWEEN ?1 AND ?2"},
        {&ledger->forget, "DELETE FROM handled WHERE seq IN"
                          " (SELECT seq FROM handled WHERE seq > ?3 ORDER BY seq LIMIT ?2)"
                          " AND at < ?1 AND seq NOT IN (SELECT seq FROM owed)"
                          " AND seq + " END_KEY " NOT IN (SELECT seq FROM owed)"
                          " AND seq NOT IN (SELECT seq FROM held)"},
        {&ledger->sweep,
         "SELECT max(seq) FROM (SELECT seq FROM handled WHERE seq > ?1 ORDER BY seq LIMIT ?2)"},
        {&ledger->release, "UPDATE owed SET run = ?2 WHERE run = ?1"},
    };

    if (sqlite3_create_function_v2(sqlite3_db_handle(ledger->level), "run_has_ended", 1,
                                   SQLITE_UTF8, ledger, run_has_ended, NULL, NULL,
                                   NULL) != SQLITE_OK)
        return database_failure(ledger->database, "use");
    return database_prepare(ledger->database, statements, sizeof statements / sizeof statements[0]);
}

/* A program without a run has logged what it records, and leaves the event to others. */
static int64_t own_run(const struct sqlite_ledger *ledger)
{
    return ledger->runs == NULL ? RUN_RELEASED : runs_own(ledger->runs);
}

/* ---- claiming ---- */

enum exit_code ledger_begin(struct sqlite_ledger *ledger)
{
    enum exit_code code = ledger->is_deciding ? EXIT_OK : database_begin(ledger->database);

    ledger->is_deciding = code == EXIT_OK;
    return code;
}

/* Reads a row of ENTRY, except order_id. Sets *run to 0 if no event is owed. */
static void read_entry(sqlite3_stmt *statement, struct ledger_claim *claim, int64_t *run)
{
    claim->key = sqlite3_column_int64(statement, 0);
    claim->outcome = (enum ledger_outcome)sqlite3_column_int(statement, 1);
    claim->is_cancelled = sqlite3_column_int(statement, 5) == LEDGER_CANCELLED;
    *run = sqlite3_column_int64(statement, 3);
    claim->event = database_column_text(statement, 4);
    claim->is_logged = *run == RUN_RELEASED;
    claim->trace = claim->event == NULL ? NULL : database_column_text(statement, 6);
}

static enum exit_code take_over(struct sqlite_ledger *ledger, struct ledger_claim *claim)
{
    claim->standing = LEDGER_UNSENT;
    database_bind_int(ledger->take_over, 1, claim->key);
    database_bind_int(ledger->take_over, 2, own_run(ledger));
    return database_run(ledger->database, ledger->take_over);
}

/* Claims an order that was cancelled before it came. */
static enum exit_code arrive(struct sqlite_ledger *ledger, int64_t at_ms,
                             struct ledger_claim *claim)
{
    claim->standing = LEDGER_NEW;
    claim->outcome = LEDGER_UNKNOWN;
    ledger->undecided++;
    database_bind_int(ledger->arrive, 1, claim->key);
    database_bind_int(ledger->arrive, 2, at_ms);
    return database_run(ledger->database, ledger->arrive);
}

/* Fills in the claim of an order that is known. */
static enum exit_code recall(struct sqlite_ledger *ledger, int64_t at_ms,
                             struct ledger_claim *claim)
{
    bool found;
    bool ended = false;
    int64_t run = 0;
    enum exit_code code;

    database_bind_text(ledger->find, 1, claim->order_id, strlen(claim->order_id));
    code = database_row(ledger->database, ledger->find, &found);
    if (code == EXIT_OK && found)
        read_entry(ledger->find, claim, &run);
    (void)sqlite3_reset(ledger->find);
    if (code == EXIT_OK && claim->is_cancelled)
        return arrive(ledger, at_ms, claim);
    claim->standing = LEDGER_HANDLED;
    if (code == EXIT_OK && claim->event != NULL)
        code = runs_has_ended(ledger->runs, run, &ended);
    if (code == EXIT_OK && ended)
        return take_over(ledger, claim);
    free(claim->event);
    free(claim->trace);
    claim->event = claim->trace = NULL;
    return code;
}

static enum exit_code claim_one(struct sqlite_ledger *ledger, int64_t at_ms,
                                struct ledger_claim *claim)
{
    sqlite3 *handle = sqlite3_db_handle(ledger->claim);
    enum exit_code code;

    claim->event = claim->trace = NULL;
    claim->is_cancelled = false;
    database_bind_text(ledger->claim, 1, claim->order_id, strlen(claim->order_id));
    database_bind_int(ledger->claim, 2, at_ms);
    code = database_run(ledger->database, ledger->claim);
    if (code != EXIT_OK)
        return code;
    if (sqlite3_changes(handle) == 0)
        return recall(ledger, at_ms, claim);
    claim->standing = LEDGER_NEW;
    claim->key = sqlite3_last_insert_rowid(handle);
    claim->outcome = LEDGER_UNKNOWN;
    ledger->undecided++;
    return EXIT_OK;
}

enum exit_code ledger_claim(struct ledger *base, int64_t at_ms, struct ledger_claim *claims,
                            size_t count)
{
    struct sqlite_ledger *ledger = (struct sqlite_ledger *)base;
    enum exit_code code;

    for (size_t i = 0; i < count; i++)
        claims[i].event = claims[i].trace = NULL;
    code = ledger_begin(ledger);
    for (size_t i = 0; i < count && code == EXIT_OK; i++)
        code = claim_one(ledger, at_ms, &claims[i]);
    if (code != EXIT_OK)
        ledger_abandon(base);
    return code;
}

/* Looks for an orphaned event without a lock: nearly always there is none. */
static enum exit_code see_orphan(struct sqlite_ledger *ledger, int64_t after, bool *found)
{
    enum exit_code code;

    /* A run that lived at the last look may have ended. */
    ledger->seen_run = 0;
    database_bind_int(ledger->see_orphan, 1, after);
    code = database_row(ledger->database, ledger->see_orphan, found);
    (void)sqlite3_reset(ledger->see_orphan);
    return code;
}

static enum exit_code list(struct sqlite_ledger *ledger, sqlite3_stmt *statement, int64_t after,
                           struct ledger_claim *claims, size_t max, size_t *count)
{
    enum exit_code code;
    int64_t run;
    bool found;

    database_bind_int(statement, 1, after);
    database_bind_int(statement, 2, (int64_t)max);
    code = database_row(ledger->database, statement, &found);
    while (code == EXIT_OK && found) {
        struct ledger_claim *claim = &claims[(*count)++];

        read_entry(statement, claim, &run);
        claim->standing = LEDGER_UNSENT;
        claim->order_id = database_column_text(statement, 2);
        code = database_row(ledger->database, statement, &found);
    }
    (void)sqlite3_reset(statement);
    return code;
}

static enum exit_code list_orphans(struct sqlite_ledger *ledger, int64_t after,
                                   struct ledger_claim *claims, size_t max, size_t *count)
{
    enum exit_code code;

    ledger->seen_run = 0;
    code = list(ledger, ledger->list_orphans, after, claims, max, count);
    for (size_t i = 0; i < *count && code == EXIT_OK; i++)
        code = take_over(ledger, &claims[i]);
    return code;
}

static enum exit_code list_own(struct sqlite_ledger *ledger, int64_t after,
                               struct ledger_claim *claims, size_t max, size_t *count)
{
    database_bind_int(ledger->list_own, 3, own_run(ledger));
    return list(ledger, ledger->list_own, after, claims, max, count);
}

enum exit_code ledger_claim_unsent(struct ledger *base, enum ledger_owner owner, int64_t after,
                                   struct ledger_claim *claims, size_t max, size_t *count)
{
    struct sqlite_ledger *ledger = (struct sqlite_ledger *)base;
    bool found = true;
    enum exit_code code = owner == LEDGER_ORPHANED ? see_orphan(ledger, after, &found) : EXIT_OK;

    *count = 0;
    if (code != EXIT_OK || !found)
        return code;
    code = ledger_begin(ledger);
    if (code == EXIT_OK)
        code = owner == LEDGER_ORPHANED ? list_orphans(ledger, after, claims, max, count)
                                        : list_own(ledger, after, claims, max, count);
    /* Another run may have been quicker. */
    if (code != EXIT_OK || *count == 0)
        ledger_abandon(base);
    return code;
}

/* ---- recording ---- */

/* Orders are on record as reserved since they were claimed, and ends as such. */
static enum exit_code record_outcome(struct sqlite_ledger *ledger,
                                     const struct ledger_decision *decision)
{
    bool is_end = decision->key >= LEDGER_END_KEY;
    sqlite3_stmt *statement = is_end ? ledger->let_go : ledger->fail;

    if (!is_end && decision->outcome != LEDGER_FAILED)
        return EXIT_OK;
    database_bind_int(statement, 1, is_end ? decision->key - LEDGER_END_KEY : decision->key);
    return database_run(ledger->database, statement);
}

/* Inserts a row for each of so many decisions: 1 or TOGETHER. */
static enum exit_code insert(struct sqlite_ledger *ledger, bool events,
                             const struct ledger_decision *const decisions[], size_t count)
{
    sqlite3_stmt *const statements[2][2] = {{ledger->hold, ledger->hold_together},
                                            {ledger->owe, ledger->owe_together}};
    sqlite3_stmt *statement = statements[events][count == TOGETHER];
    int at = 1;

    for (size_t i = 0; i < count; i++) {
        const char *text = events ? decisions[i]->event : decisions[i]->held;

        database_bind_int(statement, at++, decisions[i]->key);
        database_bind_text(statement, at++, text, strlen(text));
    }
    if (events)
        database_bind_int(statement, at, own_run(ledger));
    return database_run(ledger->database, statement);
}

/* Records the events of decisions or, if events is false, what is held by those that hold any. */
static enum exit_code insert_all(struct sqlite_ledger *ledger, bool events,
                                 const struct ledger_decision *decisions, size_t count)
{
    const struct ledger_decision *waiting[TOGETHER];
    size_t n = 0;
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < count && code == EXIT_OK; i++) {
        if (!events && decisions[i].held == NULL)
            continue;
        waiting[n++] = &decisions[i];
        if (n == TOGETHER) {
            code = insert(ledger, events, waiting, n);
            n = 0;
        }
    }
    for (size_t i = 0; i < n && code == EXIT_OK; i++)
        code = insert(ledger, events, &waiting[i], 1);
    return code;
}

static enum exit_code keep_trace(struct sqlite_ledger *ledger,
                                 const struct ledger_decision *decision)
{
    const struct database_statement statements[] = {
        {&ledger->keep_trace, "UPDATE handled SET trace = ?2 WHERE seq = ?1"},
        {&ledger->keep_end_trace, "UPDATE handled SET end_trace = ?2 WHERE seq = ?1"},
    };
    bool is_end = decision->key >= LEDGER_END_KEY;
    sqlite3_stmt *statement;
    enum exit_code code = EXIT_OK;

    if (decision->trace == NULL)
        return EXIT_OK;
    if (ledger->keep_end_trace == NULL)
        code = database_prepare(ledger->database, statements,
                                sizeof statements / sizeof statements[0]);
    if (code != EXIT_OK)
        return code;
    statement = is_end ? ledger->keep_end_trace : ledger->keep_trace;
    database_bind_int(statement, 1, is_end ? decision->key - LEDGER_END_KEY : decision->key);
    database_bind_text(statement, 2, decision->trace, strlen(decision->trace));
    return database_run(ledger->database, statement);
}

static enum exit_code record(struct sqlite_ledger *ledger, const struct ledger_decision *decisions,
                             size_t count)
{
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < count && code == EXIT_OK; i++)
        code = record_outcome(ledger, &decisions[i]);
    for (size_t i = 0; i < count && code == EXIT_OK; i++)
        code = keep_trace(ledger, &decisions[i]);
    if (code == EXIT_OK)
        code = insert_all(ledger, false, decisions, count);
    return code == EXIT_OK ? insert_all(ledger, true, decisions, count) : code;
}

static enum exit_code forget_after(struct sqlite_ledger *ledger, int64_t seq, int64_t before_ms,
                                   bool *any)
{
    enum exit_code code;

    database_bind_int(ledger->forget, 1, before_ms);
    database_bind_int(ledger->forget, 2, FORGET_STEP);
    database_bind_int(ledger->forget, 3, seq);
    code = database_run(ledger->database, ledger->forget);
    *any = sqlite3_changes(sqlite3_db_handle(ledger->forget)) > 0;
    return code;
}

/* Moves on to the next orders and, after the last ones, to the first. */
static enum exit_code sweep_on(struct sqlite_ledger *ledger)
{
    bool found;
    enum exit_code code;

    database_bind_int(ledger->sweep, 1, ledger->swept_up_to);
    database_bind_int(ledger->sweep, 2, FORGET_STEP);
    code = database_row(ledger->database, ledger->sweep, &found);
    if (code == EXIT_OK && found)
        ledger->swept_up_to = sqlite3_column_int64(ledger->sweep, 0);
    (void)sqlite3_reset(ledger->sweep);
    return code;
}

/*
 * The oldest rows are the first, unless a clock was wrong. So every second call looks at rows
 * further on, and repeated calls at all of them. An index by time would cost an insert for each
 * order.
 */
static enum exit_code forget(struct sqlite_ledger *ledger, int64_t before_ms)
{
    bool sweeps = ledger->sweeps;
    bool any;
    enum exit_code code = forget_after(ledger, sweeps ? ledger->swept_up_to : 0, before_ms, &any);

    ledger->sweeps = !sweeps;
    return code == EXIT_OK && sweeps && !any ? sweep_on(ledger) : code;
}

static enum exit_code record_sent(struct sqlite_ledger *ledger, const struct ledger_sent *sent)
{
    enum exit_code code =
        database_run_ranges(ledger->database, ledger->mark_sent, sent->keys, sent->count);

    return code == EXIT_OK && sent->forget_before_ms > 0 ? forget(ledger, sent->forget_before_ms)
                                                         : code;
}

enum exit_code ledger_commit(struct ledger *base, const struct ledger_commit *commit)
{
    struct sqlite_ledger *ledger = (struct sqlite_ledger *)base;
    enum exit_code code;

    /* An order without an event would be lost silently. */
    if (commit->decision_count != ledger->undecided)
        die(EXIT_BUG, "%zu orders were claimed, and %zu decided", ledger->undecided,
            commit->decision_count);
    code = record(ledger, commit->decisions, commit->decision_count);
    if (code == EXIT_OK)
        code = ledger_move_stock(ledger, commit->levels, commit->level_count);
    if (code == EXIT_OK)
        code = record_sent(ledger, &commit->sent);
    if (code == EXIT_OK && commit->events > 0)
        code =
            database_reserve(ledger->database, commit->events + PAGES_BESIDES, commit->event_bytes);
    ledger->is_deciding = false;
    ledger->undecided = 0;
    return database_end(ledger->database, code);
}

void ledger_abandon(struct ledger *base)
{
    struct sqlite_ledger *ledger = (struct sqlite_ledger *)base;

    if (ledger->is_deciding)
        database_roll_back(ledger->database);
    ledger->is_deciding = false;
    ledger->undecided = 0;
}

enum exit_code ledger_mark_sent(struct ledger *base, const struct ledger_sent *sent)
{
    struct sqlite_ledger *ledger = (struct sqlite_ledger *)base;
    enum exit_code code = database_begin_relaxed(ledger->database);

    return code == EXIT_OK ? database_end(ledger->database, record_sent(ledger, sent)) : code;
}

enum exit_code ledger_release(struct ledger *base)
{
    struct sqlite_ledger *ledger = (struct sqlite_ledger *)base;
    enum exit_code code = database_begin_relaxed(ledger->database);

    if (code != EXIT_OK)
        return code;
    database_bind_int(ledger->release, 1, own_run(ledger));
    database_bind_int(ledger->release, 2, RUN_RELEASED);
    return database_end(ledger->database, database_run(ledger->database, ledger->release));
}
