#include "json/decimal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define INTEGER_DIGITS 18 /* any integer with so many digits fits into 64 bits */

/* The parts of a number. Its value is its digits, times ten to the power of shift plus exponent. */
struct decimal {
    bool negative;
    const char *digits; /* from the first to the last that is not zero; NULL for zero */
    size_t span;        /* characters of digits, perhaps with a point among them */
    size_t count;       /* the same without the point */
    int64_t shift;
    bool exponent_is_negative;
    const char *exponent; /* its digits, without leading zeros */
    size_t exponent_len;
};

size_t decimal_length(const char *text, size_t len)
{
    size_t i = 0;

    while (i < len && text[i] != '\0' && strchr("-+.eE0123456789", text[i]) != NULL)
        i++;
    return i;
}

static void take_apart_exponent(struct decimal *decimal, const char *at, const char *end)
{
    if (at < end && (*at == '-' || *at == '+'))
        decimal->exponent_is_negative = *at++ == '-';
    while (at < end && *at == '0')
        at++;
    decimal->exponent = at;
    decimal->exponent_len = (size_t)(end - at);
}

static void take_apart(struct decimal *decimal, const char *number, size_t len)
{
    const char *end = number + len;
    const char *last = NULL;
    const char *point = NULL;
    const char *at = number;

    memset(decimal, 0, sizeof *decimal);
    for (; at < end && *at != 'e' && *at != 'E'; at++) {
        if (*at == '.')
            point = at;
        if (*at < '1' || *at > '9')
            continue;
        if (decimal->digits == NULL)
            decimal->digits = at;
        last = at;
    }
    take_apart_exponent(decimal, at < end ? at + 1 : end, end);
    if (last == NULL)
        return;
    decimal->negative = *number == '-';
    decimal->span = (size_t)(last - decimal->digits) + 1;
    decimal->count =
        decimal->span - (point != NULL && point > decimal->digits && point < last ? 1 : 0);
    if (point == NULL)
        point = at;
    decimal->shift = point > last ? point - last - 1 : point - last;
}

/* Sets *exponent to the exponent. Returns false if it has more than INTEGER_DIGITS digits. */
static bool short_exponent(const struct decimal *decimal, int64_t *exponent)
{
    *exponent = 0;
    if (decimal->exponent_len > INTEGER_DIGITS)
        return false;
    for (size_t i = 0; i < decimal->exponent_len; i++)
        *exponent = *exponent * 10 + (decimal->exponent[i] - '0');
    if (decimal->exponent_is_negative)
        *exponent = -*exponent;
    return true;
}

bool decimal_integer(const char *number, size_t len, int64_t *integer)
{
    struct decimal decimal;
    int64_t power;

    *integer = 0;
    take_apart(&decimal, number, len);
    if (decimal.digits == NULL)
        return true;
    if (!short_exponent(&decimal, &power))
        return false;
    power += decimal.shift;
    if (decimal.count > INTEGER_DIGITS || power < 0 ||
        power > INTEGER_DIGITS - (int64_t)decimal.count)
        return false;
    for (size_t i = 0; i < decimal.span; i++)
        if (decimal.digits[i] != '.')
            *integer = *integer * 10 + (decimal.digits[i] - '0');
    for (; power > 0; power--)
        *integer *= 10;
    if (decimal.negative)
        *integer = -*integer;
    return true;
}

/*
 * Writes the absolute value of the exponent, which is too long for an integer, plus the shift, and
 * returns its length. The shift is so much smaller that the sum keeps the exponent's sign.
 */
static size_t write_long_power(const struct decimal *decimal, char *text)
{
    int64_t carry = decimal->exponent_is_negative ? -decimal->shift : decimal->shift;
    size_t len = decimal->exponent_len;
    size_t zeros = 0;

    /* A carry may add a digit. */
    text[0] = '0';
    memcpy(text + 1, decimal->exponent, len);
    for (size_t i = len + 1; i-- > 0;) {
        int64_t sum = text[i] - '0' + carry;
        int64_t digit = (sum % 10 + 10) % 10;

        text[i] = (char)('0' + digit);
        carry = (sum - digit) / 10;
    }
    while (text[zeros] == '0')
        zeros++;
    memmove(text, text + zeros, len + 1 - zeros);
    return len + 1 - zeros;
}

static size_t write_power(const struct decimal *decimal, char *text)
{
    size_t len = 0;
    int64_t exponent;

    if (short_exponent(decimal, &exponent))
        return (size_t)snprintf(text, 24, "%" PRId64, exponent + decimal->shift);
    if (decimal->exponent_is_negative)
        text[len++] = '-';
    return len + write_long_power(decimal, text + len);
}

size_t decimal_canonical(const char *number, size_t len, char *canonical)
{
    struct decimal decimal;
    size_t out = 0;

    take_apart(&decimal, number, len);
    if (decimal.digits == NULL) {
        canonical[0] = '0';
        return 1;
    }
    if (decimal.negative)
        canonical[out++] = '-';
    for (size_t i = 0; i < decimal.span; i++)
        if (decimal.digits[i] != '.')
            canonical[out++] = decimal.digits[i];
    canonical[out++] = 'e';
    return out + write_power(&decimal, canonical + out);
}
