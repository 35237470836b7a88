/*
 * envelope: an AMQP message as a line of JSON, and back, byte for byte.
 *
 *   {"queue", "exchange", "routing_key", "redelivered",
 *    "death": {"queue", "reason", "exchange", "routing_key", "count", "time"} or null,
 *    "deaths", "replays",
 *    "properties": {...}, "headers": {...} or null,
 *    "body": <JSON>, or "body_text": "...", or "body_base64": "..."}
 *
 * properties are as in properties_json.h, headers as in field.h, death, deaths and replays as in
 * death.h. A JSON body whose bytes differ from how it is shown (white space, for example) has both
 * body and body_text. body_text, the exact bytes, is what envelope_read() takes, unless body no
 * longer has the same content: then somebody has edited body, and that is taken.
 */
#ifndef MESSAGE_ENVELOPE_H
#define MESSAGE_ENVELOPE_H

#include "amqp/consumer.h"
#include "amqp/rabbitmq.h"
#include "message/death.h"
#include "message/fault.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Returns the envelope of a delivery from queue. properties are the delivery's; NULL if they could
 * not be decoded: they are null in the envelope, which envelope_read() then refuses, since the
 * message cannot be published again as it was. The caller frees it with cJSON_Delete().
 */
cJSON *envelope_new(const struct delivery *delivery, const amqp_basic_properties_t *properties,
                    const char *queue);

/* A message of which more is known already, so that it need not be read once more. */
struct envelope_source {
    const struct delivery *delivery;
    const amqp_basic_properties_t *properties; /* NULL: could not be decoded */
    const struct history *history;             /* by history_read() */
    bool body_is_json;                         /* by envelope_shows() */
};

/* Returns the same as envelope_new(). */
cJSON *envelope_of(const struct envelope_source *source, const char *queue);

/*
 * Returns whether a body is shown as JSON: not if parsers read it differently, or if it is nested
 * too deeply. body is its tree, traits those of its text (json_check()); the text must not start
 * with a byte order mark.
 */
bool envelope_shows(const cJSON *body, unsigned traits);

/* An envelope that was read. All of it is valid as long as tree and the pool are. */
struct envelope {
    const char *queue;       /* where the message was; NULL: not told, like the next two: */
    const char *exchange;    /* to which it was published before its first death, */
    const char *routing_key; /* and by which key */
    amqp_basic_properties_t properties;
    amqp_bytes_t body;
    cJSON *body_tree; /* of a body that is JSON; part of tree. NULL: the body may be anything */
    cJSON *tree;
};

#define ENVELOPE_FAULT_SIZE FAULT_SIZE

/*
 * Reads the envelope in text[0..len). The caller frees it with envelope_free(). Returns false, with
 * the reason in fault and nothing to free, if text is not an envelope: it has an unknown member, a
 * value that makes no sense, or one on which RabbitMQ would close the channel or the connection.
 * Members that only tell about a message (redelivered, deaths, error...) may have any value.
 */
bool envelope_read(struct envelope *envelope, const char *text, size_t len, amqp_pool_t *pool,
                   char fault[ENVELOPE_FAULT_SIZE]);

/* The same of a text that json_check() or a json_stream has accepted, with its traits. */
bool envelope_read_checked(struct envelope *envelope, const char *text, size_t len, unsigned traits,
                           amqp_pool_t *pool, char fault[ENVELOPE_FAULT_SIZE]);

/* Frees what envelope_read() has allocated outside of its pool. */
void envelope_free(struct envelope *envelope);

#endif
