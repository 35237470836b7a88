#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* The first byte of a character: the ranges are those of RFC 3629, section 4. */
static bool start_character(struct utf8 *utf8, unsigned char byte)
{
    utf8->low = 0x80;
    utf8->high = 0xBF;
    if (byte < 0x80) {
        utf8->point = byte;
    } else if (byte >= 0xC2 && byte <= 0xDF) {
        utf8->point = byte & 0x1FU;
        utf8->more = 1;
    } else if (byte >= 0xE0 && byte <= 0xEF) {
        utf8->point = byte & 0x0FU;
        utf8->more = 2;
        utf8->low = byte == 0xE0 ? 0xA0 : 0x80;
        utf8->high = byte == 0xED ? 0x9F : 0xBF;
    } else if (byte >= 0xF0 && byte <= 0xF4) {
        utf8->point = byte & 0x07U;
        utf8->more = 3;
        utf8->low = byte == 0xF0 ? 0x90 : 0x80;
        utf8->high = byte == 0xF4 ? 0x8F : 0xBF;
    } else {
        return false;
    }
    return true;
}

bool utf8_take(struct utf8 *utf8, unsigned char byte)
{
    if (utf8->more == 0)
        return start_character(utf8, byte);
    if (byte < utf8->low || byte > utf8->high)
        return false;
    utf8->low = 0x80;
    utf8->high = 0xBF;
    utf8->point = utf8->point << 6 | (byte & 0x3FU);
    utf8->more--;
    return true;
}

size_t utf8_decode(const char *bytes, size_t len, uint32_t *point)
{
    struct utf8 utf8 = {0};

    for (size_t i = 0; i < len && utf8_take(&utf8, (unsigned char)bytes[i]); i++) {
        if (utf8.more == 0) {
            *point = utf8.point;
            return i + 1;
        }
    }
    return 0;
}

bool text_equals(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

bool text_is_control(uint32_t point)
{
    return point < 0x20 || (point >= 0x7F && point <= 0x9F) || point == 0x061C ||
           (point >= 0x200E && point <= 0x200F) || (point >= 0x2028 && point <= 0x202E) ||
           (point >= 0x2066 && point <= 0x2069);
}

/*
 * Looks at the high bit of each of eight bytes: it is set beyond ASCII, after the subtraction for a
 * control character, and after the addition for DEL. A borrow or carry into the next byte can only
 * turn a true answer into false.
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

/* Returns whether bytes are UTF-8 without any character for which is_unwanted returns true. */
static bool is_without(const char *bytes, size_t len, bool (*is_unwanted)(uint32_t point))
{
    uint32_t point;

    for (size_t i = text_plain_run(bytes, len); i < len; i += text_plain_run(bytes + i, len - i)) {
        size_t step = utf8_decode(bytes + i, len - i, &point);

        if (step == 0 || is_unwanted(point))
            return false;
        i += step;
    }
    return true;
}

static bool is_nul(uint32_t point)
{
    return point == 0;
}

bool text_is_utf8(const char *bytes, size_t len)
{
    return is_without(bytes, len, is_nul);
}

bool text_is_printable(const char *bytes, size_t len, size_t max)
{
    return len > 0 && len <= max && is_without(bytes, len, text_is_control);
}

const char *printable_up_to(size_t max, const char *bytes, size_t len)
{
    static _Thread_local char buffers[4][PRINTABLE_MAX + 16];
    static _Thread_local unsigned turn;
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

            /* A control has at most 3 bytes: 12 characters, for which the buffer has room. */
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
