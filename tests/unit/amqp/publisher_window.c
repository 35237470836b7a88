#include "amqp/publisher_window.h"

#include "bytes.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

static struct window window;
static const amqp_basic_properties_t persistent = {._flags = AMQP_BASIC_DELIVERY_MODE_FLAG,
                                                   .delivery_mode = 2};

static struct slot *add(uint64_t cookie)
{
    const struct message message = {
        .exchange = "ex", .routing_key = "key", .properties = &persistent, .body = BYTES("body")};

    return window_add(&window, &message, cookie);
}

/* Adds messages that are published, with tags from 1 on. */
static void publish(size_t count)
{
    for (size_t i = 0; i < count; i++)
        add(i)->tag = i + 1;
}

static void keeps_copies(void)
{
    char body[] = "body";
    char exchange[] = "ex";
    const struct message message = {.exchange = exchange,
                                    .routing_key = "",
                                    .properties = &persistent,
                                    .body = {.len = 4, .bytes = body}};
    struct slot *slot;

    window_init(&window);
    slot = window_add(&window, &message, 7);
    memset(body, 'x', 4);
    exchange[0] = 'x';
    EQUAL(slot->cookie, 7);
    CHECK(slot->tag == SLOT_UNSENT && !slot->has_result && !slot->awaits_repair);
    SAME_BYTES(slot->message.exchange.bytes, slot->message.exchange.len, "ex", 2);
    EQUAL(slot->message.routing_key.len, 0);
    SAME_BYTES(slot->message.body.bytes, slot->message.body.len, "body", 4);
    /* AMQP 0-9-1, 4.2.6.1. */
    SAME_BYTES(slot->message.properties.bytes, slot->message.properties.len, "\x10\0\x02", 3);
    window_free(&window);
}

static void gives_messages_out_in_their_order(void)
{
    window_init(&window);
    for (uint64_t round = 0; round < 3; round++) {
        for (uint64_t i = 0; i < PUBLISHER_WINDOW; i++) {
            CHECK(window_has_room(&window));
            (void)add(i);
        }
        CHECK(!window_has_room(&window));
        for (uint64_t i = 0; i < PUBLISHER_WINDOW - 7; i++) {
            EQUAL(window_slot(&window, 0)->cookie, i);
            window_remove_oldest(&window);
        }
        EQUAL(window_slot(&window, 6)->cookie, PUBLISHER_WINDOW - 1);
        for (int i = 0; i < 7; i++)
            window_remove_oldest(&window);
        EQUAL(window.count, 0);
        EQUAL(window.bytes, 0);
    }
    window_free(&window);
}

/* 16 MiB, beyond which no further message is taken. */
static void has_room_for_so_many_bytes(void)
{
    enum { SIZE = 6 << 20 };
    char *body = calloc(SIZE, 1);
    const struct message message = {.exchange = "",
                                    .routing_key = "",
                                    .properties = &persistent,
                                    .body = {.len = SIZE, .bytes = body}};

    if (!CHECK(body != NULL))
        return;
    window_init(&window);
    for (int i = 0; i < 3; i++) {
        CHECK(window_has_room(&window));
        (void)window_add(&window, &message, 0);
    }
    CHECK(!window_has_room(&window));
    window_remove_oldest(&window);
    CHECK(window_has_room(&window));
    window_free(&window);
    free(body);
}

static void encodes_properties_of_any_size_that_fits_a_frame(void)
{
    enum { SIZE = 100000 };
    char *text = calloc(SIZE, 1);
    amqp_table_entry_t entry = {
        .key = BYTES("h"),
        .value = {.kind = AMQP_FIELD_KIND_UTF8, .value = {.bytes = {.len = SIZE, .bytes = text}}}};
    const amqp_basic_properties_t large = {._flags = AMQP_BASIC_HEADERS_FLAG,
                                           .headers = {.num_entries = 1, .entries = &entry}};
    const struct message message = {.exchange = "", .routing_key = "", .properties = &large};

    if (!CHECK(text != NULL))
        return;
    window_init(&window);
    /* Flags; the length of the table; a name; a kind; the length of the text. */
    EQUAL(window_add(&window, &message, 0)->message.properties.len, 2 + 4 + 2 + 1 + 4 + SIZE);
    window_free(&window);
    free(text);
}

static void counts_what_is_in_flight(void)
{
    window_init(&window);
    publish(5);
    (void)add(5);
    EQUAL(window_in_flight(&window), 5);
    window_slot(&window, 1)->awaits_repair = true;
    EQUAL(window_in_flight(&window), 4);
    window_set_result(&window, window_slot(&window, 0), PUBLISH_CONFIRMED, NULL);
    EQUAL(window_in_flight(&window), 3);
    window_forget_tags(&window);
    EQUAL(window_in_flight(&window), 0);
    EQUAL(window_slot(&window, 0)->tag, 0);
    CHECK(window_slot(&window, 2)->tag == SLOT_UNSENT);
    window_free(&window);
}

static void notes_results(void)
{
    char reason[] = "312 NO_ROUTE";
    struct slot *slot;

    window_init(&window);
    publish(1);
    slot = window_slot(&window, 0);
    window_set_result(&window, slot, PUBLISH_UNROUTABLE, reason);
    reason[0] = 'x';
    CHECK(slot->has_result);
    EQUAL(slot->result, PUBLISH_UNROUTABLE);
    SAME(slot->reason, "312 NO_ROUTE");
    window_remove_oldest(&window);
    slot = add(1);
    CHECK(!slot->has_result && slot->reason == NULL);
    window_free(&window);
}

static void narrows_and_widens_its_limit(void)
{
    window_init(&window);
    publish(9);
    CHECK(!window_is_at_limit(&window));
    window_narrow(&window);
    EQUAL(window.limit, 5);
    CHECK(window_is_at_limit(&window));
    for (size_t i = 0; i < 2; i++)
        window_set_result(&window, window_slot(&window, i), PUBLISH_CONFIRMED, NULL);
    EQUAL(window.limit, 7);
    CHECK(window_is_at_limit(&window));
    window_set_result(&window, window_slot(&window, 2), PUBLISH_CONFIRMED, NULL);
    CHECK(!window_is_at_limit(&window));
    window_forget_tags(&window);
    window_narrow(&window);
    EQUAL(window.limit, 8);
    window_free(&window);
}

static void narrows_to_one_message_at_least(void)
{
    window_init(&window);
    publish(1);
    window_narrow(&window);
    EQUAL(window.limit, 1);
    CHECK(window_is_at_limit(&window));
    window_free(&window);
}

static void halves_its_limit_down_to_one(void)
{
    window_init(&window);
    window_halve(&window);
    EQUAL(window.limit, PUBLISHER_WINDOW / 2);
    for (int i = 0; i < 20; i++)
        window_halve(&window);
    EQUAL(window.limit, 1);
    window_free(&window);
}

static void finds_the_oldest_in_flight(void)
{
    window_init(&window);
    CHECK(window_oldest_in_flight(&window) == NULL);
    publish(3);
    CHECK(window_oldest_in_flight(&window) == window_slot(&window, 0));
    window_set_result(&window, window_slot(&window, 0), PUBLISH_CONFIRMED, NULL);
    window_slot(&window, 1)->tag = SLOT_UNSENT;
    CHECK(window_oldest_in_flight(&window) == window_slot(&window, 2));
    window_free(&window);
}

static void widens_no_further_than_the_window(void)
{
    window_init(&window);
    publish(1);
    window_set_result(&window, window_slot(&window, 0), PUBLISH_CONFIRMED, NULL);
    EQUAL(window.limit, PUBLISHER_WINDOW);
    window_free(&window);
}

int main(void)
{
    RUN(keeps_copies);
    RUN(gives_messages_out_in_their_order);
    RUN(has_room_for_so_many_bytes);
    RUN(encodes_properties_of_any_size_that_fits_a_frame);
    RUN(counts_what_is_in_flight);
    RUN(notes_results);
    RUN(narrows_and_widens_its_limit);
    RUN(narrows_to_one_message_at_least);
    RUN(halves_its_limit_down_to_one);
    RUN(finds_the_oldest_in_flight);
    RUN(widens_no_further_than_the_window);
    return unit_end();
}
