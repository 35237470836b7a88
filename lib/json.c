#include "json.h"

#include "json_scan.h"
#include "report.h"

#include <stdint.h>
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

void json_sort(cJSON *tree)
{
    if (cJSON_IsObject(tree))
        sort_object(tree);
    for (cJSON *child = tree->child; child != NULL; child = child->next)
        json_sort(child);
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
