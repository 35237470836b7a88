#include "place/receipts.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>

#define FIRST_SIZE 512

struct receipts {
    struct receipt *ring;
    size_t size;
    uint64_t first; /* number of the first that is not told */
    uint64_t end;
    uint64_t told;
    bool some_repeated; /* one of them may be RECEIPT_REPEATED */
    bool some_pending;
};

struct receipts *receipts_new(void)
{
    struct receipts *receipts = xcalloc(1, sizeof *receipts);

    receipts->size = FIRST_SIZE;
    receipts->ring = xcalloc(receipts->size, sizeof *receipts->ring);
    return receipts;
}

void receipts_free(struct receipts *receipts)
{
    if (receipts == NULL)
        return;
    free(receipts->ring);
    free(receipts);
}

struct receipt *receipts_at(struct receipts *receipts, uint64_t number)
{
    return &receipts->ring[number % receipts->size];
}

struct receipt *receipts_oldest(struct receipts *receipts)
{
    return receipts_waiting(receipts) == 0 ? NULL : receipts_at(receipts, receipts->first);
}

struct receipt *receipts_of_key(struct receipts *receipts, int64_t key)
{
    for (uint64_t i = receipts->first; i < receipts->end; i++)
        if (receipts_at(receipts, i)->key == key)
            return receipts_at(receipts, i);
    return NULL;
}

struct receipt *receipts_next(struct receipts *receipts, enum receipt_state state, uint64_t *from)
{
    uint64_t i = *from > receipts->first ? *from : receipts->first;

    while (i < receipts->end && receipts_at(receipts, i)->state != state)
        i++;
    *from = i + 1;
    return i < receipts->end ? receipts_at(receipts, i) : NULL;
}

void receipts_change(struct receipts *receipts, enum receipt_state from, enum receipt_state to)
{
    struct receipt *receipt;
    uint64_t at = 0;

    while ((receipt = receipts_next(receipts, from, &at)) != NULL)
        receipt->state = to;
}

static void grow(struct receipts *receipts)
{
    size_t size = receipts->size * 2;
    struct receipt *grown = xcalloc(size, sizeof *grown);

    for (uint64_t i = receipts->first; i < receipts->end; i++)
        grown[i % size] = *receipts_at(receipts, i);
    free(receipts->ring);
    receipts->ring = grown;
    receipts->size = size;
}

uint64_t receipts_add(struct receipts *receipts, const struct receipt *receipt)
{
    if (receipts_waiting(receipts) == receipts->size)
        grow(receipts);
    *receipts_at(receipts, receipts->end) = *receipt;
    receipts->some_repeated = receipts->some_repeated || receipt->state == RECEIPT_REPEATED;
    return receipts->end++;
}

uint64_t receipts_end(const struct receipts *receipts)
{
    return receipts->end;
}

void receipts_cut(struct receipts *receipts, uint64_t end)
{
    receipts->end = end > receipts->first ? end : receipts->first;
}

void receipts_silence(struct receipts *receipts, uint64_t from)
{
    for (uint64_t i = from > receipts->first ? from : receipts->first; i < receipts->end; i++)
        receipts_at(receipts, i)->silent = true;
}

size_t receipts_waiting(const struct receipts *receipts)
{
    return (size_t)(receipts->end - receipts->first);
}

static void answer_repeats(struct receipts *receipts, const struct receipt *earlier)
{
    struct receipt *repeat;
    uint64_t at = receipts->first + 1;

    while ((repeat = receipts_next(receipts, RECEIPT_REPEATED, &at)) != NULL)
        if (repeat->key == earlier->key)
            repeat->state = earlier->state;
}

enum order_status receipt_status(const struct receipt *receipt)
{
    return receipt->state == RECEIPT_PLACED ? ORDER_PLACED : ORDER_PENDING;
}

void receipts_tell(struct receipts *receipts, receipt_tell *tell, void *context)
{
    for (; receipts->first < receipts->end; receipts->first++) {
        const struct receipt *receipt = receipts_at(receipts, receipts->first);

        if (receipt->state != RECEIPT_PLACED && receipt->state != RECEIPT_PENDING)
            break;
        if (receipt->state == RECEIPT_PENDING)
            receipts->some_pending = true;
        if (!receipt->silent) {
            tell(context, receipt);
            receipts->told++;
        }
        if (receipts->some_repeated)
            answer_repeats(receipts, receipt);
    }
}

uint64_t receipts_told(const struct receipts *receipts)
{
    return receipts->told;
}

bool receipts_some_pending(const struct receipts *receipts)
{
    return receipts->some_pending;
}

size_t receipt_print(char line[RECEIPT_LINE_SIZE], const unsigned char *id,
                     enum order_status status, bool is_repeated)
{
    char order_id[UUID_TEXT_SIZE];

    uuid_to_text(id, order_id);
    return (size_t)snprintf(line, RECEIPT_LINE_SIZE, "{\"order_id\": \"%s\", \"status\": \"%s\"%s}",
                            order_id, order_status_name(status),
                            is_repeated ? ", \"repeated\": true" : "");
}
