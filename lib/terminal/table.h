/* table: a table for people, with columns as wide as their widest cell. */
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

/* Returns an empty table with count columns, which must stay valid. Free with table_free(). */
struct table *table_new(const struct table_column *columns, size_t count);
void table_free(struct table *table);

/* Appends a cell, row by row. text is copied; it must be printable() (text.h). */
void table_add(struct table *table, const char *text);

/* Prints the headings and rows, which must be complete. Returns what output_line() returns. */
enum exit_code table_print(const struct table *table);

#endif
