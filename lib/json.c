#include "json.h"

#include "json_scan.h"
#include "report.h"
#include "text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *scan_fault(const char *text, size_t len)
{
    struct json_scan scan;
    size_t taken = 0;
    enum json_progress progress;

    json_scan_start(&scan);
    progress = json_scan_feed(&scan, text, len, &taken);
    if (progress == JSON_UNFINISHED)
        progress = json_scan_finish(&scan);
    if (progress == JSON_FAULTY)
        return scan.fault;
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
            if (strcmp(other->string, m->string) == 0)
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
        if (repeats_key(child))
            return true;
    return false;
}

cJSON *json_parse(const char *text, size_t len, const char **reason)
{
    cJSON *tree;

    *reason = scan_fault(text, len);
    if (*reason != NULL)
        return NULL;
    tree = cJSON_ParseWithLength(text, len);
    if (tree == NULL)
        die_no_memory();
    if (repeats_key(tree)) {
        *reason = "an object has the same key twice";
        cJSON_Delete(tree);
        return NULL;
    }
    return tree;
}

const cJSON *json_member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

const char *json_member_text(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(json_member(object, name));
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

/* Past the string that starts at text[at]. */
static size_t skip_string(const char *text, size_t at)
{
    for (at++; text[at] != '"'; at++)
        at += text[at] == '\\' ? 1 : 0;
    return at + 1;
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
            quoted[out++] = '"';
            quoted[out++] = 'n';
            while (i < len && strchr("-+.eE0123456789", text[i]) != NULL)
                quoted[out++] = text[i++];
            quoted[out++] = '"';
            i--;
        } else {
            quoted[out++] = text[i];
        }
    }
    *quoted_len = out;
    return quoted;
}

char *json_canonical(const char *text, size_t len, const char *without)
{
    const char *reason = scan_fault(text, len);
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
