/*
 * channel: what the broker means when it closes the channel, and opening the channel again.
 *
 * A broker refuses a request by closing the channel on which it came. A program that only asked a
 * question (is there such a queue?) takes that for the answer, and goes on with a new channel of
 * the same number.
 */
#ifndef AMQP_CHANNEL_H
#define AMQP_CHANNEL_H

#include "amqp/connection.h"
#include "amqp/rabbitmq.h"
#include "base/report.h"

#include <stdbool.h>
#include <stdint.h>

/* Returns whether reply is a channel.close. */
bool channel_closed(amqp_rpc_reply_t reply);

/* Returns whether reply is a channel.close with that reply code, such as AMQP_ACCESS_REFUSED. */
bool channel_closed_with(amqp_rpc_reply_t reply, uint16_t reply_code);

/* Returns whether reply is a channel.close because what was asked for does not exist. */
bool channel_says_missing(amqp_rpc_reply_t reply);

/*
 * Opens the channel again after the broker closed it. Returns EXIT_OK; otherwise records the reason
 * (connection_reason()), and returns the code of connection_reply() or connection_status().
 */
enum exit_code channel_reopen(struct connection *connection);

/*
 * Handles the failure of the last call of rabbitmq-c that waited for a reply. If the broker has
 * closed the channel, records the reason, which begins with what, opens the channel again, and
 * returns EXIT_OK with *refused set to
 *
 *   EXIT_OK           what was asked for does not exist
 *   EXIT_LOGIN        the user has no right to it; whether it exists is unknown
 *   EXIT_UNREACHABLE  the queue exists, on a node that is down; or the broker cannot tell
 *   EXIT_TOPOLOGY     it exists, but with other settings, or another connection owns it
 *
 * After any other failure the connection is down, which was reported: returns EXIT_UNREACHABLE if
 * it can be opened to try again, or another code.
 */
enum exit_code channel_refusal(struct connection *connection, const char *what,
                               enum exit_code *refused);

#endif
