/*
 * frames: published messages encoded as the frames that go over the wire (AMQP 0-9-1, sections
 * 2.3.5 and 4.2), gathered so that many leave in one system call. rabbitmq-c takes three calls for
 * each message.
 */
#ifndef AMQP_FRAMES_H
#define AMQP_FRAMES_H

#include "amqp/rabbitmq.h"

#include <stdbool.h>
#include <stddef.h>

/* Zeroed to begin with. Free bytes at the end. */
struct frames {
    char *bytes;
    size_t len;
    size_t capacity;
};

/* Once len has reached this many bytes it is time to send them. */
#define FRAMES_FULL ((size_t)64 << 10)

struct frames_message {
    amqp_bytes_t exchange;    /* at most 255 bytes */
    amqp_bytes_t routing_key; /* at most 255 bytes */
    amqp_bytes_t properties;  /* encoded */
    amqp_bytes_t body;
    bool is_optional; /* not mandatory */
};

/* Returns the size in bytes of the frame with the header of a message, which cannot be split. */
size_t frames_header_size(const struct frames_message *message);

/* Returns how many bytes of a body fit into a frame of frame_max bytes. */
size_t frames_body_most(size_t frame_max);

/*
 * Adds a basic.publish on channel, with the message's header, and its body in frames of
 * at most frame_max bytes. frames_header_size() must not exceed frame_max.
 */
void frames_add(struct frames *frames, amqp_channel_t channel, const struct frames_message *message,
                size_t frame_max);

/*
 * Sends everything to a non-blocking socket, and forgets it. Returns false, with errno set, if the
 * socket is closed, or takes nothing for timeout_ms (ETIMEDOUT). Half a frame may have been sent:
 * send the rest with another call, or close the connection.
 */
bool frames_send(struct frames *frames, int socket, int timeout_ms);

/* Drops everything that was added. */
void frames_forget(struct frames *frames);

#endif
