#include "order-http/listing.h"

#include "unit.h"

#include "base/memory.h"
#include "engine/open.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ORDERS 5
#define LARGE 70000 /* bytes of the data of order 2: more than is read from the store at once */

static char folder[] = "/tmp/listing.XXXXXX";
static char path[64];
static struct orders *writer;
static struct orders *reader;
static int64_t keys[ORDERS];
static char large[LARGE + 1];
static char lines[ORDERS + 1][LARGE + 200]; /* what is expected of each, by number */

static bool keep_key(void *context, size_t index, const struct stored_order *order)
{
    (void)context;
    keys[index] = order->key;
    return true;
}

static void commit(struct orders_commit *commit)
{
    commit->visit = keep_key;
    if (writer->operations->commit(writer, commit) != EXIT_OK ||
        writer->operations->await(writer) != EXIT_OK)
        exit(99);
}

/* Stores orders 1 to ORDERS; those with an even number are placed, the others pending. */
static void make_store(void)
{
    struct stored_order added[ORDERS];
    int64_t placed[2];

    if (mkdtemp(folder) == NULL)
        exit(99);
    (void)snprintf(path, sizeof path, "%s/orders.db", folder);
    (void)memset(large, 'x', LARGE);
    large[0] = large[LARGE - 1] = '"';
    if (engine_open_orders(path, ORDERS_PLACE, NULL, &writer) != EXIT_OK)
        exit(99);
    for (int i = 0; i < ORDERS; i++) {
        const char *data = i + 1 == 2 ? large : "{\"a\":1}";

        added[i] = (struct stored_order){.placed_at = 0, .data = data, .data_len = strlen(data)};
        memset(added[i].id, 0, UUID_BYTES);
        added[i].id[15] = (unsigned char)(i + 1);
        (void)snprintf(lines[i + 1], sizeof lines[0],
                       "{\"order_id\": \"00000000-0000-0000-0000-00000000000%d\", \"status\": "
                       "\"%s\", \"data\": %s, \"placed_at\": \"1970-01-01T00:00:00.000Z\"}",
                       i + 1, i % 2 == 0 ? "PENDING" : "PLACED", data);
    }
    commit(&(struct orders_commit){.added = added, .added_count = ORDERS});
    placed[0] = keys[1];
    placed[1] = keys[3];
    commit(&(struct orders_commit){.placed = placed, .placed_count = 2});
    if (engine_open_orders(path, ORDERS_LOOK, NULL, &reader) != EXIT_OK)
        exit(99);
}

static void remove_store(void)
{
    char runs[80];

    reader->operations->close(reader);
    writer->operations->close(writer);
    (void)snprintf(runs, sizeof runs, "%s-runs", path);
    (void)unlink(runs);
    (void)unlink(path);
    (void)rmdir(folder);
}

/* The text of a list with the orders whose numbers are digits. */
static const char *text_of(const char *digits)
{
    static char text[2 * LARGE];
    size_t len = (size_t)snprintf(text, sizeof text, "{\"orders\": [");

    for (size_t i = 0; digits[i] != '\0'; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s\n%s", i > 0 ? "," : "",
                                lines[digits[i] - '0']);
    (void)snprintf(text + len, sizeof text - len, "%s], \"count\": %zu}\n",
                   *digits != '\0' ? "\n" : "", strlen(digits));
    return text;
}

/* Reads all of a list through a buffer of max bytes, and frees it. */
static const char *read_all(struct listing *listing, size_t max)
{
    static char text[2 * LARGE];
    char *buffer = xmalloc(max);
    size_t len = 0;
    ssize_t got;

    while ((got = listing_read(listing, buffer, max)) > 0) {
        if (!CHECK((size_t)got <= max && len + (size_t)got < sizeof text))
            break;
        memcpy(text + len, buffer, (size_t)got);
        len += (size_t)got;
    }
    EQUAL(got, ANSWER_END);
    EQUAL(listing_read(listing, buffer, max), ANSWER_END);
    text[len] = '\0';
    free(buffer);
    listing_free(listing);
    return text;
}

static void reads_all_through_any_buffer(void)
{
    static const size_t sizes[] = {1, 2, 7, 100, 199, 500, LARGE, 3 * LARGE};

    for (size_t i = 0; i < COUNT(sizes); i++)
        SAME(read_all(listing_new(reader, NULL, 0), sizes[i]), text_of("12345"));
}

static void reads_those_of_a_status_after_one(void)
{
    enum order_status placed = ORDER_PLACED;
    enum order_status pending = ORDER_PENDING;

    SAME(read_all(listing_new(reader, NULL, keys[2]), 1000), text_of("45"));
    SAME(read_all(listing_new(reader, NULL, keys[4]), 1000), text_of(""));
    SAME(read_all(listing_new(reader, &placed, 0), 1000), text_of("24"));
    SAME(read_all(listing_new(reader, &pending, 0), 1000), text_of("135"));
    SAME(read_all(listing_new(reader, &pending, keys[0]), 1000), text_of("35"));
    SAME(read_all(listing_new(reader, &placed, keys[3]), 1000), text_of(""));
}

static void ends_a_page(void)
{
    static const struct {
        const char *name;
        int after; /* number of an order */
        size_t limit;
        int only; /* -1: all */
        const char *numbers;
        bool more;
    } rows[] = {
        {"the first", 0, 2, -1, "12", true},
        {"a middle one", 2, 2, -1, "34", true},
        {"the last", 4, 2, -1, "5", false},
        {"just the rest", 3, 2, -1, "45", false},
        {"all", 0, 5, -1, "12345", false},
        {"more than all", 0, 1000, -1, "12345", false},
        {"none", 5, 2, -1, "", false},
        {"one placed", 0, 1, ORDER_PLACED, "2", true},
        {"all placed", 0, 2, ORDER_PLACED, "24", false},
        {"one pending", 1, 1, ORDER_PENDING, "3", true},
        {"all pending", 0, 3, ORDER_PENDING, "135", false},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        enum order_status only = (enum order_status)(rows[i].only < 0 ? 0 : rows[i].only);
        size_t count = strlen(rows[i].numbers);
        struct listing *listing = listing_new(reader, rows[i].only < 0 ? NULL : &only,
                                              rows[i].after == 0 ? 0 : keys[rows[i].after - 1]);
        unsigned char last[UUID_BYTES];
        bool more = !rows[i].more;

        unit_row(rows[i].name);
        EQUAL(listing_limit(listing, rows[i].limit, &more, last), EXIT_OK);
        EQUAL(more, rows[i].more);
        if (count > 0)
            EQUAL(last[15], rows[i].numbers[count - 1] - '0');
        SAME(read_all(listing, 1000), text_of(rows[i].numbers));
    }
}

/* Status may change while a page is read; where it ends does not. */
static void keeps_the_end_of_a_page(void)
{
    enum order_status pending = ORDER_PENDING;
    struct listing *listing = listing_new(reader, &pending, 0);
    unsigned char last[UUID_BYTES];
    bool more;

    EQUAL(listing_limit(listing, 2, &more, last), EXIT_OK);
    CHECK(more);
    EQUAL(last[15], 3);
    commit(&(struct orders_commit){.placed = keys, .placed_count = 1});
    SAME(read_all(listing, 1000), text_of("3"));
}

static void fails_if_the_store_is_gone(void)
{
    struct listing *listing = listing_new(reader, NULL, 0);
    char buffer[100];
    char moved[80];

    unit_capture(STDERR_FILENO);
    EQUAL(listing_read(listing, buffer, sizeof buffer), sizeof buffer);
    (void)snprintf(moved, sizeof moved, "%s-moved", path);
    EQUAL(rename(path, moved), 0);
    EQUAL(listing_read(listing, buffer, sizeof buffer), ANSWER_BROKEN);
    CHECK(strstr(unit_captured(STDERR_FILENO), path) != NULL);
    EQUAL(rename(moved, path), 0);
    listing_free(listing);
}

int main(void)
{
    report_program("listing");
    make_store();
    RUN(reads_all_through_any_buffer);
    RUN(reads_those_of_a_status_after_one);
    RUN(ends_a_page);
    RUN(keeps_the_end_of_a_page);
    RUN(fails_if_the_store_is_gone);
    remove_store();
    return unit_end();
}
