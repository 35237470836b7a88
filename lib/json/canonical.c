#include "json/canonical.h"

#include "base/memory.h"
#include "json/decimal.h"
#include "json/json.h"
#include "json/odd.h"
#include "json/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A tree would round numbers and cannot hold all strings. So the text is first rewritten: a number
 * becomes a string that starts with 'n', every other string gets an 's' before it, an escape that a
 * tree cannot hold becomes \u0001 and its four digits, and \u0001 itself is doubled.
 */

static void write_escape(struct json_writer *line, const char *text, size_t at, size_t length,
                         bool odd)
{
    char digits[5];

    if (!odd) {
        bool is_mark = length == 6 && memcmp(text + at + 2, "0001", 4) == 0;

        json_writer_bytes(line, text + at, length);
        if (is_mark)
            json_writer_raw(line, "\\u0001");
        return;
    }
    for (size_t i = 0; i < 4; i++)
        digits[i] = text[at + 2 + i] >= 'A' && text[at + 2 + i] <= 'F'
                        ? (char)(text[at + 2 + i] | 0x20)
                        : text[at + 2 + i];
    digits[4] = '\0';
    json_writer_raw(line, "\\u0001");
    json_writer_raw(line, digits);
}

/* Returns the offset after the string that starts at text[at]. */
static size_t write_string(struct json_writer *line, const char *text, size_t at)
{
    json_writer_raw(line, "\"s");
    for (at++; text[at] != '"';) {
        bool odd = false;
        size_t length = 0;

        while (text[at + length] != '"' && text[at + length] != '\\')
            length++;
        json_writer_bytes(line, text + at, length);
        at += length;
        if (text[at] == '"')
            break;
        length = json_escape(text, at, &odd);
        write_escape(line, text, at, length, odd);
        at += length;
    }
    json_writer_raw(line, "\"");
    return at + 1;
}

static size_t write_number(struct json_writer *line, const char *text, size_t at, size_t len,
                           enum json_numbers numbers)
{
    size_t length = decimal_length(text + at, len - at);

    json_writer_raw(line, "\"n");
    if (numbers == JSON_NUMBERS_AS_WRITTEN) {
        json_writer_bytes(line, text + at, length);
    } else {
        char *canonical = xmalloc(DECIMAL_CANONICAL_MAX(length));

        json_writer_bytes(line, canonical, decimal_canonical(text + at, length, canonical));
        free(canonical);
    }
    json_writer_raw(line, "\"");
    return at + length;
}

/* Free with free(). */
static char *without_numbers(const char *text, size_t len, enum json_numbers numbers)
{
    struct json_writer line;

    json_writer_start(&line);
    for (size_t at = 0; at < len;) {
        if (text[at] == '"')
            at = write_string(&line, text, at);
        else if (text[at] == '-' || (text[at] >= '0' && text[at] <= '9'))
            at = write_number(&line, text, at, len, numbers);
        else
            json_writer_bytes(&line, text + at++, 1);
    }
    return json_writer_end(&line);
}

/* Makes trees of equal content print alike. */
static void sort_members(cJSON *tree)
{
    if (cJSON_IsObject(tree))
        json_sort_object(tree);
    for (cJSON *child = tree->child; child != NULL; child = child->next)
        sort_members(child);
}

char *json_canonical(const char *text, size_t len, const char *without, enum json_numbers numbers)
{
    unsigned traits;
    size_t at;
    char member[64];
    char *written;
    char *canonical;
    cJSON *tree;

    if (json_check(text, len, &traits, &at) != NULL)
        return NULL;
    written = without_numbers(text, len, numbers);
    tree = json_parse_scanned(written, strlen(written), 0);
    free(written);
    if (without != NULL) {
        (void)snprintf(member, sizeof member, "s%s", without);
        cJSON_DeleteItemFromObjectCaseSensitive(tree, member);
    }
    sort_members(tree);
    canonical = json_print(tree);
    cJSON_Delete(tree);
    return canonical;
}

bool json_same(const char *a, size_t a_len, const char *b, size_t b_len, const char *without,
               enum json_numbers numbers)
{
    char *left = json_canonical(a, a_len, without, numbers);
    char *right = json_canonical(b, b_len, without, numbers);
    bool same = left != NULL && right != NULL && strcmp(left, right) == 0;

    cJSON_free(left);
    cJSON_free(right);
    return same;
}
