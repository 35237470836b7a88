/*
 * text: UTF-8, and text from outside made fit to be shown.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Decodes the character at the start of bytes[0..len). Returns its length, 1 to 4, with the code
 * point in *point; 0 if there is none: cut short, overlong, a surrogate, or beyond U+10FFFF (RFC
 * 3629).
 */
size_t utf8_decode(const char *bytes, size_t len, uint32_t *point);

/* Is all of it UTF-8 without NUL, so that it may stand in a C string and in JSON? */
bool text_is_utf8(const char *bytes, size_t len);

/* Controls (C0, DEL, C1), line separators, and the marks that reorder what a terminal shows. */
bool text_is_control(uint32_t point);

/* How many bytes from the start are printable ASCII. */
size_t text_plain_run(const char *bytes, size_t len);

/* Non-empty, of at most max bytes, UTF-8, nothing that text_is_control() names. */
bool text_is_printable(const char *bytes, size_t len, size_t max);

#define PRINTABLE_MAX 512

/*
 * The bytes as one line safe for a log or a terminal: whatever is no UTF-8 or a control becomes
 * \xNN, a backslash becomes \\, and what exceeds PRINTABLE_MAX is cut with "...". Returns one of
 * four buffers in turn, so that a message may hold four.
 */
const char *printable(const char *bytes, size_t len);

/* The same, cut with "..." after max bytes or a few more; max is at most PRINTABLE_MAX. */
const char *printable_up_to(size_t max, const char *bytes, size_t len);

/* printable() for a C string. */
const char *printable_text(const char *text);

#endif
