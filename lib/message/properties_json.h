/*
 * properties_json: the properties of a message, but for its headers, as JSON and back.
 *
 * An object with a member for each property that the message has, named as in AMQP 0-9-1 with an
 * underscore for a hyphen: delivery_mode, priority and timestamp are integers, all others strings
 * (field.h).
 */
#ifndef MESSAGE_PROPERTIES_JSON_H
#define MESSAGE_PROPERTIES_JSON_H

#include "amqp/rabbitmq.h"
#include "message/fault.h"

#include <cjson/cJSON.h>
#include <stdbool.h>

/* Returns properties as JSON. The caller frees it with cJSON_Delete(). */
cJSON *properties_to_json(const amqp_basic_properties_t *properties);

/*
 * Adds what json says to properties; texts are valid as long as pool and json are. Returns false,
 * with the reason in fault, if json is not such an object, or if RabbitMQ would close the channel
 * on receiving such a message.
 */
bool properties_from_json(const cJSON *json, amqp_pool_t *pool, amqp_basic_properties_t *properties,
                          char fault[FAULT_SIZE]);

#endif
