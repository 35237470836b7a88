#include "order-http/target.h"

#include "unit.h"

#include <stdio.h>
#include <string.h>

static void reads_targets(void)
{
    static const struct {
        const char *text;
        const char *path;
        const char *query;
    } rows[] = {
        {"/", "/", NULL},
        {"/order/x", "/order/x", NULL},
        {"/%6Frder%2f%C3%a4", "/order/\xC3\xA4", NULL},
        {"/a+b", "/a+b", NULL},
        {"/orders?", "/orders", ""},
        {"/orders?a=b?c", "/orders", "a=b?c"},
        {"/%3F?x", "/?", "x"},
        {"*", "*", NULL},
        {"http://example.com/orders?x", "/orders", "x"},
        {"HTTPS://[::1]:8001/", "/", NULL},
        {"http://example.com", "/", NULL},
        {"http://example.com?x", "/", "x"},
        {"/http://example.com/", "/http://example.com/", NULL},
        {"/a/../b", "/a/../b", NULL},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct target target;

        unit_row(rows[i].text);
        if (!SAME(target_read(rows[i].text, &target), NULL))
            continue;
        SAME(target.path, rows[i].path);
        SAME(target.query, rows[i].query);
        target_free(&target);
    }
    unit_row(NULL);
}

static void refuses_others(void)
{
    static const char character[] = "it has a character that must be encoded";
    static const char slash[] = "its path does not begin with '/'";
    static const char digits[] = "a '%' is not followed by two hexadecimal digits";
    static const char utf8[] = "it is not UTF-8 without NUL";
    static const struct {
        const char *text;
        const char *reason;
    } rows[] = {
        {"", slash},
        {"order", slash},
        {"example.com:80", slash},
        {"?x", slash},
        {"**", slash},
        {"*?x", slash},
        {"ftp://example.com/", slash},
        {"/a b", character},
        {"/a\tb", character},
        {"/\x7F", character},
        {"/\xC3\xA4", character},
        {"/a#b", character},
        {"/a?b c", character},
        {"/%", digits},
        {"/%4", digits},
        {"/%4g", digits},
        {"/%g4", digits},
        {"/a?%", digits},
        {"/a?b=%zz", digits},
        {"/%00", utf8},
        {"/%C3", utf8},
        {"/%ED%A0%80", utf8},
        {"/a?b=%00", utf8},
        {"/a?%FF=b", utf8},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct target target;

        unit_row(rows[i].text);
        SAME(target_read(rows[i].text, &target), rows[i].reason);
        CHECK(target.path == NULL);
    }
    unit_row(NULL);
}

static char seen[256];

static bool see(void *context, const char *name, const char *value)
{
    int *left = context;
    size_t len = strlen(seen);

    (void)snprintf(seen + len, sizeof seen - len, "[%s|%s]", name, value);
    return --*left > 0;
}

static const char *parameters(const char *query, int most)
{
    seen[0] = '\0';
    target_each_parameter(query, see, &most);
    return seen;
}

static void visits_parameters(void)
{
    SAME(parameters(NULL, 9), "");
    SAME(parameters("", 9), "");
    SAME(parameters("&&", 9), "");
    SAME(parameters("a", 9), "[a|]");
    SAME(parameters("a=", 9), "[a|]");
    SAME(parameters("=b", 9), "[|b]");
    SAME(parameters("a=b=c&&d=%26%3D+e&a=2", 9), "[a|b=c][d|&= e][a|2]");
    SAME(parameters("a=1&b=2&c=3", 2), "[a|1][b|2]");
}

int main(void)
{
    RUN(reads_targets);
    RUN(refuses_others);
    RUN(visits_parameters);
    return unit_end();
}
