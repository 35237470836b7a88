#include "limit.h"

#include "base/memory.h"
#include "base/moment.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static int number_in(const char *text)
{
    long number = 0;

    if (*text == '\0')
        return LIMIT_NONE;
    for (; *text >= '0' && *text <= '9' && number <= LIMIT_MAX; text++)
        number = 10 * number + (*text - '0');
    return *text == '\0' && number <= LIMIT_MAX ? (int)number : LIMIT_NONE;
}

static int seconds_in(const char *text)
{
    int64_t age_ms;

    if (!moment_read_age(text, &age_ms) || age_ms / 1000 > LIMIT_MAX)
        return LIMIT_NONE;
    return (int)(age_ms / 1000);
}

static bool read_both(struct limit *limit, const char *text, int (*value_in)(const char *text))
{
    size_t len = strcspn(text, ",");
    char *first = xmemdup_text(text, len);
    bool has_second = text[len] == ',';

    limit->warning = value_in(first);
    limit->critical = has_second ? value_in(text + len + 1) : LIMIT_NONE;
    free(first);
    return limit->warning != LIMIT_NONE && (!has_second || limit->critical >= limit->warning);
}

bool limit_read_numbers(struct limit *limit, const char *text)
{
    return read_both(limit, text, number_in);
}

bool limit_read_ages(struct limit *limit, const char *text)
{
    return read_both(limit, text, seconds_in);
}

bool limit_is_set(struct limit limit)
{
    return limit.warning != LIMIT_NONE || limit.critical != LIMIT_NONE;
}

void limit_put(struct limit limit, FILE *out)
{
    (void)fputc(';', out);
    if (limit.warning != LIMIT_NONE)
        (void)fprintf(out, "%d", limit.warning);
    (void)fputc(';', out);
    if (limit.critical != LIMIT_NONE)
        (void)fprintf(out, "%d", limit.critical);
    (void)fputs(";0", out);
}
