/*
 * columns: how much room a text takes on a terminal, and text that is made to take a certain room.
 *
 * Texts are UTF-8 without controls: printable(). How wide a character is, the locale says
 * (LC_CTYPE); where that does not know it, it counts as one column.
 */
#ifndef TERMINAL_COLUMNS_H
#define TERMINAL_COLUMNS_H

#include <stddef.h>
#include <stdio.h>

size_t columns_of(const char *text);

/* A stream whose text is in *text, to be freed, and its length in *len once columns_finish() has
 * closed it. */
FILE *columns_start(char **text, size_t *len);
void columns_finish(FILE *out);

/* How many bytes of the text fit into so many columns, up to the end of a character. */
size_t columns_fit(const char *text, size_t columns);

enum columns_align { COLUMNS_LEFT, COLUMNS_RIGHT };

/* Writes exactly so many columns: the text with spaces, or cut with "..." if it is longer. */
void columns_put(FILE *out, const char *text, size_t columns, enum columns_align align);

#endif
