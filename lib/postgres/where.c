#include "base/memory.h"
#include "postgres/address.h"
#include "postgres/libpq.h"
#include "postgres/open.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *postgres_where(const char *variable)
{
    static const char start[] = "PostgreSQL ";
    struct address *address;
    char *text;
    size_t size;

    if (!libpq_load() || address_read(NULL, variable, false, &address) != EXIT_OK)
        return NULL;
    size = sizeof start + strlen(address->name);
    text = xmalloc(size);
    (void)snprintf(text, size, "%s%s", start, address->name);
    address_free(address);
    return text;
}
