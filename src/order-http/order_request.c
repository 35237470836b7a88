#include "order_request.h"

#include "answer.h"
#include "metrics.h"

#include <stdio.h>
#include <string.h>

#define KEY_MAX 255 /* bytes */

static bool is_key(const char *text)
{
    size_t len = 0;

    while (text[len] > ' ' && text[len] < 0x7F)
        len++;
    return len > 0 && len <= KEY_MAX && text[len] == '\0';
}

bool order_request_read_key(struct request *request, bool *has_key, unsigned char id[UUID_BYTES])
{
    const char *key = request_header(request, ORDER_KEY_FIELD);

    *has_key = key != NULL;
    if (key == NULL)
        return true;
    if (!is_key(key)) {
        answer_problem(&request->answer, 400, ORDER_KEY_FIELD,
                       "the key is not 1 to %d visible characters of ASCII", KEY_MAX);
        return false;
    }
    order_id_of_key(key, id);
    return true;
}

static void answer_fault(struct answer *answer, const struct order_fault *fault)
{
    char member[sizeof fault->reason];
    size_t len = order_fault_member(fault->reason);

    metrics_order(METRICS_REFUSED);
    (void)snprintf(member, sizeof member, "%.*s", (int)len, fault->reason);
    if (!fault->is_json)
        answer_problem(answer, 400, NULL, "%s", fault->reason);
    else
        answer_problem(answer, 422, len > 0 ? member : NULL, "%s", fault->reason);
}

bool order_request_read(struct request *request, bool has_key, struct order *order)
{
    const char *body = request->body == NULL ? "" : request->body;
    struct order_fault fault;

    if (!order_read(order, body, request->len, &fault)) {
        answer_fault(&request->answer, &fault);
        return false;
    }
    if (has_key && order->order_id != NULL) {
        answer_problem(&request->answer, 400, ORDER_KEY_FIELD,
                       "the order has an order_id of its own, and the request a key: use one");
        return false;
    }
    return true;
}
