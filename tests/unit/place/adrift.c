#include "place/adrift.h"

#include "unit.h"

static void add(struct adrift *adrift, uint64_t receipt)
{
    struct adrift_order order = {.receipt = receipt, .key = (int64_t)receipt + 1000};

    order.id[0] = (unsigned char)receipt;
    adrift_add(adrift, &order);
}

static void takes_orders_in_their_order(void)
{
    struct adrift adrift = {0};
    struct adrift_order order;

    CHECK(!adrift_take(&adrift, 1, &order));
    for (uint64_t i = 1; i <= 200; i++)
        add(&adrift, i);
    EQUAL(adrift.count, 200);
    CHECK(!adrift_take(&adrift, 2, &order));
    for (uint64_t i = 1; i <= 200; i++) {
        CHECK(adrift_take(&adrift, i, &order));
        EQUAL(order.key, i + 1000);
        EQUAL(order.id[0], i);
    }
    EQUAL(adrift.count, 0);
    CHECK(!adrift_take(&adrift, 201, &order));
    adrift_free(&adrift);
}

static void keeps_what_was_confirmed(void)
{
    struct adrift adrift = {0};

    for (int64_t i = 0; i < 200; i++)
        adrift_confirm(&adrift, i);
    EQUAL(adrift.confirmed_count, 200);
    EQUAL(adrift.confirmed[0], 0);
    EQUAL(adrift.confirmed[199], 199);
    adrift_free(&adrift);
}

int main(void)
{
    RUN(takes_orders_in_their_order);
    RUN(keeps_what_was_confirmed);
    return unit_end();
}
