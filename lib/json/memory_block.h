/*
 * json_memory: an allocator for cJSON trees that are small and short-lived.
 *
 * It fills one static block from its start, and starts again once all of it has been freed. What
 * does not fit comes from malloc().
 */
#ifndef JSON_MEMORY_BLOCK_H
#define JSON_MEMORY_BLOCK_H

/* Makes cJSON use the block from now on. Memory that it allocated before may still be freed. */
void json_memory_use(void);

#endif
