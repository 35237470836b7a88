/*
 * letter: a dead letter in hand: what it says of itself, and why a worker would refuse it now.
 */
#ifndef DLQ_REPLAY_LETTER_H
#define DLQ_REPLAY_LETTER_H

#include "amqp/consumer.h"
#include "message/death.h"
#include "order/order.h"
#include "amqp/rabbitmq.h"

#include <cjson/cJSON.h>
#include <stdbool.h>

struct letter {
    struct delivery *delivery; /* the caller's, who settles it after letter_free() */
    const amqp_basic_properties_t *properties;
    bool is_readable; /* false: its properties cannot be decoded, and stand empty */
    bool has_death;   /* false: it does not say where it came from, and death is empty */
    struct death death;
    const char *error; /* why the worker would refuse it now; NULL if it would take it, or is none of ours */
    char *order_id;    /* NULL if it has none */
    struct order_fault fault;
    amqp_pool_t pool;
};

void letter_read(struct letter *letter, struct delivery *delivery);
void letter_free(struct letter *letter);

/*
 * What the worker of the queue where the message died first would say to a body: NULL if it would take it. *order_id
 * is its id, to be freed, or NULL.
 */
const char *letter_error(const struct letter *letter, amqp_bytes_t body, struct order_fault *fault,
                         char **order_id);

/* Did it die in the queue of that name? */
bool letter_died_in(const struct letter *letter, const char *queue);

/* As an envelope, with its error; queue is where it is now. To be freed with cJSON_Delete(). */
cJSON *letter_envelope(const struct letter *letter, const char *queue);

#endif
