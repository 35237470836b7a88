#include "store/mover.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* key, order_id, placed_at, data, whether it is pending, its trace or "" */
#define ORDERS                                                                         \
    {                                                                                  \
        "orders", 6,                                                                   \
        {                                                                              \
            MOVED_NUMBER, MOVED_UUID, MOVED_TIME, MOVED_TEXT, MOVED_NUMBER, MOVED_TEXT \
        }                                                                              \
    }

/* key of the order, enum order_status, reason or "", and when it was RESERVED, FAILED, CANCELLED
 * and HANDED_OVER: 0 for never */
#define OUTCOMES                                                                                   \
    {                                                                                              \
        "outcomes", 7,                                                                             \
        {                                                                                          \
            MOVED_NUMBER, MOVED_NUMBER, MOVED_TEXT, MOVED_TIME, MOVED_TIME, MOVED_TIME, MOVED_TIME \
        }                                                                                          \
    }

/* key of the order, cancelled at, reason, whether it is pending, trace or "" */
#define CANCELLATIONS                                                      \
    {                                                                      \
        "cancellations", 5,                                                \
        {                                                                  \
            MOVED_NUMBER, MOVED_TIME, MOVED_TEXT, MOVED_NUMBER, MOVED_TEXT \
        }                                                                  \
    }

/*
 * key, order_id, enum ledger_outcome, decided at, event that is owed or "", its is_logged; whether
 * what it holds is known, enum ledger_outcome of its end or 0, ended at or 0, what it holds or "",
 * event of its end that is owed or "", its is_logged; trace, and that of its end, or ""
 */
#define DECISIONS                                                                             \
    {                                                                                         \
        "decisions", 14,                                                                      \
        {                                                                                     \
            MOVED_NUMBER, MOVED_TEXT, MOVED_NUMBER, MOVED_TIME, MOVED_TEXT, MOVED_NUMBER,     \
                MOVED_NUMBER, MOVED_NUMBER, MOVED_TIME, MOVED_TEXT, MOVED_TEXT, MOVED_NUMBER, \
                MOVED_TEXT, MOVED_TEXT                                                        \
        }                                                                                     \
    }

/* sku, on hand, reserved, handed over */
#define STOCK                                                    \
    {                                                            \
        "stock", 4,                                              \
        {                                                        \
            MOVED_TEXT, MOVED_NUMBER, MOVED_NUMBER, MOVED_NUMBER \
        }                                                        \
    }

/* key, sku, hour, put in, taken out, ordered, released, handed over */
#define MOVEMENTS                                                                           \
    {                                                                                       \
        "movements", 8,                                                                     \
        {                                                                                   \
            MOVED_NUMBER, MOVED_TEXT, MOVED_TIME, MOVED_NUMBER, MOVED_NUMBER, MOVED_NUMBER, \
                MOVED_NUMBER, MOVED_NUMBER                                                  \
        }                                                                                   \
    }

/* order_id, claimed at, attempts, enum moved_standing */
#define NOTIFIED                                               \
    {                                                          \
        "notified", 4,                                         \
        {                                                      \
            MOVED_TEXT, MOVED_TIME, MOVED_NUMBER, MOVED_NUMBER \
        }                                                      \
    }

const struct moved_parts *moved_parts(enum moved_domain domain)
{
    static const struct moved_parts parts[] = {
        [MOVED_ORDERS] = {3, {ORDERS, OUTCOMES, CANCELLATIONS}},
        [MOVED_LEDGER] = {3, {DECISIONS, STOCK, MOVEMENTS}},
        [MOVED_NOTIFIED] = {1, {NOTIFIED}}};

    return &parts[domain];
}

void moved_page_start(struct moved_page *page, const struct moved_part *part)
{
    page->columns = part->columns;
    page->rows = 0;
    page->text_len = 0;
}

void moved_page_add_row(struct moved_page *page)
{
    size_t used = page->rows * page->columns;

    if (page->size < used + page->columns) {
        page->size = 2 * (used + page->columns);
        page->values = xrealloc(page->values, page->size * sizeof *page->values);
    }
    memset(page->values + used, 0, page->columns * sizeof *page->values);
    page->rows++;
}

static struct moved_value *last_value(struct moved_page *page, size_t column)
{
    return &page->values[(page->rows - 1) * page->columns + column];
}

void moved_page_number(struct moved_page *page, size_t column, int64_t number)
{
    last_value(page, column)->number = number;
}

/* The text moves as it grows: number is where in it a value begins. */
void moved_page_bytes(struct moved_page *page, size_t column, const char *bytes, size_t len)
{
    struct moved_value *value = last_value(page, column);

    if (page->text_size - page->text_len < len + 1) {
        page->text_size = 2 * (page->text_len + len + 1);
        page->text = xrealloc(page->text, page->text_size);
    }
    if (len > 0)
        memcpy(page->text + page->text_len, bytes, len);
    page->text[page->text_len + len] = '\0';
    *value = (struct moved_value){.number = (int64_t)page->text_len, .bytes = "", .len = len};
    page->text_len += len + 1;
}

struct moved_value moved_page_value(const struct moved_page *page, size_t row, size_t column)
{
    struct moved_value value = page->values[row * page->columns + column];

    if (value.bytes != NULL) {
        value.bytes = page->text + value.number;
        value.number = 0;
    }
    return value;
}

static bool are_equal(const struct moved_value *value, const struct moved_value *other)
{
    return value->number == other->number && value->len == other->len &&
           (value->len == 0 || memcmp(value->bytes, other->bytes, value->len) == 0);
}

bool moved_page_equals(const struct moved_page *page, const struct moved_page *other)
{
    if (page->rows != other->rows || page->columns != other->columns)
        return false;
    for (size_t row = 0; row < page->rows; row++)
        for (size_t column = 0; column < page->columns; column++) {
            struct moved_value left = moved_page_value(page, row, column);
            struct moved_value right = moved_page_value(other, row, column);

            if (!are_equal(&left, &right))
                return false;
        }
    return true;
}

void moved_page_free(struct moved_page *page)
{
    free(page->values);
    free(page->text);
    *page = (struct moved_page){0};
}
