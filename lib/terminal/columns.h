/*
 * columns: how many columns a text takes on a terminal, and text fitted to a number of columns.
 *
 * Texts must be printable() (text.h). The locale (LC_CTYPE) says how wide a character is; one that
 * it does not know counts as one column.
 */
#ifndef TERMINAL_COLUMNS_H
#define TERMINAL_COLUMNS_H

#include <stddef.h>
#include <stdio.h>

/* Returns how many columns text takes. */
size_t columns_of(const char *text);

/*
 * Returns a stream that writes to memory. Once columns_finish() has closed it, *text holds what was
 * written, with a NUL after it, and *len its length; free *text with free(). Without memory both
 * functions end the program with EXIT_BUG.
 */
FILE *columns_start(char **text, size_t *len);
void columns_finish(FILE *out);

/* Returns how many bytes of text, up to the end of a character, fit into that many columns. */
size_t columns_fit(const char *text, size_t columns);

enum columns_align { COLUMNS_LEFT, COLUMNS_RIGHT };

/*
 * Writes text in exactly that many columns: filled up with spaces, or cut off with "..." if it is
 * too long, without the dots if there are fewer than three columns.
 */
void columns_put(FILE *out, const char *text, size_t columns, enum columns_align align);

#endif
