/*
 * request: one request, from its first line to the last byte of its answer.
 *
 * It is checked here for all routes: whether it may be read in two ways, its size, what it brings
 * and accepts, and whether it may (request_check.h). What reaches a handler (service.h) has passed
 * that. The request and all that it points to last until the handler has answered; if it waits,
 * until request_finish(), or until left was called.
 */
#ifndef ORDER_HTTP_REQUEST_H
#define ORDER_HTTP_REQUEST_H

#include "answer.h"
#include "target.h"

#include "base/uuid.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client;
struct route;
struct service;
struct span;

struct request {
    uint64_t number;      /* grows by one with each request; the first is 1 */
    const char *method;   /* "GET" also for HEAD: a handler answers both in the same way */
    const char *argument; /* the rest of the path, decoded: ID in /order/ID; "" if there is none */
    char *body;           /* of POST; not terminated; NULL if it is empty */
    size_t len;
    struct answer answer;

    /* Set by the handler. */
    bool waits;                            /* the answer comes later, with request_finish() */
    void (*left)(struct request *request); /* called if the answer is no longer wanted: forget the
                                              request. NULL: nobody keeps it */
    void *context;                         /* the handler's own */
    char order_id[UUID_TEXT_SIZE];         /* for the access log; "" if it is about no one order */

    /* Private, to request.c and request_check.c. */
    struct service *service;
    struct client *client;
    struct MHD_Connection *connection;
    const char *sent_method; /* as it came: "HEAD"; lasts as long as the request is at hand */
    char *text;              /* the target as it came */
    struct joined *joined;   /* values of fields that are not as they came */
    struct target target;
    const struct route *route; /* NULL if there is none for the path */
    size_t size;               /* bytes allocated for the body */
    uint64_t received;         /* bytes of the body that came, kept or not */
    uint64_t sent;             /* bytes of the body of the answer */
    int64_t began_us;
    struct span *span; /* request_span.h; NULL if there is none */
    bool is_checked;
    bool is_last;     /* of its connection */
    bool is_answered; /* the answer is on its way to the client, or there already */
    bool is_suspended;
};

/*
 * Returns the value of the header field with that name, in any case, without white space around it;
 * NULL if there is none. If the field came more than once, the values are joined by commas. What it
 * returns lasts as long as the request.
 */
const char *request_header(struct request *request, const char *name);

/* Calls visit for each parameter of the query, in their order, until it returns false. */
void request_each_query(const struct request *request, target_parameter *visit, void *context);

/* Sends the answer, which was filled in, of a request that waits. Ends it for the handler. */
void request_finish(struct request *request);

/* ---- for the server ---- */

/* Begins a request when its first line is there. target is as it came, without what follows a NUL;
 * NULL if there is none. */
struct request *request_begin(struct service *service, struct client *client,
                              struct MHD_Connection *connection, const char *target);

/*
 * Goes on with a request: its header is complete, or upload[0..*size) of its body has come, or all
 * of it has (*size is 0). An MHD_AccessHandlerCallback's result: MHD_NO cuts the connection.
 */
enum MHD_Result request_go_on(struct request *request, const char *method, const char *version,
                              const char *upload, size_t *size);

/* Frees the body, of which no more is kept. */
void request_drop_body(struct request *request);

/*
 * If the request waits: takes it from its handler, and answers 503. Returns whether it waited.
 */
bool request_give_up(struct request *request);

/* Ends a request, whose answer was sent or will not be, and frees it. */
void request_end(struct request *request);

#endif
