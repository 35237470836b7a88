/*
 * json_scan: where one JSON value ends, and whether RFC 8259 allows it. Incremental: bytes come as
 * they come.
 *
 * Stricter than the grammar in two points: text must be UTF-8 (RFC 8259, 8.1), and nesting ends at
 * JSON_MAX_DEPTH. What the grammar allows and a parser may read differently is noted: see enum
 * json_trait. Duplicate keys are not looked for here but in json.h.
 */
#ifndef JSON_SCAN_H
#define JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Arrays and objects within each other; a scalar has depth 0. */
#define JSON_MAX_DEPTH 64

/* Traits of a valid text, as bits: what not every parser reads as it was written. */
enum json_trait {
    JSON_INEXACT =
        1, /* a number has a fraction, an exponent or more digits than a double may hold */
    JSON_LONG_NUMBER =
        2,            /* a number has more than JSON_SHORT_NUMBER characters; it is inexact, too */
    JSON_ODD_TEXT = 4 /* a string has the escape of NUL, or of half a surrogate pair */
};

#define JSON_SHORT_NUMBER 63 /* what cJSON's buffer for a number holds */

struct json_scan {
    int state;           /* what may come next; private to json_scan.c, like all below */
    unsigned depth;      /* open arrays and objects */
    uint64_t objects;    /* a bit for each of them: is it an object? */
    const char *literal; /* the rest of true, false, null */
    uint64_t length;     /* of the number at hand */
    unsigned traits;     /* enum json_trait, of what was scanned so far; not private */
    unsigned digits;     /* of a \u escape: still to come */
    unsigned unit;       /* its value so far */
    bool after_high;     /* a high surrogate stands before, and waits for its low one */
    unsigned more;       /* continuation bytes of a UTF-8 sequence, still to come, */
    unsigned low_bound;  /* of which the next must lie between this */
    unsigned high_bound; /* and this */
    bool is_key;         /* the string at hand is a key */
    const char *fault;   /* why it is no JSON; NULL if nothing is wrong so far */
};

enum json_progress {
    JSON_UNFINISHED, /* all bytes were taken, the value goes on */
    JSON_COMPLETE,   /* the value ended within the bytes */
    JSON_FAULTY      /* the byte at *taken must not stand there: see fault */
};

/* Ready for the first byte of a value: white space before it is skipped. */
void json_scan_start(struct json_scan *scan);

/* Reads on. *taken is how many of the bytes belong to the value (white space before it among them).
 */
enum json_progress json_scan_feed(struct json_scan *scan, const char *bytes, size_t len,
                                  size_t *taken);

/* No more bytes will come: a number at top level is complete only now. */
enum json_progress json_scan_finish(struct json_scan *scan);

#endif
