#include "place/receipts.h"

#include "unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A line for each receipt that was told: its number and the status. */
static char lines_told[64 * 1024];

static void note(void *context, const struct receipt *receipt)
{
    size_t len = strlen(lines_told);

    (void)context;
    EQUAL(receipt->id[UUID_BYTES - 1], receipt->number % 256);
    (void)snprintf(lines_told + len, sizeof lines_told - len, "%" PRIu64 " %s\n", receipt->number,
                   order_status_name(receipt_status(receipt)));
}

/* Tells what is due. */
static void check_told(struct receipts *receipts, const char *expected)
{
    lines_told[0] = '\0';
    receipts_tell(receipts, note, NULL);
    SAME(lines_told, expected);
}

static uint64_t add(struct receipts *receipts, int64_t seq, enum receipt_state state)
{
    struct receipt receipt = {.key = seq, .state = state, .number = (uint64_t)seq};

    receipt.id[UUID_BYTES - 1] = (unsigned char)seq;
    return receipts_add(receipts, &receipt);
}

static void tells_in_the_order_of_coming(void)
{
    struct receipts *receipts = receipts_new();
    uint64_t first = add(receipts, 1, RECEIPT_AWAITED);
    uint64_t second = add(receipts, 2, RECEIPT_AWAITED);

    EQUAL(first, 0);
    EQUAL(second, 1);
    EQUAL(receipts_end(receipts), 2);
    receipts_at(receipts, second)->state = RECEIPT_PLACED;
    check_told(receipts, "");
    receipts_at(receipts, first)->state = RECEIPT_CONFIRMED;
    check_told(receipts, "");
    receipts_at(receipts, first)->state = RECEIPT_PENDING;
    EQUAL(receipts_waiting(receipts), 2);
    check_told(receipts, "1 PENDING\n2 PLACED\n");
    EQUAL(receipts_waiting(receipts), 0);
    EQUAL(receipts_end(receipts), 2);
    EQUAL(receipts_told(receipts), 2);
    receipts_free(receipts);
}

static void tells_whether_some_are_pending(void)
{
    struct receipts *receipts = receipts_new();

    (void)add(receipts, 1, RECEIPT_PLACED);
    (void)add(receipts, 2, RECEIPT_PENDING);
    CHECK(!receipts_some_pending(receipts));
    check_told(receipts, "1 PLACED\n2 PENDING\n");
    CHECK(receipts_some_pending(receipts));
    receipts_free(receipts);
}

static void tells_nothing_of_those_for_whom_nobody_waits(void)
{
    const struct receipt silent = {.key = 1, .state = RECEIPT_PENDING, .silent = true};
    struct receipts *receipts = receipts_new();

    (void)receipts_add(receipts, &silent);
    (void)add(receipts, 2, RECEIPT_PLACED);
    check_told(receipts, "2 PLACED\n");
    EQUAL(receipts_told(receipts), 1);
    CHECK(receipts_some_pending(receipts));
    receipts_free(receipts);
}

static void answers_repeats_as_the_first_of_their_order(void)
{
    static const enum receipt_state states[] = {RECEIPT_PLACED, RECEIPT_PENDING};
    static const char *const lines[] = {"1 PLACED\n1 PLACED\n1 PLACED\n",
                                        "1 PENDING\n1 PENDING\n1 PENDING\n"};

    for (size_t i = 0; i < COUNT(states); i++) {
        struct receipts *receipts = receipts_new();

        (void)add(receipts, 1, RECEIPT_AWAITED);
        (void)add(receipts, 1, RECEIPT_REPEATED);
        (void)add(receipts, 1, RECEIPT_REPEATED);
        (void)add(receipts, 2, RECEIPT_AWAITED);
        check_told(receipts, "");
        receipts_at(receipts, 0)->state = states[i];
        check_told(receipts, lines[i]);
        EQUAL(receipts_waiting(receipts), 1);
        receipts_free(receipts);
    }
}

static void finds_receipts(void)
{
    struct receipts *receipts = receipts_new();
    uint64_t from = 0;

    (void)add(receipts, 7, RECEIPT_AWAITED);
    (void)add(receipts, 8, RECEIPT_CONFIRMED);
    (void)add(receipts, 7, RECEIPT_REPEATED);
    (void)add(receipts, 9, RECEIPT_CONFIRMED);
    CHECK(receipts_of_key(receipts, 7) == receipts_at(receipts, 0));
    CHECK(receipts_of_key(receipts, 9) == receipts_at(receipts, 3));
    CHECK(receipts_of_key(receipts, 1) == NULL);
    CHECK(receipts_next(receipts, RECEIPT_CONFIRMED, &from) == receipts_at(receipts, 1));
    EQUAL(from, 2);
    CHECK(receipts_next(receipts, RECEIPT_CONFIRMED, &from) == receipts_at(receipts, 3));
    EQUAL(from, 4);
    CHECK(receipts_next(receipts, RECEIPT_CONFIRMED, &from) == NULL);
    receipts_free(receipts);
}

static void changes_and_cuts(void)
{
    struct receipts *receipts = receipts_new();

    (void)add(receipts, 1, RECEIPT_CONFIRMED);
    (void)add(receipts, 2, RECEIPT_AWAITED);
    (void)add(receipts, 3, RECEIPT_CONFIRMED);
    receipts_change(receipts, RECEIPT_CONFIRMED, RECEIPT_PLACED);
    EQUAL(receipts_at(receipts, 0)->state, RECEIPT_PLACED);
    EQUAL(receipts_at(receipts, 1)->state, RECEIPT_AWAITED);
    EQUAL(receipts_at(receipts, 2)->state, RECEIPT_PLACED);
    receipts_cut(receipts, 1);
    EQUAL(receipts_waiting(receipts), 1);
    EQUAL(add(receipts, 4, RECEIPT_PLACED), 1);
    check_told(receipts, "1 PLACED\n4 PLACED\n");
    receipts_free(receipts);
    receipts_free(NULL);
}

/* A ring that is not at its start when it has to grow. */
static void keeps_more_than_there_was_room_for(void)
{
    struct receipts *receipts = receipts_new();
    int in_place = 0;

    for (int64_t i = 0; i < 300; i++)
        (void)add(receipts, i, RECEIPT_PLACED);
    receipts_tell(receipts, note, NULL);
    for (int64_t i = 300; i < 3000; i++)
        EQUAL(add(receipts, i, RECEIPT_AWAITED), i);
    for (uint64_t i = 300; i < 3000; i++)
        in_place += receipts_at(receipts, i)->key == (int64_t)i;
    EQUAL(in_place, 2700);
    EQUAL(receipts_waiting(receipts), 2700);
    receipts_free(receipts);
}

static void prints_a_line(void)
{
    static const unsigned char id[UUID_BYTES] = {0x01, 0x9A, [UUID_BYTES - 1] = 0xFF};
    char line[RECEIPT_LINE_SIZE];

    EQUAL(receipt_print(line, id, ORDER_PLACED, false), 72);
    SAME(line, "{\"order_id\": \"019a0000-0000-0000-0000-0000000000ff\", \"status\": \"PLACED\"}");
    EQUAL(receipt_print(line, id, ORDER_PENDING, true), 91);
    SAME(line, "{\"order_id\": \"019a0000-0000-0000-0000-0000000000ff\", \"status\": \"PENDING\", "
               "\"repeated\": true}");
}

int main(void)
{
    RUN(tells_in_the_order_of_coming);
    RUN(tells_whether_some_are_pending);
    RUN(tells_nothing_of_those_for_whom_nobody_waits);
    RUN(answers_repeats_as_the_first_of_their_order);
    RUN(finds_receipts);
    RUN(changes_and_cuts);
    RUN(keeps_more_than_there_was_room_for);
    RUN(prints_a_line);
    return unit_end();
}
