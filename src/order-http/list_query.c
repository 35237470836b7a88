#include "list_query.h"

#include <stdio.h>
#include <string.h>

static const char *take_after(struct list_query *query, const char *value)
{
    if (query->has_after)
        return "is given twice";
    query->has_after = uuid_from_text(value, query->after);
    return query->has_after ? NULL : "is not an order id";
}

static const char *take_limit(struct list_query *query, const char *value)
{
    size_t limit = 0;
    size_t digits = strspn(value, "0123456789");

    if (query->limit > 0)
        return "is given twice";
    for (size_t i = 0; i < digits && limit <= LIST_QUERY_MAX; i++)
        limit = limit * 10 + (size_t)(value[i] - '0');
    if (value[digits] != '\0' || limit == 0 || limit > LIST_QUERY_MAX)
        return "is not an integer from 1 to 1000";
    query->limit = limit;
    return NULL;
}

static const char *take_status(struct list_query *query, const char *value)
{
    if (query->has_status)
        return "is given twice";
    if (!order_status_read(value, &query->status))
        return "is not " ORDER_STATUS_NAMES;
    query->has_status = true;
    return NULL;
}

const char *list_query_take(struct list_query *query, const char *name, const char *value)
{
    if (strcmp(name, "after") == 0)
        return take_after(query, value);
    if (strcmp(name, "limit") == 0)
        return take_limit(query, value);
    if (strcmp(name, "status") == 0)
        return take_status(query, value);
    return "is not a parameter: there are after, limit and status";
}

void list_query_next(const struct list_query *query, const unsigned char last[UUID_BYTES],
                     char link[LIST_QUERY_LINK_SIZE])
{
    char id[UUID_TEXT_SIZE];

    uuid_to_text(last, id);
    (void)snprintf(link, LIST_QUERY_LINK_SIZE, "</orders?after=%s&limit=%zu%s%s>; rel=\"next\"", id,
                   query->limit, query->has_status ? "&status=" : "",
                   query->has_status ? order_status_name(query->status) : "");
}
