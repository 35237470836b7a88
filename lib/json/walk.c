#include "json/walk.h"

#include "json/json.h"
#include "json/scan.h"

#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Returns the first byte at or after at that is part of a token. */
static const char *to_token(const char *at)
{
    while (is_space(*at))
        at++;
    return at;
}

static const char *past_string(const char *string)
{
    const char *at = string + 1;

    for (; *at != '"'; at++)
        if (*at == '\\')
            at++;
    return at + 1;
}

/* In valid JSON the kinds of brackets need no comparison. */
static const char *past_container(const char *at)
{
    size_t depth = 0;

    do {
        if (*at == '"') {
            at = past_string(at);
            continue;
        }
        if (*at == '{' || *at == '[')
            depth++;
        else if (*at == '}' || *at == ']')
            depth--;
        at++;
    } while (depth > 0);
    return at;
}

const char *json_walk_past(const char *value)
{
    if (*value == '"')
        return past_string(value);
    if (*value == '{' || *value == '[')
        return past_container(value);
    while (*value != ',' && *value != '}' && *value != ']' && !is_space(*value))
        value++;
    return value;
}

char *json_walk_text(const char *string, char *text)
{
    const char *at = string + 1;
    char *end = text;

    while (*at != '"' && *at != '\\')
        *end++ = *at++;
    if (*at == '\\') {
        cJSON *tree =
            json_parse_scanned(string, (size_t)(past_string(string) - string), JSON_ODD_TEXT);
        size_t len = strlen(tree->valuestring);

        memcpy(text, tree->valuestring, len);
        end = text + len;
        cJSON_Delete(tree);
    }
    *end = '\0';
    return end;
}

/* Does key, len bytes with its quotation marks, spell name? */
static bool is_name(const char *key, size_t len, const char *name)
{
    return key[1] == *name && strncmp(key + 1, name, len - 2) == 0 && name[len - 2] == '\0';
}

/* As is_name(), for a key with escapes, which take up to six bytes for one of name. */
static bool is_escaped_name(const char *key, size_t len, const char *name)
{
    char text[6 * JSON_FIELD_MAX + sizeof "\"\""];

    if (len > sizeof text)
        return false;
    (void)json_walk_text(key, text);
    return strcmp(text, name) == 0;
}

static void take_member(struct json_field *fields, size_t count, const char *key, size_t key_len,
                        const char *value)
{
    bool is_escaped = memchr(key, '\\', key_len) != NULL;

    for (size_t i = 0; i < count; i++) {
        struct json_field *field = &fields[i];

        if (!(is_escaped ? is_escaped_name : is_name)(key, key_len, field->name))
            continue;
        field->is_twice = field->value != NULL;
        if (!field->is_twice)
            field->value = value;
        return;
    }
}

const char *json_walk_member(const char *at, const char **key, size_t *key_len)
{
    at = to_token(at);
    if (*at != '}')
        at = to_token(at + 1);
    if (*at == '}')
        return NULL;
    *key = at;
    *key_len = (size_t)(past_string(at) - at);
    return to_token(to_token(at + *key_len) + 1);
}

const char *json_walk_object(const char *object, struct json_field *fields, size_t count)
{
    const char *at = object;
    const char *value;
    const char *key;
    size_t key_len;

    for (size_t i = 0; i < count; i++) {
        fields[i].value = NULL;
        fields[i].is_twice = false;
    }
    while ((value = json_walk_member(at, &key, &key_len)) != NULL) {
        take_member(fields, count, key, key_len, value);
        at = json_walk_past(value);
    }
    return to_token(at == object ? at + 1 : at) + 1;
}

const char *json_walk_element(const char *at)
{
    at = to_token(at);
    if (*at == ']')
        return NULL;
    at = to_token(at + 1);
    return *at == ']' ? NULL : at;
}
