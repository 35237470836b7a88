/*
 * letter: a dead letter in hand: what it says of itself, and why a worker would refuse it now.
 */
#ifndef DLQ_REPLAY_DEAD_LETTER_H
#define DLQ_REPLAY_DEAD_LETTER_H

#include "amqp/consumer.h"
#include "amqp/rabbitmq.h"
#include "message/death.h"
#include "order/order.h"

#include <cjson/cJSON.h>
#include <stdbool.h>

struct dead_letter {
    struct delivery *delivery; /* the caller's, who settles it after dead_letter_free() */
    const amqp_basic_properties_t *properties;
    bool is_readable; /* false: its properties cannot be decoded, and stand empty */
    bool has_death;   /* false: it does not say where it came from, and death is empty */
    struct death death;
    const char *error; /* why the worker would refuse it now; NULL if it would take it, or is none
                          of ours */
    char *order_id;    /* NULL if it has none */
    struct order_fault fault;
    amqp_pool_t pool;
};

void dead_letter_read(struct dead_letter *letter, struct delivery *delivery);
void dead_letter_free(struct dead_letter *letter);

/*
 * What the worker of the queue where the message died first would say to a body: NULL if it would
 * take it. *order_id is its id, to be freed, or NULL.
 */
const char *dead_letter_error(const struct dead_letter *letter, amqp_bytes_t body,
                              struct order_fault *fault, char **order_id);

/* Did it die in the queue of that name? */
bool dead_letter_died_in(const struct dead_letter *letter, const char *queue);

/* As an envelope, with its error; queue is where it is now. To be freed with cJSON_Delete(). */
cJSON *dead_letter_envelope(const struct dead_letter *letter, const char *queue);

#endif
