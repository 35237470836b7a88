#include "json/memory_block.h"

#include <cjson/cJSON.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define BLOCK_SIZE 32768

static alignas(max_align_t) char block[BLOCK_SIZE];
static size_t used; /* of its bytes */
static size_t held; /* pieces that were not freed */

static void *allocate(size_t size)
{
    void *piece = block + used;

    /* What is held is within the block, were it of no bytes. */
    if (size >= BLOCK_SIZE - used)
        return malloc(size);
    /* The next one starts where anything may start. */
    used += (size + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
    held++;
    return piece;
}

static void release(void *piece)
{
    if ((uintptr_t)piece - (uintptr_t)block >= BLOCK_SIZE)
        free(piece);
    else if (--held == 0)
        used = 0;
}

void json_memory_use(void)
{
    cJSON_Hooks hooks = {.malloc_fn = allocate, .free_fn = release};

    cJSON_InitHooks(&hooks);
}
