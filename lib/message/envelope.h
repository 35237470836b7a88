/*
 * envelope: an AMQP message as a line of JSON, and back, byte for byte.
 *
 *   {"queue", "exchange", "routing_key", "redelivered",
 *    "death": {"queue", "reason", "exchange", "routing_key", "count", "time"} or null,
 *    "deaths", "replays",
 *    "properties": {...}, "headers": {...} or null,
 *    "body": <JSON>, or "body_text": "...", or "body_base64": "..."}
 *
 * Properties are strings and numbers, headers as in field.h. A body that is JSON, but written
 * differently from how it is shown, has both a body and a body_text: the text is what it is, as
 * long as nobody changes the body beside it.
 */
#ifndef MESSAGE_ENVELOPE_H
#define MESSAGE_ENVELOPE_H

#include "amqp/consumer.h"
#include "amqp/rabbitmq.h"

#include <cjson/cJSON.h>
#include <stdbool.h>

/*
 * The message as a tree, to be freed with cJSON_Delete(). properties may be NULL if they could not
 * be decoded: then they are null, which envelope_read() refuses, since nobody could publish the
 * message again as it was.
 */
cJSON *envelope_new(const struct delivery *delivery, const amqp_basic_properties_t *properties,
                    const char *queue);

/* An envelope as it was read. What it points to lives in the pool or, with the texts, in the tree.
 */
struct envelope {
    const char *queue;       /* where it was found; NULL if it does not say, like the next two: */
    const char *exchange;    /* where it was published before its first death, */
    const char *routing_key; /* and by which key */
    amqp_basic_properties_t properties;
    amqp_bytes_t body;
    cJSON *tree;
};

#define ENVELOPE_FAULT_SIZE 160

/*
 * Reads an envelope. False, with nothing to free, if it is none: fault then says why, safe to be
 * shown. Members that only tell of a message (redelivered, deaths, error...) are not read, and
 * those that no envelope has are refused. So is what RabbitMQ answers by closing the channel or the
 * connection, and what is therefore in no message of its own.
 */
bool envelope_read(struct envelope *envelope, const char *text, size_t len, amqp_pool_t *pool,
                   char fault[ENVELOPE_FAULT_SIZE]);
void envelope_free(struct envelope *envelope);

#endif
