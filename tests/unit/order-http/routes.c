#include "order-http/routes.h"

#include "unit.h"

#include <string.h>

static void finds_paths(void)
{
    static const struct {
        const char *path;
        const char *pattern; /* NULL: there is none */
        const char *argument;
    } rows[] = {
        {"/order", "/order", ""},
        {"/order/x", "/order/{order_id}", "x"},
        {"/order/x/y", "/order/{order_id}", "x/y"},
        {"/orders", "/orders", ""},
        {"/health", "/health", ""},
        {"/ready", "/ready", ""},
        {"/metrics", "/metrics", ""},
        {"/openapi.json", "/openapi.json", ""},
        {"/order/", NULL, ""},
        {"/orders/", NULL, ""},
        {"/orders/x", NULL, ""},
        {"/Order", NULL, ""},
        {"//order", NULL, ""},
        {"/health/", NULL, ""},
        {"/healthy", NULL, ""},
        {"/", NULL, ""},
        {"*", NULL, ""},
        {"", NULL, ""},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *argument = NULL;
        const struct route *route = routes_find(rows[i].path, &argument);

        unit_row(rows[i].path);
        SAME(route == NULL ? NULL : route->pattern, rows[i].pattern);
        SAME(argument, rows[i].argument);
    }
    unit_row(NULL);
}

static void answers_to_methods(void)
{
    static const struct {
        const char *path;
        const char *allow;
        bool gets;
        bool posts;
    } rows[] = {
        {"/order", "POST, OPTIONS", false, true},
        {"/order/x", "GET, HEAD, OPTIONS", true, false},
        {"/health", "GET, HEAD, OPTIONS", true, false},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *argument;
        const struct route *route = routes_find(rows[i].path, &argument);
        char allow[ROUTES_ALLOW_SIZE];

        unit_row(rows[i].path);
        if (!CHECK(route != NULL))
            continue;
        routes_allow(route, allow);
        SAME(allow, rows[i].allow);
        EQUAL(routes_handler(route, "GET") != NULL, rows[i].gets);
        EQUAL(routes_handler(route, "HEAD") != NULL, rows[i].gets);
        EQUAL(routes_handler(route, "POST") != NULL, rows[i].posts);
        CHECK(routes_handler(route, "DELETE") == NULL);
        CHECK(routes_handler(route, "get") == NULL);
    }
    unit_row(NULL);
}

static void only_health_is_open(void)
{
    static const char *const paths[] = {"/order",   "/order/x", "/orders",
                                        "/metrics", "/ready",   "/openapi.json"};
    const char *argument;

    CHECK(routes_find("/health", &argument)->is_open);
    for (size_t i = 0; i < COUNT(paths); i++) {
        unit_row(paths[i]);
        CHECK(!routes_find(paths[i], &argument)->is_open);
    }
    unit_row(NULL);
}

static void allows_all_methods_together(void)
{
    char allow[ROUTES_ALLOW_SIZE];

    routes_allow(NULL, allow);
    SAME(allow, "GET, HEAD, POST, OPTIONS");
}

int main(void)
{
    RUN(finds_paths);
    RUN(answers_to_methods);
    RUN(only_health_is_open);
    RUN(allows_all_methods_together);
    return unit_end();
}
