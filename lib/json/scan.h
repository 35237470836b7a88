/*
 * json_scan: checks JSON (RFC 8259) and finds the end of a value, in pieces of any size.
 *
 * Stricter than RFC 8259 in two points: text must be UTF-8 (section 8.1), and nesting is limited to
 * JSON_MAX_DEPTH. Valid text that some parsers read differently is marked: enum json_trait.
 * Duplicate keys are not looked for: see json.h.
 */
#ifndef JSON_SCAN_H
#define JSON_SCAN_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Nested arrays and objects; a number or string at top level has depth 0. */
#define JSON_MAX_DEPTH 64

/* Traits of a valid text, as bits: what a parser may not read exactly as it was written. */
enum json_trait {
    JSON_INEXACT = 1,     /* a number has a fraction, an exponent, or more than 15 digits */
    JSON_LONG_NUMBER = 2, /* a number has more than JSON_SHORT_NUMBER characters; implies INEXACT */
    JSON_ODD_TEXT = 4     /* a string has an escaped NUL or an unpaired surrogate */
};

#define JSON_SHORT_NUMBER 63 /* the longest number that cJSON reads */

struct json_scan {
    int state;           /* what may come next; private, like all below but traits and fault */
    unsigned depth;      /* open arrays and objects */
    uint64_t objects;    /* a bit for each of them, from the innermost: is it an object? */
    const char *literal; /* the rest of true, false or null */
    uint64_t length;     /* of the current number */
    unsigned traits;     /* enum json_trait, of the text so far */
    unsigned digits;     /* of a \u escape: still to come */
    unsigned unit;       /* its value so far */
    bool after_high;     /* the escape before was a high surrogate */
    bool is_key;         /* the current string is a key */
    struct utf8 utf8;    /* within a character of the current string */
    const char *fault;   /* with JSON_FAULTY, the reason, a constant; NULL otherwise */
};

enum json_progress {
    JSON_UNFINISHED, /* the value continues after these bytes */
    JSON_COMPLETE,   /* the value ends within these bytes */
    JSON_FAULTY      /* JSON does not allow the byte at *taken; scan->fault has the reason */
};

/* Prepares scan for the first byte of a value, or of white space before it. */
void json_scan_start(struct json_scan *scan);

/*
 * Scans bytes[0..len), which continue what was scanned before. Sets *taken to the number of bytes
 * that belong to the value or to white space before it. After JSON_COMPLETE or JSON_FAULTY, start
 * again with json_scan_start().
 */
enum json_progress json_scan_feed(struct json_scan *scan, const char *bytes, size_t len,
                                  size_t *taken);

/*
 * Ends the input. Returns JSON_COMPLETE for a number at top level, which only this ends, and
 * otherwise JSON_FAULTY: the value was cut off. Call it after JSON_UNFINISHED only.
 */
enum json_progress json_scan_finish(struct json_scan *scan);

/*
 * Returns how many bytes at the start of bytes[0..len) stand for themselves in a string: neither
 * controls, quotation marks and backslashes, nor bytes above most, 0x7F or 0xFF.
 */
size_t json_plain_run(const char *bytes, size_t len, unsigned char most);

#endif
