#include "terminal/table.h"

#include "base/memory.h"
#include "base/output.h"

#include <stdlib.h>

struct table {
    const struct table_column *columns;
    size_t column_count;
    char **cells;
    size_t cell_count;
};

struct table *table_new(const struct table_column *columns, size_t count)
{
    struct table *table = xcalloc(1, sizeof *table);

    table->columns = columns;
    table->column_count = count;
    for (size_t i = 0; i < count; i++)
        table_add(table, columns[i].heading);
    return table;
}

void table_free(struct table *table)
{
    for (size_t i = 0; i < table->cell_count; i++)
        free(table->cells[i]);
    free(table->cells);
    free(table);
}

void table_add(struct table *table, const char *text)
{
    table->cells = xrealloc(table->cells, (table->cell_count + 1) * sizeof *table->cells);
    table->cells[table->cell_count++] = xstrdup(text);
}

static size_t width_of(const struct table *table, size_t column)
{
    size_t width = 0;

    for (size_t i = column; i < table->cell_count; i += table->column_count) {
        size_t own = columns_of(table->cells[i]);

        width = own > width ? own : width;
    }
    return width;
}

static enum exit_code print_row(const struct table *table, const size_t *widths, size_t first)
{
    char *line = NULL;
    size_t len = 0;
    FILE *out = columns_start(&line, &len);
    enum exit_code code;

    for (size_t i = 0; i < table->column_count; i++) {
        if (i > 0)
            (void)fputc(' ', out);
        columns_put(out, table->cells[first + i], widths[i], table->columns[i].align);
    }
    columns_finish(out);
    /* The last column needs no padding. */
    while (len > 0 && line[len - 1] == ' ')
        len--;
    code = output_line(line, len);
    free(line);
    return code;
}

enum exit_code table_print(const struct table *table)
{
    size_t *widths = xcalloc(table->column_count, sizeof *widths);
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < table->column_count; i++)
        widths[i] = width_of(table, i);
    for (size_t i = 0; i < table->cell_count && code == EXIT_OK; i += table->column_count)
        code = print_row(table, widths, i);
    free(widths);
    return code;
}
