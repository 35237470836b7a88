#include "base/text.h"

#include <stdio.h>
#include <string.h>

size_t utf8_decode(const char *bytes, size_t len, uint32_t *point)
{
    const unsigned char *b = (const unsigned char *)bytes;
    size_t need;
    uint32_t value;
    uint32_t least;

    if (len == 0)
        return 0;
    if (b[0] < 0x80) {
        *point = b[0];
        return 1;
    }
    if (b[0] >= 0xC2 && b[0] <= 0xDF) {
        need = 2;
        value = b[0] & 0x1FU;
        least = 0x80;
    } else if (b[0] >= 0xE0 && b[0] <= 0xEF) {
        need = 3;
        value = b[0] & 0x0FU;
        least = 0x800;
    } else if (b[0] >= 0xF0 && b[0] <= 0xF4) {
        need = 4;
        value = b[0] & 0x07U;
        least = 0x10000;
    } else {
        return 0;
    }
    if (len < need)
        return 0;
    for (size_t i = 1; i < need; i++) {
        if ((b[i] & 0xC0U) != 0x80)
            return 0;
        value = value << 6 | (b[i] & 0x3FU);
    }
    if (value < least || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
        return 0;
    *point = value;
    return need;
}

bool text_is_utf8(const char *bytes, size_t len)
{
    uint32_t point;

    for (size_t i = 0; i < len;) {
        size_t step = utf8_decode(bytes + i, len - i, &point);

        if (step == 0 || point == 0)
            return false;
        i += step;
    }
    return true;
}

bool text_is_control(uint32_t point)
{
    return point < 0x20 || (point >= 0x7F && point <= 0x9F) || point == 0x061C ||
           (point >= 0x200E && point <= 0x200F) || (point >= 0x2028 && point <= 0x202E) ||
           (point >= 0x2066 && point <= 0x2069);
}

/*
 * Eight bytes at once: the high bit of one is set beyond ASCII, after the subtraction if it is a
 * control, and after the addition if it is DEL. What is borrowed or carried from one to the next
 * can only make the answer no.
 */
static bool eight_are_plain(const char *bytes)
{
    const uint64_t each = UINT64_C(0x0101010101010101);
    uint64_t eight;

    memcpy(&eight, bytes, sizeof eight);
    return ((eight | (eight - 0x20 * each) | (eight + each)) & 0x80 * each) == 0;
}

size_t text_plain_run(const char *bytes, size_t len)
{
    size_t i = 0;

    while (len - i >= 8 && eight_are_plain(bytes + i))
        i += 8;
    while (i < len && bytes[i] >= 0x20 && bytes[i] < 0x7F)
        i++;
    return i;
}

bool text_is_printable(const char *bytes, size_t len, size_t max)
{
    uint32_t point;

    if (len == 0 || len > max)
        return false;
    for (size_t i = text_plain_run(bytes, len); i < len; i += text_plain_run(bytes + i, len - i)) {
        size_t step = utf8_decode(bytes + i, len - i, &point);

        if (step == 0 || text_is_control(point))
            return false;
        i += step;
    }
    return true;
}

const char *printable_up_to(size_t max, const char *bytes, size_t len)
{
    static char buffers[4][PRINTABLE_MAX + 16];
    static unsigned turn;
    char *out = buffers[turn++ % 4];
    size_t used = 0;
    uint32_t point;

    for (size_t i = 0; i < len;) {
        size_t step = utf8_decode(bytes + i, len - i, &point);

        if (used + 4 > max) {
            memcpy(out + used, "...", 3);
            used += 3;
            break;
        }
        if (step == 0 || text_is_control(point)) {
            size_t raw = step == 0 ? 1 : step;

            /* At most 3 bytes stand for one control: 12 characters, which the spare room holds. */
            for (size_t k = 0; k < raw; k++)
                used += (size_t)snprintf(out + used, 5, "\\x%02x",
                                         (unsigned)(unsigned char)bytes[i + k]);
            i += raw;
        } else if (point == '\\') {
            memcpy(out + used, "\\\\", 2);
            used += 2;
            i++;
        } else {
            memcpy(out + used, bytes + i, step);
            used += step;
            i += step;
        }
    }
    out[used] = '\0';
    return out;
}

const char *printable(const char *bytes, size_t len)
{
    return printable_up_to(PRINTABLE_MAX, bytes, len);
}

const char *printable_text(const char *text)
{
    return printable(text, strlen(text));
}
