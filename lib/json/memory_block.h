/*
 * json_memory: memory for cJSON's trees. What fits goes into one block, filled from its start on
 * and empty again as soon as everything in it has been freed; what does not fit comes from
 * malloc(). The trees of orders and events are small and follow one another.
 */
#ifndef JSON_MEMORY_BLOCK_H
#define JSON_MEMORY_BLOCK_H

/* From now on, for all of cJSON. What it allocated before can be freed all the same. */
void json_memory_use(void);

#endif
