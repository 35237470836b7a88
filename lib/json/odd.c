#include "json/odd.h"

#include "base/memory.h"
#include "json/decimal.h"
#include "json/scan.h"

#include <string.h>

#define UNIT_LENGTH 6 /* \uXXXX */

static unsigned digit_value(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;
}

/* Returns the code unit of the \uXXXX at text[at]; 0x10000 for anything else. */
static unsigned unit_at(const char *text, size_t at)
{
    unsigned unit = 0;

    if (text[at] != '\\' || text[at + 1] != 'u')
        return 0x10000;
    for (size_t i = at + 2; i < at + UNIT_LENGTH; i++)
        unit = unit << 4 | digit_value(text[i]);
    return unit;
}

size_t json_escape(const char *text, size_t at, bool *odd)
{
    unsigned unit = unit_at(text, at);

    *odd = unit == 0 || (unit >= 0xDC00 && unit <= 0xDFFF);
    if (unit > 0xFFFF)
        return 2;
    if (unit >= 0xD800 && unit <= 0xDBFF) {
        unsigned next = unit_at(text, at + UNIT_LENGTH);

        *odd = next < 0xDC00 || next > 0xDFFF;
        return *odd ? UNIT_LENGTH : UNIT_LENGTH * 2;
    }
    return UNIT_LENGTH;
}

/* Returns the offset after the string that starts at text[at]. */
static size_t tame_string(char *text, size_t at)
{
    for (at++; text[at] != '"';) {
        bool odd = false;
        size_t length = text[at] == '\\' ? json_escape(text, at, &odd) : 1;

        if (odd)
            memcpy(text + at, unit_at(text, at) == 0 ? "\\u0001" : "\\u001a", UNIT_LENGTH);
        at += length;
    }
    return at + 1;
}

static size_t tame_number(char *text, size_t at, size_t len)
{
    size_t length = decimal_length(text + at, len - at);

    if (length > JSON_SHORT_NUMBER) {
        memset(text + at, ' ', length);
        text[at] = '0';
    }
    return at + length;
}

char *json_tamed(const char *text, size_t len)
{
    char *copy = xmemdup_text(text, len);

    for (size_t at = 0; at < len;) {
        if (copy[at] == '"')
            at = tame_string(copy, at);
        else if (copy[at] == '-' || (copy[at] >= '0' && copy[at] <= '9'))
            at = tame_number(copy, at, len);
        else
            at++;
    }
    return copy;
}
