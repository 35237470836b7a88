/*
 * table: rows of text for people, in columns as wide as what stands in them.
 */
#ifndef TERMINAL_TABLE_H
#define TERMINAL_TABLE_H

#include "base/report.h"
#include "terminal/columns.h"

#include <stddef.h>

struct table;

struct table_column {
    const char *heading;
    enum columns_align align;
};

/* The columns must outlive the table. */
struct table *table_new(const struct table_column *columns, size_t count);
void table_free(struct table *table);

/* Adds the next cell, row by row: a copy. The text is printable(). */
void table_add(struct table *table, const char *text);

/* Writes the headings and the rows, all of which are full, to standard output. EXIT_OUTPUT as
 * output.h says. */
enum exit_code table_print(const struct table *table);

#endif
