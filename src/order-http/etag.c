#include "etag.h"

#include "base/uuid.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Changes with the form in which an order is shown. */
#define FORM "2"

void etag_of(const struct stored_order *order, char etag[ETAG_SIZE])
{
    char id[UUID_TEXT_SIZE];
    unsigned reached = 0;

    for (int i = ORDER_RESERVED; i < ORDER_STATUS_COUNT; i++)
        reached |= (order->reached_at[i] != 0 ? 1U : 0U) << i;
    uuid_to_text(order->id, id);
    (void)snprintf(etag, ETAG_SIZE, "\"%s-%" PRIx64 "-%c%x-" FORM "\"", id,
                   (uint64_t)order->placed_at, 'a' + (int)order->status, reached);
}

bool etag_is_in(const char *etag, const char *list)
{
    size_t len = strlen(etag);
    const char *at = list + strspn(list, " \t");
    const char *end;

    if (*at == '*')
        return at[1 + strspn(at + 1, " \t")] == '\0';
    /* Elements of a list may be empty (RFC 9110, section 5.6.1). */
    for (at += strspn(at, " \t,"); *at != '\0'; at = end + 1 + strspn(end + 1, " \t,")) {
        if (strncmp(at, "W/", 2) == 0)
            at += 2;
        end = *at == '"' ? strchr(at + 1, '"') : NULL;
        if (end == NULL)
            return false;
        if ((size_t)(end + 1 - at) == len && memcmp(at, etag, len) == 0)
            return true;
    }
    return false;
}
