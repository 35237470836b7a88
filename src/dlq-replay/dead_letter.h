/*
 * dead_letter: a dead letter, what its headers tell, and what a worker would say to it.
 */
#ifndef DLQ_REPLAY_DEAD_LETTER_H
#define DLQ_REPLAY_DEAD_LETTER_H

#include "amqp/consumer.h"
#include "amqp/rabbitmq.h"
#include "message/death.h"
#include "order/order.h"

#include <cjson/cJSON.h>
#include <stdbool.h>

/* What a worker would say to the body of a message, found by parsing it once. */
struct body_check {
    const char *error; /* why the worker would reject the body, within fault; NULL: it would not */
    char *order_id;    /* the body's, sound or not; NULL: it has none that is fit to be shown */
    bool is_json;      /* it is shown as JSON: envelope_shows(); false also if tree was given */
    struct order_fault fault;
};

struct dead_letter {
    struct delivery *delivery; /* the caller's; NULL: the letter is from a file */
    const amqp_basic_properties_t *properties;
    bool is_readable; /* false: the properties could not be decoded, and stand empty */
    struct history history;
    amqp_pool_t pool;        /* of the properties; private, like the rest */
    struct body_check check; /* once it is checked */
    bool is_checked;
    bool is_mended;    /* the check is of another body than the delivery's */
    char *first_error; /* of the delivery's body, if is_mended; or NULL */
};

/* Reads the properties and headers of a delivery, which must outlive letter. The body is not read
 * before somebody asks about it. The caller frees letter with dead_letter_free(). */
void dead_letter_read(struct dead_letter *letter, struct delivery *delivery);

/* Frees letter, but not its delivery. */
void dead_letter_free(struct dead_letter *letter);

/*
 * Returns what the worker of the queue in which the letter died first would say to its body: that
 * of the delivery or, after dead_letter_check_other(), the other one. It is parsed on the first
 * call, and the result is valid until dead_letter_check_other() or dead_letter_free(). Without a
 * delivery and another body there is neither an error nor an order_id.
 */
const struct body_check *dead_letter_check(struct dead_letter *letter);

/* Checks another body, which is to be sent in its place. tree is that of the body, if the caller
 * has parsed it by json/json.h already, and stays the caller's; otherwise NULL. */
void dead_letter_check_other(struct dead_letter *letter, amqp_bytes_t body, cJSON *tree);

/* Returns whether the letter is an order, as far as is known, and not an event about one that is
 * handled already. */
bool dead_letter_is_order(const struct dead_letter *letter);

/* Returns whether the letter died first in queue. */
bool dead_letter_died_in(const struct dead_letter *letter, const char *queue);

/*
 * Sets *home to the way back for a letter that is moved out of queue, as the death that its headers
 * are to tell of: its first death; one that names the queue in which it died, if it was published
 * by several keys, of which any may have led there; or, if it does not say where it came from, one
 * that leads back into queue by the way it has come. Bytes point into the letter and queue.
 */
void dead_letter_home(const struct dead_letter *letter, const char *queue, struct death *home);

/* Returns what the worker would have said to the body as it was found, whatever is sent in its
 * place; NULL if it would not have rejected it. Valid until dead_letter_free(). */
const char *dead_letter_first_error(struct dead_letter *letter);

/* Returns the letter as an envelope, with its error; queue is where it is now. The caller frees it
 * with cJSON_Delete(). */
cJSON *dead_letter_envelope(struct dead_letter *letter, const char *queue);

#endif
