/*
 * queue_arguments: the arguments with which a missing queue is declared.
 *
 * By default these are the dead letter exchange and routing key, if the queue has them, and no
 * type: other services declare the same. With --queue-type quorum they also ask for a quorum queue
 * that hands its dead letters on at least once and has no delivery limit, as far as the broker's
 * version needs and knows that.
 */
#ifndef AMQP_QUEUE_ARGUMENTS_H
#define AMQP_QUEUE_ARGUMENTS_H

#include "amqp/connection.h"
#include "amqp/rabbitmq.h"

#define QUEUE_ARGUMENTS_MAX 6

/*
 * Writes the arguments of a queue to entries. Its dead letters go to exchange with routing_key;
 * both are NULL if it has no dead letter exchange. The connection must be up, or in its setup.
 * Returns the table, which points to entries, exchange and routing_key.
 */
amqp_table_t queue_arguments(const struct connection *connection, const char *exchange,
                             const char *routing_key,
                             amqp_table_entry_t entries[QUEUE_ARGUMENTS_MAX]);

#endif
