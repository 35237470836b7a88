/*
 * envelope: an AMQP message as a line of JSON.
 *
 *   {"queue", "exchange", "routing_key", "redelivered",
 *    "death": {"queue", "reason", "exchange", "routing_key", "count", "time"} or null,
 *    "properties": {...}, "headers": {...},
 *    "body": <JSON>, or else "body_text": "...", or else "body_base64": "..."}
 *
 * What is no UTF-8 among names and values stands as {"base64": "..."}.
 */
#ifndef ENVELOPE_H
#define ENVELOPE_H

#include "consumer.h"

#include <amqp.h>
#include <amqp_framing.h>
#include <cjson/cJSON.h>

/*
 * The message as a tree; properties may be NULL if they could not be decoded. To be freed with
 * cJSON_Delete().
 */
cJSON *envelope_new(const struct delivery *delivery, const amqp_basic_properties_t *properties,
                    const char *queue);

#endif
