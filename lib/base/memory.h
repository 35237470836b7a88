/*
 * memory: allocation that does not return without memory.
 *
 * A program that cannot get memory reports it and exits with EXIT_BUG: what matters is on disk, or
 * on the broker, and comes again. All of it is freed with free().
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

/* Returns size bytes, not zeroed. */
void *xmalloc(size_t size);

/* Returns count times size bytes, all zero. */
void *xcalloc(size_t count, size_t size);

/* Returns old with room for size bytes; what is new is not zeroed. */
void *xrealloc(void *old, size_t size);

/* Returns a copy of text. */
char *xstrdup(const char *text);

/* Returns a copy of text[0..len) with a NUL after it. text may be NULL if len is 0. */
char *xmemdup_text(const char *text, size_t len);

/* Reports that there is no memory and exits with EXIT_BUG: for calls of libraries that allocate. */
_Noreturn void die_no_memory(void);

#endif
