/*
 * body_check: what a worker would say to the body of a message, found by parsing it once.
 */
#ifndef DLQ_REPLAY_BODY_CHECK_H
#define DLQ_REPLAY_BODY_CHECK_H

#include "amqp/rabbitmq.h"
#include "order/order.h"

#include <cjson/cJSON.h>
#include <stdbool.h>

struct body_check {
    const char *error; /* why the worker would reject the body, within fault; NULL: it would not */
    char *order_id;    /* the body's, sound or not; NULL: it has none that is fit to be shown */
    bool is_json;      /* it is shown as JSON: envelope_shows(); false also if tree was given */
    struct order_fault fault;
};

/*
 * Checks body as an event of the type that a worker expects; type is NULL if no worker of ours
 * would get it: then there is no error. tree is that of the body, if the caller has parsed it by
 * json/json.h already, and stays the caller's; otherwise NULL. The caller frees check with
 * body_check_free().
 */
void body_check(struct body_check *check, const char *type, amqp_bytes_t body, cJSON *tree);

/* Frees what check has allocated. */
void body_check_free(struct body_check *check);

#endif
