/*
 * decide: makes one decision of the ledger that INVENTORY_LEDGER names, in PostgreSQL, as
 * inventory-worker does, and says what it came to and how many round trips it took.
 *
 *   decide orders N [CUT]    claims orders 1 to N, which want one unit of the sku "hot" each
 *   decide relay N [CUT]     claims up to N events that are orphaned
 *   decide settle N          the same, and marks them as sent
 *   decide release N [CUT]   releases orders 1 to N, which hold one unit of the sku "hot" each, and
 *                            then claims what it owes and has not got from that
 *
 * CUT is a round trip of the first attempt: "2:before" cuts the connection when it is to be sent,
 * "2:after" when it was answered, before the answer is read. Of orders, 1 claims, 2 reads the
 * levels, 3 commits, and so of a release; of a relay, 1 looks, 2 claims, 3 commits.
 *
 * Prints "new N unsent N handled N attempts N trips N", the trips of the last attempt; of settle
 * also those of marking; of release "released N left N attempts N trips N".
 */
#include "base/clock.h"
#include "base/report.h"
#include "base/stop.h"
#include "engine/open.h"
#include "postgres/libpq.h"
#include "store/ledger.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH_MAX 20000
#define TEXT_MAX 64

static struct ledger *ledger;
static struct ledger_claim claims[BATCH_MAX];
static struct ledger_decision decisions[BATCH_MAX];
static char ids[BATCH_MAX][TEXT_MAX];
static char events[BATCH_MAX][2 * TEXT_MAX];
static int64_t keys[BATCH_MAX];
static struct ledger_end ends[BATCH_MAX];

/* ---- round trips ---- */

static unsigned trips;
static unsigned attempts;
static unsigned cut_at; /* 0: never */
static bool cuts_after;
static bool is_cut;
static __typeof__(PQpipelineSync) *real_sync;
static __typeof__(PQconsumeInput) *real_consume;

static void cut(PGconn *connection)
{
    is_cut = true;
    (void)shutdown(libpq.PQsocket(connection), SHUT_RDWR);
}

static int count_sync(PGconn *connection)
{
    trips++;
    if (!is_cut && trips == cut_at && !cuts_after)
        cut(connection);
    return real_sync(connection);
}

/* What has arrived is thrown away. */
static int consume(PGconn *connection)
{
    char bytes[4096];

    if (!is_cut && trips == cut_at && cuts_after) {
        while (recv(libpq.PQsocket(connection), bytes, sizeof bytes, MSG_DONTWAIT) > 0)
            continue;
        cut(connection);
    }
    return real_consume(connection);
}

static void watch_trips(const char *cut_text)
{
    real_sync = libpq.PQpipelineSync;
    real_consume = libpq.PQconsumeInput;
    libpq.PQpipelineSync = count_sync;
    libpq.PQconsumeInput = consume;
    if (cut_text == NULL)
        return;
    cut_at = (unsigned)strtoul(cut_text, NULL, 10);
    cuts_after = strstr(cut_text, ":after") != NULL;
}

/* ---- decisions ---- */

static struct ledger_commit commit_of(size_t count, struct ledger_level *level)
{
    struct ledger_commit commit = {
        .decisions = decisions, .levels = level, .level_count = level == NULL ? 0 : 1};

    for (size_t i = 0; i < count; i++) {
        struct ledger_decision *decision = &decisions[commit.decision_count];
        bool some = level != NULL && level->on_hand > 0;

        if (claims[i].standing != LEDGER_NEW)
            continue;
        *decision = (struct ledger_decision){.key = claims[i].key,
                                             .outcome = some ? LEDGER_RESERVED : LEDGER_FAILED,
                                             .event = events[i]};
        if (some) {
            level->on_hand--;
            level->reserved++;
            level->moved++;
        }
        (void)snprintf(events[i], sizeof events[i], "{\"order_id\": \"order-%zu\"}", i + 1);
        commit.decision_count++;
    }
    return commit;
}

static enum exit_code decide_orders(size_t count)
{
    struct ledger_level level = {.sku = "hot"};
    struct ledger_commit commit;
    enum exit_code code;

    for (size_t i = 0; i < count; i++) {
        (void)snprintf(ids[i], sizeof ids[i], "order-%zu", i + 1);
        claims[i].order_id = ids[i];
    }
    code = ledger->operations->claim(ledger, clock_utc_ms(), claims, count);
    if (code == EXIT_OK)
        code = ledger->operations->levels(ledger, &level, 1);
    if (code != EXIT_OK)
        return code;
    commit = commit_of(count, &level);
    return ledger->operations->commit(ledger, &commit);
}

static enum exit_code relay(size_t *count)
{
    const struct ledger_commit commit = {.events = 0};
    enum exit_code code =
        ledger->operations->claim_unsent(ledger, LEDGER_ORPHANED, 0, claims, *count, count);

    if (code == EXIT_OK && *count > 0)
        code = ledger->operations->commit(ledger, &commit);
    return code;
}

/* Counts those that are released by this attempt. */
static enum exit_code release(size_t count, size_t *released)
{
    struct ledger_level level = {.sku = "hot"};
    struct ledger_commit commit = {.decisions = decisions, .levels = &level, .level_count = 1};
    enum exit_code code;

    for (size_t i = 0; i < count; i++) {
        (void)snprintf(ids[i], sizeof ids[i], "order-%zu", i + 1);
        ends[i].order_id = ids[i];
    }
    code = ledger->operations->claim_ends(ledger, LEDGER_RELEASED, ends, count);
    if (code == EXIT_OK)
        code = ledger->operations->levels(ledger, &level, 1);
    if (code != EXIT_OK)
        return code;
    for (size_t i = 0; i < count; i++)
        if (ends[i].outcome == LEDGER_RESERVED)
            decisions[commit.decision_count++] = (struct ledger_decision){
                .key = ends[i].key, .outcome = LEDGER_RELEASED, .event = "{}"};
    *released = commit.decision_count;
    level.moved = -(int64_t)*released;
    return ledger->operations->commit(ledger, &commit);
}

static enum exit_code release_all(size_t most)
{
    size_t released = 0;
    size_t left = most;
    unsigned last;
    enum exit_code code;

    do {
        trips = 0;
        attempts++;
        code = release(most, &released);
        for (size_t i = 0; i < most; i++)
            free(ends[i].held);
    } while (code == EXIT_PENDING);
    last = trips;
    if (code == EXIT_OK)
        code = relay(&left);
    (void)printf("released %zu left %zu attempts %u trips %u\n", released, left, attempts, last);
    return code;
}

static void print(size_t count)
{
    size_t standings[3] = {0};

    for (size_t i = 0; i < count; i++)
        standings[claims[i].standing]++;
    (void)printf("new %zu unsent %zu handled %zu attempts %u trips %u\n", standings[LEDGER_NEW],
                 standings[LEDGER_UNSENT], standings[LEDGER_HANDLED], attempts, trips);
}

static enum exit_code settle(size_t count)
{
    const struct ledger_sent sent = {.keys = keys, .count = count};
    enum exit_code code;

    for (size_t i = 0; i < count; i++)
        keys[i] = claims[i].key;
    trips = 0;
    code = ledger->operations->mark_sent(ledger, &sent);
    (void)printf("marked, trips %u\n", trips);
    return code;
}

/* Forgets the claims, but not how they stand. */
static void forget_claims(bool are_events, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(claims[i].event);
        claims[i].event = NULL;
        if (are_events)
            free((char *)claims[i].order_id);
    }
}

int main(int argc, char **argv)
{
    const struct store_patience patience = {.attempts = 60, .delay_s = 1};
    size_t most = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    bool are_events = argc > 1 && strcmp(argv[1], "orders") != 0;
    size_t count;
    enum exit_code code;

    report_program(argv[0]);
    stop_on_signals();
    if (most == 0 || most > BATCH_MAX)
        die(EXIT_USAGE, "usage: decide orders|relay|settle|release N [CUT]");
    code = engine_open_ledger(NULL, LEDGER_DECIDE, &patience, &ledger);
    if (code != EXIT_OK)
        return (int)code;
    watch_trips(argc > 3 ? argv[3] : NULL);
    if (strcmp(argv[1], "release") == 0) {
        code = release_all(most);
        ledger->operations->close(ledger);
        return (int)code;
    }
    do {
        trips = 0;
        attempts++;
        count = most;
        code = are_events ? relay(&count) : decide_orders(count);
        forget_claims(are_events, count);
    } while (code == EXIT_PENDING);
    if (code == EXIT_OK)
        print(count);
    if (code == EXIT_OK && strcmp(argv[1], "settle") == 0)
        code = settle(count);
    ledger->operations->close(ledger);
    return (int)code;
}
