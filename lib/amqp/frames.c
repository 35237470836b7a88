#include "amqp/frames.h"

#include "base/memory.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define FRAME_ROOM 8   /* type, channel and size before the payload, the end octet after it */
#define HEADER_ROOM 12 /* class, weight and size of the body before the properties */
#define FRAME_END 0xCE
#define BASIC_CLASS 60
#define BASIC_PUBLISH 40

static void put(struct frames *frames, const void *bytes, size_t len)
{
    if (len > 0)
        memcpy(frames->bytes + frames->len, bytes, len);
    frames->len += len;
}

static void put_integer(struct frames *frames, uint64_t integer, size_t octets)
{
    while (octets-- > 0)
        frames->bytes[frames->len++] = (char)(integer >> 8 * octets & 0xFF);
}

static void put_short_string(struct frames *frames, amqp_bytes_t text)
{
    put_integer(frames, text.len, 1);
    put(frames, text.bytes, text.len);
}

static void start_frame(struct frames *frames, uint8_t type, amqp_channel_t channel, size_t payload)
{
    put_integer(frames, type, 1);
    put_integer(frames, channel, 2);
    put_integer(frames, payload, 4);
}

static void put_method(struct frames *frames, amqp_channel_t channel,
                       const struct frames_message *message)
{
    start_frame(frames, AMQP_FRAME_METHOD, channel,
                2 + 2 + 2 + 1 + message->exchange.len + 1 + message->routing_key.len + 1);
    put_integer(frames, BASIC_CLASS, 2);
    put_integer(frames, BASIC_PUBLISH, 2);
    put_integer(frames, 0, 2); /* reserved */
    put_short_string(frames, message->exchange);
    put_short_string(frames, message->routing_key);
    put_integer(frames, message->is_optional ? 0 : 1, 1); /* the bit mandatory */
    put_integer(frames, FRAME_END, 1);
}

static void put_header(struct frames *frames, amqp_channel_t channel,
                       const struct frames_message *message)
{
    start_frame(frames, AMQP_FRAME_HEADER, channel, HEADER_ROOM + message->properties.len);
    put_integer(frames, BASIC_CLASS, 2);
    put_integer(frames, 0, 2); /* weight */
    put_integer(frames, message->body.len, 8);
    put(frames, message->properties.bytes, message->properties.len);
    put_integer(frames, FRAME_END, 1);
}

static void put_body(struct frames *frames, amqp_channel_t channel, amqp_bytes_t body, size_t most)
{
    for (size_t at = 0; at < body.len; at += most) {
        size_t part = body.len - at < most ? body.len - at : most;

        start_frame(frames, AMQP_FRAME_BODY, channel, part);
        put(frames, (const char *)body.bytes + at, part);
        put_integer(frames, FRAME_END, 1);
    }
}

size_t frames_header_size(const struct frames_message *message)
{
    return FRAME_ROOM + HEADER_ROOM + message->properties.len;
}

size_t frames_body_most(size_t frame_max)
{
    return frame_max - FRAME_ROOM;
}

void frames_add(struct frames *frames, amqp_channel_t channel, const struct frames_message *message,
                size_t frame_max)
{
    size_t most = frames_body_most(frame_max);
    size_t body_frames = message->body.len / most + 1;
    size_t need = message->exchange.len + message->routing_key.len + message->properties.len +
                  message->body.len + 64 + body_frames * FRAME_ROOM;

    if (frames->capacity - frames->len < need) {
        frames->capacity = frames->len + need + FRAMES_FULL;
        frames->bytes = xrealloc(frames->bytes, frames->capacity);
    }
    put_method(frames, channel, message);
    put_header(frames, channel, message);
    put_body(frames, channel, message->body, most);
}

static bool await_room(int socket, int timeout_ms)
{
    struct pollfd writable = {.fd = socket, .events = POLLOUT};
    int ready;

    do
        ready = poll(&writable, 1, timeout_ms);
    while (ready < 0 && errno == EINTR);
    if (ready == 0)
        errno = ETIMEDOUT;
    return ready > 0;
}

bool frames_send(struct frames *frames, int socket, int timeout_ms)
{
    size_t sent = 0;

    while (sent < frames->len) {
        ssize_t now = send(socket, frames->bytes + sent, frames->len - sent, MSG_NOSIGNAL);

        if (now >= 0)
            sent += (size_t)now;
        else if (errno != EINTR && (errno != EAGAIN || !await_room(socket, timeout_ms)))
            break;
    }
    if (sent == frames->len) {
        frames_forget(frames);
        return true;
    }
    frames->len -= sent;
    memmove(frames->bytes, frames->bytes + sent, frames->len);
    return false;
}

void frames_forget(struct frames *frames)
{
    frames->len = 0;
    /* The memory for one large message is not kept. */
    if (frames->capacity > 4 * FRAMES_FULL) {
        free(frames->bytes);
        frames->bytes = NULL;
        frames->capacity = 0;
    }
}
