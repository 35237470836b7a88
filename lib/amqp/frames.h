/*
 * frames: published messages as the bytes that go over the wire, gathered so that many of them
 * leave in one system call. rabbitmq-c makes three calls for each. Source: AMQP 0-9-1,
 * sections 2.3.5 and 4.2.
 */
#ifndef AMQP_FRAMES_H
#define AMQP_FRAMES_H

#include "amqp/rabbitmq.h"

#include <stdbool.h>
#include <stddef.h>

struct frames {
    char *bytes;
    size_t len;
    size_t capacity;
};

/* With so many bytes it is time to send them. */
#define FRAMES_FULL ((size_t)64 << 10)

struct frames_message {
    amqp_bytes_t exchange; /* at most 255 bytes, like */
    amqp_bytes_t routing_key;
    amqp_bytes_t properties; /* encoded */
    amqp_bytes_t body;
};

/* Returns the size in bytes of the frame that holds the header of a message; it cannot be split. */
size_t frames_header_size(const struct frames_message *message);

/* Returns how many bytes of a body fit into a frame of frame_max bytes. */
size_t frames_body_most(size_t frame_max);

/*
 * Adds a mandatory basic.publish on channel, with its header and its body in frames of at most
 * frame_max bytes. The header must fit.
 */
void frames_add(struct frames *frames, amqp_channel_t channel, const struct frames_message *message,
                size_t frame_max);

/*
 * Sends all of it to a socket, and forgets it. If the socket takes nothing for timeout_ms, or is
 * closed, an errno says so, and the connection is of no more use.
 */
bool frames_send(struct frames *frames, int socket, int timeout_ms);

void frames_forget(struct frames *frames);

#endif
