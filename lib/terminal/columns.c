/* For wcwidth(). */
#define _XOPEN_SOURCE 700 /* NOLINT */

#include "terminal/columns.h"

#include "base/memory.h"
#include "base/text.h"

#include <string.h>
#include <wchar.h>

#define CUT "..."
#define CUT_COLUMNS (sizeof CUT - 1)

static size_t width_of(uint32_t point)
{
    int width = wcwidth((wchar_t)point);

    return width < 0 ? 1 : (size_t)width;
}

/* Returns how many bytes of text fit into columns, with the columns that they take in *used. */
static size_t walk(const char *text, size_t columns, size_t *used)
{
    size_t len = strlen(text);
    size_t at = 0;
    uint32_t point;

    *used = 0;
    while (at < len) {
        size_t step = utf8_decode(text + at, len - at, &point);
        size_t width = width_of(point);

        if (step == 0 || *used + width > columns)
            break;
        *used += width;
        at += step;
    }
    return at;
}

FILE *columns_start(char **text, size_t *len)
{
    FILE *out = open_memstream(text, len);

    if (out == NULL)
        die_no_memory();
    return out;
}

void columns_finish(FILE *out)
{
    if (fclose(out) != 0)
        die_no_memory();
}

size_t columns_of(const char *text)
{
    size_t used;

    (void)walk(text, SIZE_MAX / 2, &used);
    return used;
}

size_t columns_fit(const char *text, size_t columns)
{
    size_t used;

    return walk(text, columns, &used);
}

static void put_spaces(FILE *out, size_t count)
{
    (void)fprintf(out, "%*s", (int)count, "");
}

void columns_put(FILE *out, const char *text, size_t columns, enum columns_align align)
{
    size_t used = columns_of(text);
    size_t bytes = strlen(text);
    const char *cut = "";

    if (used > columns) {
        cut = columns >= CUT_COLUMNS ? CUT : "";
        bytes = walk(text, columns - strlen(cut), &used);
        used += strlen(cut);
    }
    if (align == COLUMNS_RIGHT)
        put_spaces(out, columns - used);
    (void)fprintf(out, "%.*s%s", (int)bytes, text, cut);
    if (align == COLUMNS_LEFT)
        put_spaces(out, columns - used);
}
