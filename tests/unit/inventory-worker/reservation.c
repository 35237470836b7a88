#include "inventory-worker/reservation.h"

#include "unit.h"

#include <string.h>

#define MAX_QTY 100
#define ITEMS_MAX 4

/* Levels of up to ITEMS_MAX skus; those without a sku do not count. */
struct stock {
    const char *sku;
    int64_t on_hand; /* negative: not limited */
};

static void set_levels(struct levels *levels, const struct stock *stock)
{
    for (size_t i = 0; i < ITEMS_MAX && stock[i].sku != NULL; i++) {
        levels_add(levels, stock[i].sku);
        levels->all[i].is_limited = stock[i].on_hand >= 0;
        levels->all[i].on_hand = levels->all[i].is_limited ? stock[i].on_hand : 0;
        levels->any = levels->any || levels->all[i].is_limited;
    }
    levels->read = levels->count;
}

static struct order order_of(struct order_item *items)
{
    struct order order = {.items = items};

    while (order.item_count < ITEMS_MAX && items[order.item_count].sku != NULL)
        order.item_count++;
    return order;
}

static void decides_an_order(void)
{
    static const struct {
        const char *name;
        bool is_strict;
        struct order_item items[ITEMS_MAX];
        struct stock stock[ITEMS_MAX];
        const char *reason; /* NULL: reserved */
        struct order_item moves[ITEMS_MAX];
    } rows[] = {
        {.name = "no stock is kept", .items = {{"a", 5}}},
        {.name = "the sku is not limited", .items = {{"a", 5}}, .stock = {{"a", -1}, {"b", 1}}},
        {.name = "enough", .items = {{"a", 5}}, .stock = {{"a", 6}}, .moves = {{"a", 5}}},
        {.name = "just enough", .items = {{"a", 5}}, .stock = {{"a", 5}}, .moves = {{"a", 5}}},
        {.name = "one too few",
         .items = {{"a", 5}},
         .stock = {{"a", 4}},
         .reason = "sku 'a': wanted 5, available 4"},
        {.name = "nothing on hand",
         .items = {{"a", 1}},
         .stock = {{"a", 0}},
         .reason = "sku 'a': wanted 1, available 0"},
        {.name = "a sku twice: together enough",
         .items = {{"a", 2}, {"b", 1}, {"a", 3}},
         .stock = {{"a", 5}, {"b", -1}},
         .moves = {{"a", 5}}},
        {.name = "a sku twice: together too much",
         .items = {{"a", 2}, {"a", 4}},
         .stock = {{"a", 5}},
         .reason = "sku 'a': wanted 6, available 5"},
        {.name = "all or nothing",
         .items = {{"a", 1}, {"b", 2}},
         .stock = {{"a", 1}, {"b", 1}},
         .reason = "sku 'b': wanted 2, available 1"},
        {.name = "moves by sku",
         .items = {{"b", 2}, {"a", 1}},
         .stock = {{"b", 2}, {"a", 1}},
         .moves = {{"a", 1}, {"b", 2}}},
        {.name = "strict: each sku has a level",
         .is_strict = true,
         .items = {{"a", 2}},
         .stock = {{"a", 2}},
         .moves = {{"a", 2}}},
        {.name = "strict: one has none",
         .is_strict = true,
         .items = {{"a", 1}, {"b", 1}},
         .stock = {{"a", 5}},
         .reason = "sku 'b': no stock level"},
        {.name = "strict: none has one",
         .is_strict = true,
         .items = {{"a", 1}},
         .reason = "sku 'a': no stock level"},
        {.name = "at the limit", .items = {{"a", MAX_QTY}}},
        {.name = "over the limit",
         .items = {{"a", 1}, {"b", MAX_QTY + 1}},
         .reason = "qty 101 of sku 'b' is over the limit of 100"},
        {.name = "over the limit, though on hand",
         .items = {{"a", MAX_QTY + 1}},
         .stock = {{"a", 1000}},
         .reason = "qty 101 of sku 'a' is over the limit of 100"},
        {.name = "the limit is of an item, not of a sku",
         .items = {{"a", MAX_QTY}, {"a", MAX_QTY}},
         .stock = {{"a", 1000}},
         .moves = {{"a", 2 * MAX_QTY}}},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct order_item items[ITEMS_MAX];
        struct levels levels = {0};
        struct order order;
        struct reservation reservation;
        size_t count = 0;

        unit_row(rows[i].name);
        memcpy(items, rows[i].items, sizeof items);
        order = order_of(items);
        set_levels(&levels, rows[i].stock);
        reservation_decide(&order, &(struct reservation_rule){MAX_QTY, rows[i].is_strict}, &levels,
                           &reservation);
        EQUAL(reservation.outcome, rows[i].reason == NULL ? LEDGER_RESERVED : LEDGER_FAILED);
        if (rows[i].reason != NULL)
            SAME(reservation.reason, rows[i].reason);
        while (count < ITEMS_MAX && rows[i].moves[count].sku != NULL)
            count++;
        if (EQUAL(reservation.move_count, count))
            for (size_t j = 0; j < count; j++) {
                SAME(reservation.moves[j].sku, rows[i].moves[j].sku);
                EQUAL(reservation.moves[j].qty, rows[i].moves[j].qty);
            }
        reservation_free(&reservation);
        levels_free(&levels);
    }
}

static void moves_what_is_on_hand(void)
{
    static const struct stock stock[ITEMS_MAX] = {{"a", 5}, {"b", -1}};
    struct levels levels = {0};

    set_levels(&levels, stock);
    levels_move(&levels, "a", 2);
    levels_move(&levels, "a", 1);
    EQUAL(levels_find(&levels, "a")->on_hand, 2);
    EQUAL(levels_find(&levels, "a")->reserved, 3);
    EQUAL(levels_find(&levels, "a")->moved, 3);
    CHECK(levels_find(&levels, "b") == NULL);
    CHECK(levels_find(&levels, "c") == NULL);
    levels_free(&levels);
}

static void moves_what_ends(void)
{
    static const struct stock stock[ITEMS_MAX] = {{"a", 5}, {"b", 5}};
    static const struct order_item back[] = {{"a", 2}, {"c", 1}};
    static const struct order_item out[] = {{"b", 3}};
    struct levels levels = {0};

    set_levels(&levels, stock);
    levels_give_back(&levels, back, COUNT(back));
    levels_hand_over(&levels, out, COUNT(out));
    EQUAL(levels_find(&levels, "a")->on_hand, 7);
    EQUAL(levels_find(&levels, "a")->moved, -2);
    EQUAL(levels_find(&levels, "b")->on_hand, 5);
    EQUAL(levels_find(&levels, "b")->reserved, -3);
    EQUAL(levels_find(&levels, "b")->handed, 3);
    levels_free(&levels);
}

static void holds_each_of_many_skus_once(void)
{
    struct levels levels = {0};
    char sku[8] = "sku-000";

    for (int i = 0; i < 2000; i++) {
        int number = i % 1000;

        sku[4] = (char)('0' + number / 100);
        sku[5] = (char)('0' + number / 10 % 10);
        sku[6] = (char)('0' + number % 10);
        levels_add(&levels, sku);
    }
    EQUAL(levels.count, 1000);
    levels.any = true;
    levels.all[999].is_limited = true;
    CHECK(levels_find(&levels, "sku-999") == &levels.all[999]);
    levels_clear(&levels);
    EQUAL(levels.count, 0);
    CHECK(levels_find(&levels, "sku-999") == NULL);
    levels_free(&levels);
}

int main(void)
{
    RUN(decides_an_order);
    RUN(moves_what_is_on_hand);
    RUN(moves_what_ends);
    RUN(holds_each_of_many_skus_once);
    return unit_end();
}
