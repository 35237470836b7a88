/*
 * memory: allocation that either succeeds or ends the program.
 *
 * Without memory a program reports that and exits with EXIT_BUG. Nothing is lost: what matters is
 * on disk or on the broker. Free with free() whatever is returned here.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

/* Returns size bytes, uninitialized. */
void *xmalloc(size_t size);

/* Returns count times size bytes, all zero. */
void *xcalloc(size_t count, size_t size);

/* Resizes old, which may be NULL, to size bytes and returns it. Added bytes are uninitialized. */
void *xrealloc(void *old, size_t size);

/* Returns a copy of text. */
char *xstrdup(const char *text);

/* Returns a copy of text[0..len) with a NUL after it. text may be NULL if len is 0. */
char *xmemdup_text(const char *text, size_t len);

/* Reports that memory is exhausted and exits with EXIT_BUG. For libraries that allocate. */
_Noreturn void die_no_memory(void);

#endif
