/*
 * place_order: POST /order. Checks an order, has it placed (place/placement.h), and answers with
 * its receipt: 202, Location, and PLACED, or PENDING if the broker is away or does not confirm in
 * time.
 *
 * Requests that have arrived together share a commit and a burst of publishes. Each answers for
 * itself, in any order.
 *
 * An order whose request has an Idempotency-Key gets an id that depends on the key alone. So a
 * request that is sent again finds the order, whatever has ended in between, and needs no table of
 * keys.
 */
#ifndef ORDER_HTTP_PLACE_ORDER_H
#define ORDER_HTTP_PLACE_ORDER_H

#include "service.h"

#include "amqp/broker_options.h"
#include "base/report.h"

#include <stdbool.h>

/* Opens service->placement. options, which are resolved, and service must outlive it. Returns as
 * placement_open() does. */
enum exit_code place_order_open(struct service *service, const struct broker_options *options);

/* The handler. */
handler place_order;

/*
 * Runs a round: places what has arrived, and answers what is due. Call it after each step of the
 * server, and before each wait. Returns the milliseconds after which it must be called again, even
 * if nothing has happened; negative: never.
 */
int place_order_step(struct service *service);

/* Returns whether all requests are answered, and nothing is on its way to the broker. */
bool place_order_is_idle(const struct service *service);

/* Closes service->placement, and reports if orders are pending. All requests must be answered. */
void place_order_close(struct service *service);

#endif
