#include "json/json.h"

#include "base/memory.h"
#include "base/report.h"
#include "base/text.h"
#include "json/decimal.h"
#include "json/odd.h"
#include "json/scan.h"
#include "json/walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *json_check(const char *text, size_t len, unsigned *traits, size_t *at)
{
    struct json_scan scan;
    enum json_progress progress;

    json_scan_start(&scan);
    progress = json_scan_feed(&scan, text, len, at);
    if (progress == JSON_UNFINISHED)
        progress = json_scan_finish(&scan);
    *traits = scan.traits;
    if (progress == JSON_FAULTY)
        return scan.fault;
    while (*at < len && memchr(" \t\r\n", text[*at], 4) != NULL)
        ++*at;
    return *at == len ? NULL : "something follows the value";
}

/* A member of an object, and its position there. */
struct place {
    cJSON *member;
    size_t index;
};

static int by_name(const void *a, const void *b)
{
    const struct place *left = a;
    const struct place *right = b;
    int order = strcmp(left->member->string, right->member->string);

    return order != 0 ? order : left->index < right->index ? -1 : 1;
}

/* Returns the members by name, then by position; NULL if there are none. Free with free(). */
static struct place *sorted_members(const cJSON *object, size_t *count)
{
    struct place *members;
    size_t n = 0;

    for (const cJSON *m = object->child; m != NULL; m = m->next)
        n++;
    *count = n;
    if (n == 0)
        return NULL;
    members = xmalloc(n * sizeof *members);
    n = 0;
    for (cJSON *m = object->child; m != NULL; m = m->next, n++)
        members[n] = (struct place){.member = m, .index = n};
    qsort(members, n, sizeof *members, by_name);
    return members;
}

static bool object_repeats_key(const cJSON *object)
{
    size_t count = 0;
    struct place *members;
    bool repeats = false;

    /* Nearly every object is small: comparing all pairs then needs no memory. */
    for (const cJSON *m = object->child; m != NULL && count <= 8; m = m->next, count++)
        for (const cJSON *other = object->child; other != m; other = other->next)
            if (*other->string == *m->string && strcmp(other->string, m->string) == 0)
                return true;
    if (count <= 8)
        return false;
    members = sorted_members(object, &count);
    for (size_t i = 1; i < count && !repeats; i++)
        repeats = strcmp(members[i - 1].member->string, members[i].member->string) == 0;
    free(members);
    return repeats;
}

/* The scan has limited the depth to JSON_MAX_DEPTH. */
static bool repeats_key(const cJSON *tree)
{
    if (cJSON_IsObject(tree) && object_repeats_key(tree))
        return true;
    for (const cJSON *child = tree->child; child != NULL; child = child->next)
        if (child->child != NULL && repeats_key(child))
            return true;
    return false;
}

/* Returns the offset of the next number of a valid JSON text. at is not within a string. */
static size_t find_number(const char *text, size_t at)
{
    while (text[at] != '-' && (text[at] < '0' || text[at] > '9'))
        at = text[at] == '"' ? (size_t)(json_walk_past(text + at) - text) : at + 1;
    return at;
}

/*
 * Gives each number of the tree the text that it was read from, starting at text[*at], since its
 * double may be rounded. cJSON does not use the valuestring of a number, but calls free() on it.
 */
static void keep_numbers(cJSON *tree, const char *text, size_t len, size_t *at)
{
    if (cJSON_IsNumber(tree)) {
        size_t start = find_number(text, *at);
        size_t length = decimal_length(text + start, len - start);

        tree->valuestring = xmemdup_text(text + start, length);
        if (length > JSON_SHORT_NUMBER)
            tree->valuedouble = strtod(tree->valuestring, NULL);
        *at = start + length;
    }
    for (cJSON *child = tree->child; child != NULL; child = child->next)
        keep_numbers(child, text, len, at);
}

cJSON *json_parse_scanned(const char *text, size_t len, unsigned traits)
{
    char *tamed = (traits & (JSON_ODD_TEXT | JSON_LONG_NUMBER)) != 0 ? json_tamed(text, len) : NULL;
    size_t at = 0;
    cJSON *tree = json_need(cJSON_ParseWithLength(tamed != NULL ? tamed : text, len));

    free(tamed);
    if ((traits & JSON_INEXACT) != 0)
        keep_numbers(tree, text, len, &at);
    return tree;
}

const char *json_ambiguity(const cJSON *tree, unsigned traits)
{
    if ((traits & JSON_ODD_TEXT) != 0)
        return "a string has the escape of NUL, or half of a surrogate pair";
    return repeats_key(tree) ? "an object has the same key twice" : NULL;
}

cJSON *json_parse(const char *text, size_t len, const char **reason)
{
    unsigned traits;
    size_t at;
    cJSON *tree;

    *reason = json_check(text, len, &traits, &at);
    if (*reason != NULL)
        return NULL;
    tree = json_parse_scanned(text, len, traits);
    *reason = json_ambiguity(tree, traits);
    if (*reason == NULL)
        return tree;
    cJSON_Delete(tree);
    return NULL;
}

const cJSON *json_member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

bool json_member_once(const cJSON *object, const char *name, const cJSON **member)
{
    const cJSON *child = cJSON_IsObject(object) ? object->child : NULL;

    *member = NULL;
    for (; child != NULL; child = child->next) {
        if (*child->string != *name || strcmp(child->string, name) != 0)
            continue;
        if (*member != NULL)
            return false;
        *member = child;
    }
    return true;
}

const char *json_member_text(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(json_member(object, name));
}

bool json_integer(const cJSON *value, int64_t least, int64_t most, int64_t *integer)
{
    if (!cJSON_IsNumber(value))
        return false;
    if (value->valuestring == NULL)
        *integer = (int64_t)value->valuedouble;
    else if (!decimal_integer(value->valuestring, strlen(value->valuestring), integer))
        return false;
    return *integer >= least && *integer <= most;
}

size_t json_compact_to(char *to, const char *text, size_t len)
{
    size_t out = 0;

    for (size_t i = 0; i < len; i++) {
        if (text[i] == ' ' || text[i] == '\t' || text[i] == '\r' || text[i] == '\n')
            continue;
        if (text[i] == '"')
            for (to[out++] = text[i++]; text[i] != '"'; to[out++] = text[i++])
                if (text[i] == '\\')
                    to[out++] = text[i++];
        to[out++] = text[i];
    }
    return out;
}

size_t json_compact(char *text, size_t len)
{
    return json_compact_to(text, text, len);
}

char *json_shown(const char *text, size_t len, size_t *shown_len)
{
    char *shown = xmalloc(len * 6 + 1);
    size_t out = 0;
    uint32_t point;

    for (size_t i = 0; i < len;) {
        size_t run = text_plain_run(text + i, len - i);
        size_t step = utf8_decode(text + i + run, len - i - run, &point);

        memcpy(shown + out, text + i, run);
        out += run;
        i += run;
        if (i == len)
            break;
        if (step == 0)
            die(EXIT_BUG, "JSON that is not UTF-8");
        /* In valid JSON these occur between tokens only. */
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
    shown[out] = '\0';
    *shown_len = out;
    return shown;
}

const char *json_member_raw(const char *text, size_t len, const char *name, size_t *value_len)
{
    const char *at = memchr(text, '{', len);
    size_t name_len = strlen(name);
    const char *value;
    const char *key;
    size_t key_len;

    while (at != NULL && (value = json_walk_member(at, &key, &key_len)) != NULL) {
        at = json_walk_past(value);
        if (key_len == name_len + 2 && memcmp(key + 1, name, name_len) == 0) {
            *value_len = (size_t)(at - value);
            return value;
        }
    }
    return NULL;
}

void json_sort_object(cJSON *object)
{
    size_t count;
    struct place *members = sorted_members(object, &count);

    for (size_t i = 0; i < count; i++) {
        members[i].member->next = i + 1 < count ? members[i + 1].member : NULL;
        members[i].member->prev = members[i > 0 ? i - 1 : count - 1].member;
    }
    if (count > 0)
        object->child = members[0].member;
    free(members);
}

void *json_need(void *made)
{
    if (made == NULL)
        die_no_memory();
    return made;
}

void json_add(cJSON *object, const char *name, cJSON *value)
{
    if (!cJSON_AddItemToObject(object, name, value))
        die_no_memory();
}

void json_add_text(cJSON *object, const char *name, const char *text)
{
    json_add(object, name, text != NULL ? cJSON_CreateString(text) : cJSON_CreateNull());
}

char *json_print(const cJSON *tree)
{
    return json_need(cJSON_PrintUnformatted(tree));
}
