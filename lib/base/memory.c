#include "base/memory.h"

#include "base/report.h"

#include <stdlib.h>
#include <string.h>

static void *need(void *memory)
{
    if (memory == NULL)
        die_no_memory();
    return memory;
}

void *xmalloc(size_t size)
{
    return need(malloc(size));
}

void *xcalloc(size_t count, size_t size)
{
    return need(calloc(count, size));
}

void *xrealloc(void *old, size_t size)
{
    return need(realloc(old, size));
}

char *xstrdup(const char *text)
{
    return need(strdup(text));
}

char *xmemdup_text(const char *text, size_t len)
{
    char *copy = xmalloc(len + 1);

    if (len > 0)
        memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

void die_no_memory(void)
{
    die(EXIT_BUG, "out of memory");
}
