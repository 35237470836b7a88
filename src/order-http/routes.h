/*
 * routes: one table: which path answers to which method, and what it takes and gives.
 *
 * 404, 405 and OPTIONS follow from it.
 */
#ifndef ORDER_HTTP_ROUTES_H
#define ORDER_HTTP_ROUTES_H

#include "service.h"

#include <stdbool.h>

#define ROUTES_ALLOW_SIZE 64

struct route {
    const char *path;    /* if it ends in a slash, an argument follows */
    const char *pattern; /* the same for people and for metrics: "/order/{order_id}" */
    const char *type;    /* of the answer to a GET or POST that succeeds */
    handler *get;        /* also of HEAD; NULL: not allowed */
    handler *post;
    bool is_open; /* for everybody, with or without a token */
};

/* Has metrics show all routes from the start. */
void routes_expect_requests(void);

/* Returns the route of a decoded path, with the argument, a part of path, in *argument; NULL if
 * there is none. */
const struct route *routes_find(const char *path, const char **argument);

/* Returns the handler of a method, for HEAD that of GET; NULL if the route does not allow it. */
handler *routes_handler(const struct route *route, const char *method);

/* Writes the value of the field Allow: the methods of a route; of no route: of all together. */
void routes_allow(const struct route *route, char allow[ROUTES_ALLOW_SIZE]);

#endif
