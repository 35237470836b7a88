#include "media.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BLANKS " \t"

/* A type or range, or a parameter, within a field. */
struct part {
    const char *text;
    size_t len;
};

/* Returns the next part before a separator, without white space around it, and advances *at past
 * the separator. Quotes hide a separator. */
static struct part next_part(const char **at, const char *end, char separator)
{
    struct part part = {.text = *at};
    bool is_quoted = false;
    const char *to = *at;

    for (; to < end && (is_quoted || *to != separator); to++)
        is_quoted = is_quoted != (*to == '"');
    *at = to < end ? to + 1 : end;
    part.len = (size_t)(to - part.text);
    while (part.len > 0 && strchr(BLANKS, part.text[0]) != NULL) {
        part.text++;
        part.len--;
    }
    while (part.len > 0 && strchr(BLANKS, part.text[part.len - 1]) != NULL)
        part.len--;
    return part;
}

static bool is(struct part part, const char *text)
{
    return part.len == strlen(text) && strncasecmp(part.text, text, part.len) == 0;
}

/* Returns the value of a parameter "name=value"; its text is NULL if part is another one. */
static struct part value_of(struct part part, const char *name)
{
    size_t len = strlen(name);
    struct part value = {NULL, 0};

    if (part.len <= len || part.text[len] != '=' || strncasecmp(part.text, name, len) != 0)
        return value;
    value.text = part.text + len + 1;
    value.len = part.len - len - 1;
    if (value.len >= 2 && value.text[0] == '"' && value.text[value.len - 1] == '"') {
        value.text++;
        value.len -= 2;
    }
    return value;
}

bool media_is_json(const char *content_type)
{
    const char *at = content_type;
    const char *end = at + strlen(at);

    if (!is(next_part(&at, end, ';'), "application/json"))
        return false;
    while (at < end) {
        struct part charset = value_of(next_part(&at, end, ';'), "charset");

        if (charset.text != NULL && !is(charset, "utf-8") && !is(charset, "utf8") &&
            !is(charset, "us-ascii"))
            return false;
    }
    return true;
}

/* Returns how exactly a range names a type: 3 the type, 2 all of its kind, 1 everything, 0 not. */
static int exactness(struct part range, const char *type, size_t type_len)
{
    size_t kind_len = strcspn(type, "/") + 1;

    if (range.len == type_len && strncasecmp(range.text, type, type_len) == 0)
        return 3;
    if (range.len == kind_len + 1 && strncasecmp(range.text, type, kind_len) == 0 &&
        range.text[kind_len] == '*')
        return 2;
    return is(range, "*/*") ? 1 : 0;
}

/* Returns whether the parameters of a range do not rule it out: q=0. */
static bool is_wanted(const char *at, const char *end)
{
    while (at < end) {
        struct part weight = value_of(next_part(&at, end, ';'), "q");

        if (weight.text != NULL)
            return strtod(weight.text, NULL) > 0;
    }
    return true;
}

bool media_accepts(const char *accept, const char *type)
{
    size_t type_len = strcspn(type, "; ");
    const char *at = accept;
    int best = 0;
    bool is_accepted = false;

    if (accept == NULL || accept[strspn(accept, BLANKS)] == '\0')
        return true;
    while (*at != '\0') {
        struct part range = next_part(&at, at + strlen(at), ',');
        const char *parameters = range.text;
        const char *end = range.text + range.len;
        int exact = exactness(next_part(&parameters, end, ';'), type, type_len);

        if (exact > best) {
            best = exact;
            is_accepted = is_wanted(parameters, end);
        }
    }
    return is_accepted;
}

bool media_is_only(const char *list, const char *word)
{
    const char *at = list;

    while (*at != '\0') {
        struct part part = next_part(&at, at + strlen(at), ',');

        if (part.len > 0 && !is(part, word))
            return false;
    }
    return true;
}
