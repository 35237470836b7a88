#include "inventory-worker/outbox.h"

#include "unit.h"

#include "base/clock.h"
#include "sqlite/open.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OWED 20 /* more than are tried at once */

static struct ledger *ledger;
static struct ledger_claim claims[OWED];

/* Records orders whose events this run owes then. */
static void owe(void)
{
    struct ledger_decision decisions[OWED];
    struct ledger_commit commit = {.decisions = decisions, .decision_count = OWED};
    char ids[OWED][8];

    for (size_t i = 0; i < OWED; i++) {
        (void)snprintf(ids[i], sizeof ids[i], "%d", (int)i);
        claims[i] = (struct ledger_claim){.order_id = ids[i]};
    }
    EQUAL(ledger->operations->claim(ledger, 1, claims, OWED), EXIT_OK);
    for (size_t i = 0; i < OWED; i++)
        decisions[i] = (struct ledger_decision){
            .key = claims[i].key, .outcome = LEDGER_RESERVED, .event = "{}"};
    EQUAL(ledger->operations->commit(ledger, &commit), EXIT_OK);
}

/* Returns how many events are claimed, as announcements of which nobody has heard yet. */
static size_t claim(struct outbox *outbox, bool is_idle, size_t max)
{
    size_t count = 0;

    EQUAL(outbox_claim(outbox, ledger, true, is_idle, claims, max, &count), EXIT_OK);
    for (size_t i = 0; i < count; i++) {
        free((char *)claims[i].order_id);
        free(claims[i].event);
    }
    ledger->operations->abandon(ledger);
    return count;
}

static const struct announcement first = {.order_id = "1"};
static const struct announcement again = {.order_id = "1", .is_retry = true};

/* Returns an outbox of which the broker has refused so many events, and whose pause is over. */
static struct outbox refused(size_t count)
{
    struct outbox outbox = {0};

    for (size_t i = 0; i < count; i++)
        outbox_refused(&outbox, &first, true, "NOT_FOUND");
    outbox.retry_ms = clock_monotonic_ms();
    (void)unit_captured(2);
    return outbox;
}

static void reports_the_first_refusal_of_an_event(void)
{
    struct outbox outbox = {0};

    outbox_refused(&outbox, &first, true, "NOT_FOUND");
    SAME(unit_captured(2), "order-tools: the broker did not take the event of order '1': "
                           "NOT_FOUND; it stays owed, and is tried again\n");
    outbox_refused(&outbox, &first, false, "NOT_FOUND");
    EQUAL(outbox.refused, 2);
    EQUAL(outbox.in_a_row, 1);
    (void)unit_captured(2);
    outbox_refused(&outbox, &again, false, "NOT_FOUND");
    SAME(unit_captured(2), "");
    EQUAL(outbox.refused, 2);
    outbox_confirmed(&outbox, &first);
    EQUAL(outbox.in_a_row, 0);
    EQUAL(outbox.refused, 2);
    outbox_confirmed(&outbox, &again);
    EQUAL(outbox.refused, 1);
}

static void waits_before_it_tries_again(void)
{
    struct outbox outbox = {0};

    outbox_refused(&outbox, &first, true, "NOT_FOUND");
    CHECK(!outbox_holds_back(&outbox));
    EQUAL(claim(&outbox, true, OWED), 0);
    outbox.retry_ms = clock_monotonic_ms();
    CHECK(outbox_holds_back(&outbox));
    EQUAL(claim(&outbox, false, OWED), 0);
    CHECK(claim(&outbox, true, OWED) > 0);
    CHECK(outbox_holds_back(&outbox));
    (void)unit_captured(2);
}

static void tries_one_after_the_other(void)
{
    struct outbox outbox = refused(OWED);
    size_t tried = claim(&outbox, true, OWED);

    CHECK(tried < OWED);
    outbox_rests(&outbox);
    CHECK(!outbox.is_trying);
    CHECK(outbox_holds_back(&outbox));
    EQUAL(claim(&outbox, true, OWED), OWED - tried);
    outbox_rests(&outbox);
    CHECK(!outbox_holds_back(&outbox));
}

static void pauses_for_longer_each_time(void)
{
    static const int pauses[] = {4000, 8000, 16000, 32000, 60000, 60000};
    struct outbox outbox = refused(1);

    for (size_t i = 0; i < COUNT(pauses); i++) {
        outbox.retry_ms = clock_monotonic_ms();
        EQUAL(claim(&outbox, true, 1), 1);
        outbox_refused(&outbox, &again, false, "NOT_FOUND");
        outbox_rests(&outbox);
        CHECK(!outbox_holds_back(&outbox));
        EQUAL(outbox.pause_ms, pauses[i]);
        CHECK(outbox.retry_ms > clock_monotonic_ms() + pauses[i] / 2);
    }
    outbox_rests(&outbox);
    EQUAL(outbox.pause_ms, 60000);
}

int main(void)
{
    char path[] = "/tmp/unit-outbox-XXXXXX";

    if (mkdtemp(path) == NULL || chdir(path) != 0 ||
        sqlite_ledger_open("ledger.db", LEDGER_DECIDE, &ledger) != EXIT_OK)
        return 1;
    unit_capture(2);
    owe();
    RUN(reports_the_first_refusal_of_an_event);
    RUN(waits_before_it_tries_again);
    RUN(tries_one_after_the_other);
    RUN(pauses_for_longer_each_time);
    ledger->operations->close(ledger);
    (void)unlink("ledger.db");
    (void)unlink("ledger.db-runs");
    (void)rmdir(path);
    return unit_end();
}
