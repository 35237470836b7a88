#include "routes.h"

#include "answer.h"
#include "health.h"
#include "list_orders.h"
#include "metrics.h"
#include "openapi.h"
#include "place_order.h"
#include "show_metrics.h"
#include "show_order.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const struct route routes[] = {
    {"/order", "/order", ANSWER_JSON, .post = place_order},
    {"/order/", "/order/{order_id}", ANSWER_JSON, .get = show_order},
    {"/orders", "/orders", ANSWER_JSON, .get = list_orders},
    {"/health", "/health", ANSWER_JSON, .get = health, .is_open = true},
    {"/ready", "/ready", ANSWER_JSON, .get = ready},
    {"/metrics", "/metrics", METRICS_TYPE, .get = show_metrics},
    {"/openapi.json", "/openapi.json", ANSWER_JSON, .get = openapi},
};

#define ROUTES (sizeof routes / sizeof routes[0])

/* Returns the argument of a path that is the route's; NULL if it is not. */
static const char *match(const struct route *route, const char *path)
{
    size_t len = strlen(route->path);
    bool has_argument = route->path[len - 1] == '/';

    if (strncmp(path, route->path, len) != 0)
        return NULL;
    return (path[len] == '\0') != has_argument ? path + len : NULL;
}

void routes_expect_requests(void)
{
    for (size_t i = 0; i < ROUTES; i++) {
        if (routes[i].get != NULL)
            metrics_request_expected(routes[i].pattern, "GET");
        if (routes[i].post != NULL)
            metrics_request_expected(routes[i].pattern, "POST");
    }
}

const struct route *routes_find(const char *path, const char **argument)
{
    for (size_t i = 0; i < ROUTES; i++) {
        *argument = match(&routes[i], path);
        if (*argument != NULL)
            return &routes[i];
    }
    *argument = "";
    return NULL;
}

handler *routes_handler(const struct route *route, const char *method)
{
    if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
        return route->get;
    return strcmp(method, "POST") == 0 ? route->post : NULL;
}

void routes_allow(const struct route *route, char allow[ROUTES_ALLOW_SIZE])
{
    bool gets = route == NULL || route->get != NULL;
    bool posts = route == NULL || route->post != NULL;

    (void)snprintf(allow, ROUTES_ALLOW_SIZE, "%s%sOPTIONS", gets ? "GET, HEAD, " : "",
                   posts ? "POST, " : "");
}
