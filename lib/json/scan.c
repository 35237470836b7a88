#include "json/scan.h"

#include <string.h>

#define EXACT_DIGITS 15 /* a double holds every integer with so many digits */

enum state {
    VALUE,         /* a value must come */
    FIRST_VALUE,   /* a value, or the end of the array just opened */
    FIRST_KEY,     /* a key, or the end of the object just opened */
    KEY,           /* a key must come */
    COLON,         /* after a key */
    AFTER_VALUE,   /* a comma or the end of what is open */
    STRING,        /* within a string */
    UTF8,          /* within a character of several bytes in a string */
    ESCAPE,        /* after a backslash */
    UNICODE,       /* within \uXXXX */
    LOW_ESCAPE,    /* after a high surrogate: the backslash of the low one, if it is paired */
    LOW_U,         /* after that backslash */
    LITERAL,       /* within true, false or null */
    MINUS,         /* after the sign of a number */
    ZERO,          /* after a leading zero */
    INTEGER,       /* within the digits before a point */
    POINT,         /* after the point */
    FRACTION,      /* within the digits after it */
    EXPONENT,      /* after e */
    EXPONENT_SIGN, /* after its sign */
    EXPONENT_DIGITS,
    DONE
};

void json_scan_start(struct json_scan *scan)
{
    memset(scan, 0, sizeof *scan);
    scan->state = VALUE;
}

static enum json_progress fault(struct json_scan *scan, const char *reason)
{
    scan->fault = reason;
    return JSON_FAULTY;
}

static bool is_space(unsigned char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

static enum json_progress value_ended(struct json_scan *scan)
{
    if (scan->depth == 0) {
        scan->state = DONE;
        return JSON_COMPLETE;
    }
    scan->state = AFTER_VALUE;
    return JSON_UNFINISHED;
}

static enum json_progress open_container(struct json_scan *scan, bool object)
{
    if (scan->depth == JSON_MAX_DEPTH)
        return fault(scan, "nested too deeply");
    scan->objects = scan->objects << 1 | (object ? 1U : 0U);
    scan->depth++;
    scan->state = object ? FIRST_KEY : FIRST_VALUE;
    return JSON_UNFINISHED;
}

static enum json_progress close_container(struct json_scan *scan, bool object)
{
    if (scan->depth == 0 || (scan->objects & 1U) != (object ? 1U : 0U))
        return fault(scan, object ? "unexpected '}'" : "unexpected ']'");
    scan->objects >>= 1;
    scan->depth--;
    return value_ended(scan);
}

static enum json_progress start_number(struct json_scan *scan, int state)
{
    scan->state = state;
    scan->length = 1;
    return JSON_UNFINISHED;
}

/* Names likely mistakes of people who write JSON by hand or know another language. */
static const char *why_no_value(const struct json_scan *scan, unsigned char c)
{
    if (scan->depth == 0 && c == ',')
        return "no JSON value starts like this: there are no commas between values, as in CSV";
    if (scan->depth == 0 && (c == ']' || c == '}'))
        return "no JSON value starts like this";
    if (c == ']' && scan->state == VALUE && (scan->objects & 1U) == 0)
        return "a trailing comma: no value comes after it";
    switch (c) {
    case 0xEF:
        return "a byte order mark, or other text, where a value should start";
    case '\'':
        return "no JSON value starts like this: strings stand in double quotes";
    case '/':
    case '#':
        return "no JSON value starts like this: JSON has no comments";
    case ']':
    case '}':
    case ',':
        return "no JSON value starts like this: a comma or a colon has no value after it";
    case 'N':
    case 'I':
        return "no JSON value starts like this: JSON has neither NaN nor Infinity nor None";
    default:
        return "no JSON value starts like this";
    }
}

static enum json_progress start_value(struct json_scan *scan, unsigned char c)
{
    switch (c) {
    case '{':
        return open_container(scan, true);
    case '[':
        return open_container(scan, false);
    case '"':
        scan->state = STRING;
        scan->is_key = false;
        return JSON_UNFINISHED;
    case 't':
        scan->literal = "rue";
        break;
    case 'f':
        scan->literal = "alse";
        break;
    case 'n':
        scan->literal = "ull";
        break;
    case '-':
        return start_number(scan, MINUS);
    case '0':
        return start_number(scan, ZERO);
    default:
        if (!is_digit(c))
            return fault(scan, why_no_value(scan, c));
        return start_number(scan, INTEGER);
    }
    scan->state = LITERAL;
    return JSON_UNFINISHED;
}

static enum json_progress start_key(struct json_scan *scan, unsigned char c)
{
    if (c != '"')
        return fault(scan, c == '}' ? "a trailing comma: no member comes after it"
                                    : "an object's key must be a string, in double quotes");
    scan->state = STRING;
    scan->is_key = true;
    return JSON_UNFINISHED;
}

static enum json_progress after_value(struct json_scan *scan, unsigned char c)
{
    if (c == ',') {
        scan->state = (scan->objects & 1U) != 0 ? KEY : VALUE;
        return JSON_UNFINISHED;
    }
    if (c == '}' || c == ']')
        return close_container(scan, c == '}');
    return fault(scan, "a comma or a closing bracket is missing");
}

static enum json_progress structure(struct json_scan *scan, unsigned char c)
{
    if (is_space(c))
        return JSON_UNFINISHED;
    switch (scan->state) {
    case FIRST_VALUE:
        return c == ']' ? close_container(scan, false) : start_value(scan, c);
    case FIRST_KEY:
        return c == '}' ? close_container(scan, true) : start_key(scan, c);
    case KEY:
        return start_key(scan, c);
    case COLON:
        if (c != ':')
            return fault(scan, "a colon is missing after a key");
        scan->state = VALUE;
        return JSON_UNFINISHED;
    case AFTER_VALUE:
        return after_value(scan, c);
    default:
        return start_value(scan, c);
    }
}

static enum json_progress in_character(struct json_scan *scan, unsigned char c)
{
    if (!utf8_take(&scan->utf8, c))
        return fault(scan, "a string is not UTF-8");
    scan->state = scan->utf8.more == 0 ? STRING : UTF8;
    return JSON_UNFINISHED;
}

static enum json_progress in_string(struct json_scan *scan, unsigned char c)
{
    if (c == '"') {
        if (!scan->is_key)
            return value_ended(scan);
        scan->state = COLON;
    } else if (c == '\\') {
        scan->state = ESCAPE;
    } else if (c < 0x20) {
        return fault(scan, "a string has a raw control character");
    } else if (c >= 0x80) {
        return in_character(scan, c);
    }
    return JSON_UNFINISHED;
}

static enum json_progress in_escape(struct json_scan *scan, unsigned char c)
{
    if (c == 'u') {
        scan->state = UNICODE;
        scan->digits = 4;
        scan->unit = 0;
        return JSON_UNFINISHED;
    }
    if (c == '\0' || strchr("\"\\/bfnrt", c) == NULL)
        return fault(scan, "a string has an unknown escape");
    scan->state = STRING;
    return JSON_UNFINISHED;
}

static void unit_ended(struct json_scan *scan)
{
    bool low = scan->unit >= 0xDC00 && scan->unit <= 0xDFFF;
    bool high = scan->unit >= 0xD800 && scan->unit <= 0xDBFF;

    if (scan->unit == 0 || low != scan->after_high)
        scan->traits |= JSON_ODD_TEXT;
    scan->after_high = high;
    scan->state = high ? LOW_ESCAPE : STRING;
}

static enum json_progress in_unicode(struct json_scan *scan, unsigned char c)
{
    unsigned letter = (c | 0x20U) - 'a';

    if (!is_digit(c) && letter > 5)
        return fault(scan, "a \\u escape needs four hexadecimal digits");
    scan->unit = scan->unit << 4 | (is_digit(c) ? c - (unsigned)'0' : letter + 10);
    if (--scan->digits == 0)
        unit_ended(scan);
    return JSON_UNFINISHED;
}

/* If c does not continue a low surrogate, the high one is unpaired, and c is an ordinary byte. */
static enum json_progress low_surrogate(struct json_scan *scan, unsigned char c)
{
    bool in_u = scan->state == LOW_U;

    if (!in_u && c == '\\') {
        scan->state = LOW_U;
        return JSON_UNFINISHED;
    }
    if (!in_u || c != 'u') {
        scan->traits |= JSON_ODD_TEXT;
        scan->after_high = false;
        scan->state = in_u ? ESCAPE : STRING;
    }
    return in_u ? in_escape(scan, c) : in_string(scan, c);
}

static enum json_progress in_literal(struct json_scan *scan, unsigned char c)
{
    if (c != (unsigned char)*scan->literal)
        return fault(scan, "no JSON value starts like this");
    scan->literal++;
    return *scan->literal == '\0' ? value_ended(scan) : JSON_UNFINISHED;
}

static bool number_may_end(int state)
{
    return state == ZERO || state == INTEGER || state == FRACTION || state == EXPONENT_DIGITS;
}

/* Returns the state after c within a number, or DONE if c does not belong to it. */
static int number_next(int state, unsigned char c)
{
    bool exponent = c == 'e' || c == 'E';

    switch (state) {
    case MINUS:
        return c == '0' ? ZERO : is_digit(c) ? INTEGER : DONE;
    case ZERO:
        return c == '.' ? POINT : exponent ? EXPONENT : DONE;
    case INTEGER:
        return is_digit(c) ? INTEGER : c == '.' ? POINT : exponent ? EXPONENT : DONE;
    case POINT:
        return is_digit(c) ? FRACTION : DONE;
    case FRACTION:
        return is_digit(c) ? FRACTION : exponent ? EXPONENT : DONE;
    case EXPONENT:
        return c == '+' || c == '-' ? EXPONENT_SIGN : is_digit(c) ? EXPONENT_DIGITS : DONE;
    default:
        return is_digit(c) ? EXPONENT_DIGITS : DONE;
    }
}

/* Continues the number with c; or ends it before c, with *took false. */
static enum json_progress in_number(struct json_scan *scan, unsigned char c, bool *took)
{
    int next = number_next(scan->state, c);

    if (next != DONE) {
        scan->state = next;
        if (next == POINT || next == EXPONENT || scan->length == EXACT_DIGITS)
            scan->traits |= JSON_INEXACT;
        if (scan->length++ == JSON_SHORT_NUMBER)
            scan->traits |= JSON_LONG_NUMBER;
        return JSON_UNFINISHED;
    }
    *took = false;
    if (!number_may_end(scan->state))
        return fault(scan, "a number is not complete");
    if (is_digit(c))
        return fault(scan, "a number has a leading zero");
    return value_ended(scan);
}

static enum json_progress step(struct json_scan *scan, unsigned char c)
{
    switch (scan->state) {
    case STRING:
        return in_string(scan, c);
    case UTF8:
        return in_character(scan, c);
    case ESCAPE:
        return in_escape(scan, c);
    case UNICODE:
        return in_unicode(scan, c);
    case LOW_ESCAPE:
    case LOW_U:
        return low_surrogate(scan, c);
    case LITERAL:
        return in_literal(scan, c);
    default:
        return structure(scan, c);
    }
}

size_t json_plain_run(const char *bytes, size_t len, unsigned char most)
{
    size_t i = 0;

    while (i < len) {
        unsigned char c = (unsigned char)bytes[i];

        if (c < 0x20 || c > most || c == '"' || c == '\\')
            break;
        i++;
    }
    return i;
}

enum json_progress json_scan_feed(struct json_scan *scan, const char *bytes, size_t len,
                                  size_t *taken)
{
    enum json_progress progress = JSON_UNFINISHED;
    size_t i = 0;

    while (i < len && progress == JSON_UNFINISHED) {
        unsigned char c = (unsigned char)bytes[i];
        bool is_number = scan->state >= MINUS && scan->state < DONE;
        bool took = true;

        progress = is_number ? in_number(scan, c, &took) : step(scan, c);
        if (took && progress != JSON_FAULTY)
            i++;
        /* Most bytes of an order are such characters. */
        if (scan->state == STRING)
            i += json_plain_run(bytes + i, len - i, 0x7F);
    }
    *taken = i;
    return progress;
}

enum json_progress json_scan_finish(struct json_scan *scan)
{
    if (scan->depth == 0 && number_may_end(scan->state))
        return value_ended(scan);
    return fault(scan, "the input ends within a value");
}
