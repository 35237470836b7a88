/*
 * look_management: look.h with the help of the management API, which knows of policies, and needs
 * no right to configure the queue. Apart from look.h, since not every program that looks has HTTP.
 */
#ifndef QUEUE_INSPECT_LOOK_MANAGEMENT_H
#define QUEUE_INSPECT_LOOK_MANAGEMENT_H

#include "management.h"

#include "amqp/queue_traits.h"

/*
 * As queue_traits_read(). If the API does not answer, and what it might have said could matter, its
 * reason is reported, and limit_fault is the code.
 */
enum exit_code look_with_management(struct connection *connection, struct management *management,
                                    const char *queue, struct queue_traits *traits);

/*
 * Returns the delivery limit that the API's description of a queue says, or QUEUE_NO_LIMIT. *is_said
 * is false if it says nothing of it, not even that there is none.
 */
long look_limit_said(const cJSON *queue, bool *is_said);

#endif
