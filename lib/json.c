#include "json.h"

#include "json_memory.h"
#include "json_scan.h"
#include "report.h"
#include "text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *scan_fault(struct json_scan *scan, const char *text, size_t len)
{
    size_t taken = 0;
    enum json_progress progress;

    json_scan_start(scan);
    progress = json_scan_feed(scan, text, len, &taken);
    if (progress == JSON_UNFINISHED)
        progress = json_scan_finish(scan);
    if (progress == JSON_FAULTY)
        return scan->fault;
    while (taken < len && memchr(" \t\r\n", text[taken], 4) != NULL)
        taken++;
    return taken == len ? NULL : "something follows the value";
}

static int by_name(const void *a, const void *b)
{
    const cJSON *const *left = a;
    const cJSON *const *right = b;

    return strcmp((*left)->string, (*right)->string);
}

/* The members of an object, sorted by name; NULL if it has none. To be freed. */
static cJSON **sorted_members(const cJSON *object, size_t *count)
{
    cJSON **members;
    size_t n = 0;

    for (const cJSON *m = object->child; m != NULL; m = m->next)
        n++;
    *count = n;
    if (n == 0)
        return NULL;
    members = need_calloc(n, sizeof *members);
    n = 0;
    for (cJSON *m = object->child; m != NULL; m = m->next)
        members[n++] = m;
    qsort(members, n, sizeof *members, by_name);
    return members;
}

static bool object_repeats_key(const cJSON *object)
{
    size_t count = 0;
    cJSON **members;
    bool repeats = false;

    /* Nearly every object is small, and then comparing each with each needs no memory. */
    for (const cJSON *m = object->child; m != NULL && count <= 8; m = m->next, count++)
        for (const cJSON *other = object->child; other != m; other = other->next)
            if (*other->string == *m->string && strcmp(other->string, m->string) == 0)
                return true;
    if (count <= 8)
        return false;
    members = sorted_members(object, &count);
    for (size_t i = 1; i < count && !repeats; i++)
        repeats = strcmp(members[i - 1]->string, members[i]->string) == 0;
    free(members);
    return repeats;
}

/* As deep as JSON_MAX_DEPTH at most: the scan came first. */
static bool repeats_key(const cJSON *tree)
{
    if (cJSON_IsObject(tree) && object_repeats_key(tree))
        return true;
    for (const cJSON *child = tree->child; child != NULL; child = child->next)
        if (child->child != NULL && repeats_key(child))
            return true;
    return false;
}

static size_t number_length(const char *text, size_t len)
{
    size_t i = 0;

    while (i < len && strchr("-+.eE0123456789", text[i]) != NULL)
        i++;
    return i;
}

/* Past the string that starts at text[at]. */
static size_t skip_string(const char *text, size_t at)
{
    for (at++; text[at] != '"'; at++)
        at += text[at] == '\\' ? 1 : 0;
    return at + 1;
}

/* Where the next number starts in a valid JSON text, from a place outside of its strings. */
static size_t find_number(const char *text, size_t at)
{
    while (text[at] != '-' && (text[at] < '0' || text[at] > '9'))
        at = text[at] == '"' ? skip_string(text, at) : at + 1;
    return at;
}

/*
 * Gives each number of the tree its text, from *at on, where a double may not hold what was written: cJSON keeps no
 * more. valuestring is freed with the tree, and of no meaning for a number to cJSON.
 */
static void keep_numbers(cJSON *tree, const char *text, size_t len, size_t *at)
{
    if (cJSON_IsNumber(tree)) {
        size_t start = find_number(text, *at);
        size_t length = number_length(text + start, len - start);

        tree->valuestring = cJSON_malloc(length + 1);
        json_need(tree->valuestring);
        memcpy(tree->valuestring, text + start, length);
        tree->valuestring[length] = '\0';
        *at = start + length;
    }
    for (cJSON *child = tree->child; child != NULL; child = child->next)
        keep_numbers(child, text, len, at);
}

cJSON *json_parse_scanned(const char *text, size_t len, bool inexact, const char **reason)
{
    size_t at = 0;
    cJSON *tree;

#ifndef SANITIZED /* which watches over what malloc() gave, and not within the block */
    json_memory_use();
#endif
    tree = cJSON_ParseWithLength(text, len);
    *reason = NULL;
    json_need(tree);
    if (repeats_key(tree)) {
        *reason = "an object has the same key twice";
        cJSON_Delete(tree);
        return NULL;
    }
    if (inexact)
        keep_numbers(tree, text, len, &at);
    return tree;
}

cJSON *json_parse(const char *text, size_t len, const char **reason)
{
    struct json_scan scan;

    *reason = scan_fault(&scan, text, len);
    return *reason == NULL ? json_parse_scanned(text, len, scan.inexact, reason) : NULL;
}

const cJSON *json_member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

const char *json_member_text(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(json_member(object, name));
}

/*
 * The digits of a number without zeros before or after them, and by how many places the point is to the right of
 * them. False if that is so far that the number is none of 64 bits, or no integer.
 */
static bool significant_digits(const char *number, char digits[JSON_MAX_NUMBER + 1], long *shift)
{
    size_t count = 0;
    bool fraction = false;
    long exponent = 0;

    *shift = 0;
    for (; *number != '\0' && *number != 'e' && *number != 'E'; number++) {
        if (*number == '.')
            fraction = true;
        else if (fraction)
            --*shift;
        if (*number >= (count == 0 ? '1' : '0') && *number <= '9')
            digits[count++] = *number;
    }
    if (*number != '\0')
        exponent = strtol(number + 1, NULL, 10);
    for (; count > 0 && digits[count - 1] == '0'; count--)
        ++*shift;
    digits[count] = '\0';
    if (count == 0) {
        *shift = 0;
        return true;
    }
    if (exponent < -2 * JSON_MAX_NUMBER || exponent > 2 * JSON_MAX_NUMBER)
        return false;
    *shift += exponent;
    return *shift >= 0 && (long)count + *shift <= 18;
}

static bool read_integer(const char *number, int64_t *integer)
{
    char digits[JSON_MAX_NUMBER + 1];
    long shift;

    if (!significant_digits(number, digits, &shift))
        return false;
    *integer = strtoll(digits, NULL, 10);
    for (; shift > 0; shift--)
        *integer *= 10;
    if (*number == '-')
        *integer = -*integer;
    return true;
}

bool json_integer(const cJSON *value, int64_t least, int64_t most, int64_t *integer)
{
    if (!cJSON_IsNumber(value))
        return false;
    if (value->valuestring == NULL)
        *integer = (int64_t)value->valuedouble;
    else if (!read_integer(value->valuestring, integer))
        return false;
    return *integer >= least && *integer <= most;
}

size_t json_compact(char *text, size_t len)
{
    size_t out = 0;
    bool in_string = false;

    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (in_string) {
            if (c == '\\')
                text[out++] = text[i++];
            else if (c == '"')
                in_string = false;
        } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            continue;
        } else if (c == '"') {
            in_string = true;
        }
        text[out++] = text[i];
    }
    return out;
}

char *json_shown(const char *text, size_t len, size_t *shown_len)
{
    char *shown = need_calloc(len * 6 + 1, 1);
    size_t out = 0;
    uint32_t point;

    for (size_t i = 0; i < len;) {
        size_t step = utf8_decode(text + i, len - i, &point);

        if (step == 0)
            die(EXIT_BUG, "JSON that is not UTF-8");
        /* Between its tokens, the text has line breaks and tabs. */
        if (point == '\n' || point == '\r' || point == '\t') {
            shown[out++] = ' ';
        } else if (text_is_control(point)) {
            out += (size_t)snprintf(shown + out, 7, "\\u%04x", (unsigned)point);
        } else {
            memcpy(shown + out, text + i, step);
            out += step;
        }
        i += step;
    }
    *shown_len = out;
    return shown;
}

/* Past the value that starts at text[at], of a member of an object: to the comma or brace that ends it. */
static size_t skip_value(const char *text, size_t at)
{
    size_t depth = 0;

    for (;;) {
        char c = text[at];

        if (c == '"') {
            at = skip_string(text, at);
            continue;
        }
        if (depth == 0 && (c == ',' || c == '}'))
            return at;
        if (c == '{' || c == '[')
            depth++;
        else if (c == '}' || c == ']')
            depth--;
        at++;
    }
}

const char *json_member_raw(const char *text, size_t len, const char *name, size_t *value_len)
{
    const char *start = memchr(text, '{', len);
    size_t at = start == NULL ? len : (size_t)(start - text) + 1;
    size_t name_len = strlen(name);

    while (at < len && text[at] != '}') {
        size_t key = at + strcspn(text + at, "\"}");
        size_t value;

        if (text[key] == '}')
            break;
        at = skip_string(text, key);
        value = at + strcspn(text + at, ":") + 1;
        at = skip_value(text, value);
        if (strncmp(text + key + 1, name, name_len) == 0 && text[key + 1 + name_len] == '"') {
            *value_len = at - value;
            return text + value;
        }
    }
    return NULL;
}

static void sort_object(cJSON *object)
{
    size_t count;
    cJSON **members = sorted_members(object, &count);

    for (size_t i = 0; i < count; i++) {
        members[i]->next = i + 1 < count ? members[i + 1] : NULL;
        members[i]->prev = i > 0 ? members[i - 1] : members[count - 1];
    }
    if (count > 0)
        object->child = members[0];
    free(members);
}

/* Two trees of equal content then print alike. */
static void sort_members(cJSON *tree)
{
    if (cJSON_IsObject(tree))
        sort_object(tree);
    for (cJSON *child = tree->child; child != NULL; child = child->next)
        sort_members(child);
}

void json_need(const void *made)
{
    if (made == NULL)
        die_no_memory();
}

char *json_print(const cJSON *tree)
{
    char *text = cJSON_PrintUnformatted(tree);

    json_need(text);
    return text;
}

/*
 * The text with an 's' put before each string, and each number made a string after an 'n': in a tree, numbers would
 * be rounded. To be freed.
 */
static char *quote_numbers(const char *text, size_t len, size_t *quoted_len)
{
    char *quoted = need_calloc(len * 4 + 1, 1);
    size_t out = 0;
    bool in_string = false;

    for (size_t i = 0; i < len; i++) {
        if (in_string) {
            in_string = text[i] != '"';
            quoted[out++] = text[i];
            if (text[i] == '\\')
                quoted[out++] = text[++i];
        } else if (text[i] == '"') {
            in_string = true;
            quoted[out++] = '"';
            quoted[out++] = 's';
        } else if (text[i] == '-' || (text[i] >= '0' && text[i] <= '9')) {
            size_t length = number_length(text + i, len - i);

            quoted[out++] = '"';
            quoted[out++] = 'n';
            memcpy(quoted + out, text + i, length);
            out += length;
            quoted[out++] = '"';
            i += length - 1;
        } else {
            quoted[out++] = text[i];
        }
    }
    *quoted_len = out;
    return quoted;
}

char *json_canonical(const char *text, size_t len, const char *without)
{
    struct json_scan scan;
    const char *reason = scan_fault(&scan, text, len);
    char member[64];
    size_t quoted_len;
    char *quoted;
    char *canonical = NULL;
    cJSON *tree;

    if (reason != NULL)
        return NULL;
    quoted = quote_numbers(text, len, &quoted_len);
    tree = json_parse(quoted, quoted_len, &reason);
    free(quoted);
    if (tree == NULL)
        return NULL;
    if (without != NULL) {
        (void)snprintf(member, sizeof member, "s%s", without);
        cJSON_DeleteItemFromObjectCaseSensitive(tree, member);
    }
    sort_members(tree);
    canonical = json_print(tree);
    cJSON_Delete(tree);
    return canonical;
}
