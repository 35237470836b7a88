#include "queue-inspect/tap_keys.h"

#include "unit.h"

static void check_keys(const char *exchange, const char *const *expected, size_t count)
{
    struct tap tap = {.exchange = exchange};

    unit_row(exchange);
    EQUAL(tap_find_keys(&tap, NULL), EXIT_OK);
    if (EQUAL(tap.key_count, count))
        for (size_t i = 0; i < count; i++)
            SAME(tap.keys[i], expected[i]);
    tap_free(&tap);
}

static void knows_the_keys_of_the_topology(void)
{
    static const char *const placed[] = {"order.placed", "order.cancelled"};
    static const char *const dead[] = {"order.placed.dlq"};
    static const char *const inventory[] = {"inventory.reserved", "inventory.failed",
                                            "inventory.released", "inventory.handed_over"};

    check_keys("orders-ex", placed, COUNT(placed));
    check_keys("orders-dlx", dead, COUNT(dead));
    check_keys("inventory-ex", inventory, COUNT(inventory));
}

static void asks_for_the_keys_of_another_exchange(void)
{
    struct tap tap = {.exchange = "amq.\ntopic"};

    EQUAL(tap_find_keys(&tap, NULL), EXIT_USAGE);
    SAME(unit_captured(2), "order-tools: which messages of the exchange 'amq.\\x0atopic'? name "
                           "their routing keys with --routing-key\n");
    tap_free(&tap);
}

static void keeps_copies_of_keys(void)
{
    struct tap tap = {.exchange = "ex"};
    char key[] = "one";

    tap_add_key(&tap, key);
    key[0] = 'x';
    tap_add_key(&tap, "#");
    EQUAL(tap.key_count, 2);
    SAME(tap.keys[0], "one");
    SAME(tap.keys[1], "#");
    tap_free(&tap);
}

int main(void)
{
    unit_capture(2);
    RUN(knows_the_keys_of_the_topology);
    RUN(asks_for_the_keys_of_another_exchange);
    RUN(keeps_copies_of_keys);
    return unit_end();
}
