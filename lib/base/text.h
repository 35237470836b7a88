/* text: UTF-8 (RFC 3629), and how text from outside is made safe to show. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The state of decoding byte by byte. Zeroed, it is ready for the first byte of a character. */
struct utf8 {
    uint32_t point;     /* of the character, once more is 0 */
    unsigned more;      /* bytes of the character that are still to come */
    unsigned char low;  /* private: the least that the next byte may be, */
    unsigned char high; /* and the most */
};

/* Takes the next byte. Returns false, with *utf8 unspecified, if UTF-8 does not allow it there. */
bool utf8_take(struct utf8 *utf8, unsigned char byte);

/*
 * Decodes the character at the start of bytes[0..len) into *point. Returns its length, 1 to 4; or
 * 0, with *point unchanged, if len is 0 or the bytes are not UTF-8: cut short, overlong, a
 * surrogate, or beyond U+10FFFF.
 */
size_t utf8_decode(const char *bytes, size_t len, uint32_t *point);

/* Returns true if a and b are equal, and neither is NULL. */
bool text_equals(const char *a, const char *b);

/* Returns true if bytes[0..len) is UTF-8 without NUL: fit for a C string and for JSON. */
bool text_is_utf8(const char *bytes, size_t len);

/*
 * Returns true for characters that can disturb a terminal: controls (C0, DEL, C1), line and
 * paragraph separators, and marks that change the direction of text.
 */
bool text_is_control(uint32_t point);

/* Returns the number of bytes at the start of bytes[0..len) that are printable ASCII. */
size_t text_plain_run(const char *bytes, size_t len);

/* Returns true if bytes[0..len) is UTF-8 of 1 to max bytes without text_is_control() characters. */
bool text_is_printable(const char *bytes, size_t len, size_t max);

#define PRINTABLE_MAX 512

/*
 * Returns bytes[0..len) as one line that is safe for a log or a terminal: each byte of a control or
 * of invalid UTF-8 becomes \xNN, a backslash becomes \\, and after PRINTABLE_MAX bytes it is cut
 * with "...". Valid until the fourth call after this one, of any printable function: a message may
 * hold four.
 */
const char *printable(const char *bytes, size_t len);

/* As printable(), but cut after max bytes, or a few more. max is at most PRINTABLE_MAX. */
const char *printable_up_to(size_t max, const char *bytes, size_t len);

/* As printable(), for a C string. */
const char *printable_text(const char *text);

#endif
