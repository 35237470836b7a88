#include "listing.h"

#include "base/memory.h"
#include "store/order_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum part { PART_START, PART_ORDERS, PART_END, PART_NONE };

struct listing {
    struct orders *orders;
    const enum order_status *only; /* &status, or NULL */
    enum order_status status;
    int64_t after; /* key of the last order in the text so far */
    int64_t last;  /* key of the last order that may be in it */
    uint64_t count;
    enum part part; /* the next of the text */

    char *held; /* what did not fit into the last buffer, from at on */
    size_t held_size;
    size_t held_len;
    size_t at;

    char *buffer; /* of the call at hand */
    size_t room;
};

struct listing *listing_new(struct orders *orders, const enum order_status *only, int64_t after)
{
    struct listing *listing = xcalloc(1, sizeof *listing);

    listing->orders = orders;
    if (only != NULL) {
        listing->status = *only;
        listing->only = &listing->status;
    }
    listing->after = after;
    listing->last = INT64_MAX;
    return listing;
}

void listing_free(struct listing *listing)
{
    if (listing == NULL)
        return;
    free(listing->held);
    free(listing);
}

/* ---- where a page ends ---- */

struct page {
    size_t limit;
    bool more;
    int64_t last;
    unsigned char id[UUID_BYTES];
};

static bool look(void *context, size_t index, const struct stored_order *order)
{
    struct page *page = context;

    page->more = index == page->limit;
    if (page->more)
        return false;
    page->last = order->key;
    memcpy(page->id, order->id, UUID_BYTES);
    return true;
}

enum exit_code listing_limit(struct listing *listing, size_t limit, bool *more,
                             unsigned char last[UUID_BYTES])
{
    struct page page = {.limit = limit, .last = listing->after};
    enum exit_code code = listing->orders->operations->each(listing->orders, listing->only,
                                                            listing->after, look, &page);

    listing->last = page.last;
    *more = page.more;
    memcpy(last, page.id, UUID_BYTES);
    return code;
}

/* ---- text ---- */

/* Moves what is held into the buffer, as far as there is room. */
static void put_held(struct listing *listing)
{
    size_t len = listing->held_len - listing->at;

    if (len > listing->room)
        len = listing->room;
    if (len > 0)
        memcpy(listing->buffer, listing->held + listing->at, len);
    listing->buffer += len;
    listing->room -= len;
    listing->at += len;
}

/* Returns size bytes for the next part of the text, which put() is to follow: in the buffer, if
 * they fit there. */
static char *space(struct listing *listing, size_t size)
{
    if (size <= listing->room)
        return listing->buffer;
    if (listing->held_size < size) {
        free(listing->held);
        listing->held = xmalloc(size);
        listing->held_size = size;
    }
    return listing->held;
}

static void put(struct listing *listing, const char *text, size_t len)
{
    if (text == listing->buffer) {
        listing->buffer += len;
        listing->room -= len;
        return;
    }
    listing->at = 0;
    listing->held_len = len;
    put_held(listing);
}

static void put_start(struct listing *listing)
{
    static const char start[] = "{\"orders\": [";
    size_t len = sizeof start - 1;

    put(listing, memcpy(space(listing, len), start, len), len);
}

static void put_end(struct listing *listing)
{
    char *text = space(listing, 64);
    int len = snprintf(text, 64, "%s], \"count\": %" PRIu64 "}\n", listing->count > 0 ? "\n" : "",
                       listing->count);

    put(listing, text, (size_t)len);
}

/* Returns whether the next order may be put. */
static bool put_order(void *context, size_t index, const struct stored_order *order)
{
    struct listing *listing = context;
    char *text;
    size_t len = 0;

    (void)index;
    if (order->key > listing->last)
        return false;
    text = space(listing, order_line_size(order) + 2);
    if (listing->count++ > 0)
        text[len++] = ',';
    text[len++] = '\n';
    len += order_line(order, text + len);
    put(listing, text, len);
    listing->after = order->key;
    return listing->room > 0 && order->key < listing->last;
}

static enum exit_code put_orders(struct listing *listing)
{
    enum exit_code code = listing->orders->operations->each(listing->orders, listing->only,
                                                            listing->after, put_order, listing);

    if (listing->room > 0)
        listing->part = PART_END;
    return code;
}

static enum exit_code put_part(struct listing *listing)
{
    switch (listing->part) {
    case PART_START:
        put_start(listing);
        listing->part = PART_ORDERS;
        break;
    case PART_ORDERS:
        return put_orders(listing);
    case PART_END:
        put_end(listing);
        listing->part = PART_NONE;
        break;
    case PART_NONE:
        break;
    }
    return EXIT_OK;
}

ssize_t listing_read(struct listing *listing, char *buffer, size_t max)
{
    enum exit_code code = EXIT_OK;

    listing->buffer = buffer;
    listing->room = max;
    put_held(listing);
    while (code == EXIT_OK && listing->room > 0 && listing->part != PART_NONE)
        code = put_part(listing);
    if (code != EXIT_OK)
        return ANSWER_BROKEN;
    return listing->room < max ? (ssize_t)(max - listing->room) : ANSWER_END;
}
