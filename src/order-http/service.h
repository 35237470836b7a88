/*
 * service: what the handlers of requests share, and what a handler is.
 */
#ifndef ORDER_HTTP_SERVICE_H
#define ORDER_HTTP_SERVICE_H

#include "base/report.h"
#include "store/orders.h"

#include <stdbool.h>
#include <stdint.h>

struct placement;
struct request;

struct http_settings {
    const char *allow_origin; /* whose pages may ask, "*" for all; NULL for none */
    int confirm_wait_ms;      /* how long an answer waits for the broker's confirm */
    bool uses_tls;
    int keep_s; /* how long a client may reckon with an idle connection; or 0 */
};

struct service {
    const struct http_settings *settings;
    struct placement *placement;
    struct orders *reader;  /* opened with ORDERS_LOOK */
    bool is_stopping;       /* finishes what it has in hand */
    enum exit_code failure; /* EXIT_STORE once the store cannot be read: the program ends, so that
                               it can be started again with the store that is there then */
    uint64_t calls;         /* private to server.c and request.c: calls of libmicrohttpd so far */
};

/*
 * Handles a request whose body is there in full. Fills in request->answer at once; or sets
 * request->waits, and request->left if it keeps the pointer, and calls request_finish() later
 * (request.h).
 */
typedef void handler(struct service *service, struct request *request);

#endif
