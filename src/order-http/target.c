#include "target.h"

#include "base/memory.h"
#include "base/text.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int hex(char digit)
{
    const char *digits = "0123456789abcdef";
    const char *at = digit == '\0' ? NULL : strchr(digits, digit | 0x20);

    return at == NULL ? -1 : (int)(at - digits);
}

/*
 * Decodes text[0..len), which target_read() has accepted or is about to check, to a new C string.
 * In a query, a plus is a space. Returns NULL, with the reason in *reason, if it is encoded
 * wrongly.
 */
static char *decode(const char *text, size_t len, bool is_query, const char **reason)
{
    char *decoded = xmalloc(len + 1);
    size_t to = 0;

    *reason = NULL;
    for (size_t from = 0; from < len && *reason == NULL; from++) {
        char c = text[from];

        if (c == '%') {
            int high = len - from > 2 ? hex(text[from + 1]) : -1;
            int low = high >= 0 ? hex(text[from + 2]) : -1;

            if (low < 0)
                *reason = "a '%' is not followed by two hexadecimal digits";
            c = (char)(high * 16 + low);
            from += 2;
        } else if (c == '+' && is_query) {
            c = ' ';
        }
        decoded[to++] = c;
    }
    if (*reason == NULL && !text_is_utf8(decoded, to))
        *reason = "it is not UTF-8 without NUL";
    if (*reason == NULL) {
        decoded[to] = '\0';
        return decoded;
    }
    free(decoded);
    return NULL;
}

/* Skips the scheme and the host of an absolute target. */
static const char *skip_host(const char *text)
{
    static const char *const schemes[] = {"http://", "https://"};

    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t len = strlen(schemes[i]);

        if (strncasecmp(text, schemes[i], len) == 0)
            return text + len + strcspn(text + len, "/?");
    }
    return text;
}

static bool is_visible(const char *text)
{
    while (*text > ' ' && *text < 0x7F)
        text++;
    return *text == '\0';
}

static const char *check_query(const char *query)
{
    const char *reason;

    free(decode(query, strlen(query), true, &reason));
    return reason;
}

const char *target_read(const char *text, struct target *target)
{
    const char *path = skip_host(text);
    size_t len = strcspn(path, "?");
    const char *reason = NULL;

    memset(target, 0, sizeof *target);
    if (!is_visible(text) || strchr(text, '#') != NULL)
        return "it has a character that must be encoded";
    target->query = path[len] == '?' ? path + len + 1 : NULL;
    if (path != text && len == 0)
        target->path = xstrdup("/");
    else if (*path == '/' || strcmp(path, "*") == 0)
        target->path = decode(path, len, false, &reason);
    else
        reason = "its path does not begin with '/'";
    if (reason == NULL && target->query != NULL)
        reason = check_query(target->query);
    if (reason != NULL)
        target_free(target);
    return reason;
}

const char *target_path(const char *text)
{
    const char *path = skip_host(text);

    return path == text || *path == '/' ? path : "/";
}

void target_free(struct target *target)
{
    free(target->path);
    memset(target, 0, sizeof *target);
}

static bool visit_one(const char *text, size_t len, target_parameter *visit, void *context)
{
    const char *equals = memchr(text, '=', len);
    size_t name_len = equals == NULL ? len : (size_t)(equals - text);
    size_t value_at = equals == NULL ? len : name_len + 1;
    const char *reason;
    char *name = decode(text, name_len, true, &reason);
    char *value = decode(text + value_at, len - value_at, true, &reason);
    bool goes_on = name == NULL || value == NULL || visit(context, name, value);

    free(name);
    free(value);
    return goes_on;
}

void target_each_parameter(const char *query, target_parameter *visit, void *context)
{
    while (query != NULL && *query != '\0') {
        size_t len = strcspn(query, "&");

        if (len > 0 && !visit_one(query, len, visit, context))
            return;
        query += len + (query[len] == '&');
    }
}
