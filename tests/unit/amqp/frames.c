#include "amqp/frames.h"

#include "bytes.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* AMQP 0-9-1, 4.2.3: type, channel, size, payload, end; 1.8.3.3: basic.publish is 60, 40. */
#define METHOD                     \
    "\x01\x00\x01\x00\x00\x00\x0F" \
    "\x00\x3C\x00\x28\x00\x00\x03" \
    "exc\x03"                      \
    "key\x01\xCE"

/* Adds a message to the frames, on channel 1. */
static void add(struct frames *frames, size_t frame_max)
{
    const struct frames_message message = {.exchange = BYTES("exc"),
                                           .routing_key = BYTES("key"),
                                           .properties = BYTES("\x10\x00\x02"),
                                           .body = BYTES("hello")};

    frames_add(frames, 1, &message, frame_max);
}

static void drop(struct frames *frames)
{
    free(frames->bytes);
    memset(frames, 0, sizeof *frames);
}

static void writes_a_message_in_three_frames(void)
{
    static const char expected[] = METHOD "\x02\x00\x01\x00\x00\x00\x0F"
                                          "\x00\x3C\x00\x00\x00\x00\x00\x00\x00\x00\x00\x05"
                                          "\x10\x00\x02\xCE"
                                          "\x03\x00\x01\x00\x00\x00\x05hello\xCE";
    struct frames frames = {0};

    add(&frames, 4096);
    SAME_BYTES(frames.bytes, frames.len, expected, sizeof expected - 1);
    drop(&frames);
}

static void writes_a_body_in_as_many_frames_as_it_takes(void)
{
    static const char expected[] = METHOD "\x02\x00\x01\x00\x00\x00\x0F"
                                          "\x00\x3C\x00\x00\x00\x00\x00\x00\x00\x00\x00\x05"
                                          "\x10\x00\x02\xCE"
                                          "\x03\x00\x01\x00\x00\x00\x02he\xCE"
                                          "\x03\x00\x01\x00\x00\x00\x02ll\xCE"
                                          "\x03\x00\x01\x00\x00\x00\x01o\xCE";
    struct frames frames = {0};

    EQUAL(frames_body_most(10), 2);
    add(&frames, 10);
    SAME_BYTES(frames.bytes, frames.len, expected, sizeof expected - 1);
    drop(&frames);
}

/* 2.3.5.2: a message without a body has a header and no more. */
static void writes_no_frame_for_an_empty_body(void)
{
    static const char expected[] = "\x01\x02\x01\x00\x00\x00\x09"
                                   "\x00\x3C\x00\x28\x00\x00\x00\x00\x01\xCE"
                                   "\x02\x02\x01\x00\x00\x00\x0E"
                                   "\x00\x3C\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
                                   "\x00\x00\xCE";
    const struct frames_message empty = {.properties = BYTES("\0\0")};
    struct frames frames = {0};

    EQUAL(frames_header_size(&empty), 22);
    frames_add(&frames, 0x0201, &empty, 4096);
    SAME_BYTES(frames.bytes, frames.len, expected, sizeof expected - 1);
    drop(&frames);
}

/* Until there are more bytes than any room taken ahead. */
static void gathers_messages(void)
{
    struct frames frames = {0};
    struct frames first = {0};
    bool alike = true;

    add(&first, 10);
    for (size_t i = 0; i < 5000; i++)
        add(&frames, 10);
    EQUAL(frames.len, 5000 * first.len);
    for (size_t i = 0; i < 5000 && frames.len == 5000 * first.len; i++)
        alike = alike && memcmp(frames.bytes + i * first.len, first.bytes, first.len) == 0;
    CHECK(alike);
    drop(&first);
    frames_forget(&frames);
    EQUAL(frames.len, 0);
    EQUAL(frames.capacity, 0);
}

static void sends_all(void)
{
    struct frames frames = {0};
    char received[256];
    int ends[2];

    if (!CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0))
        return;
    add(&frames, 4096);
    CHECK(frames_send(&frames, ends[0], 1000));
    EQUAL(frames.len, 0);
    EQUAL(read(ends[1], received, sizeof received), sizeof METHOD - 1 + 23 + 13);
    SAME_BYTES(received, sizeof METHOD - 1, METHOD, sizeof METHOD - 1);
    drop(&frames);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void gives_up_a_socket_that_takes_nothing(void)
{
    struct frames frames = {0};
    int ends[2];

    if (!CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0))
        return;
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    for (size_t i = 0; i < 50000; i++)
        add(&frames, 10);
    CHECK(!frames_send(&frames, ends[0], 1));
    EQUAL(errno, ETIMEDOUT);
    (void)close(ends[1]);
    CHECK(!frames_send(&frames, ends[0], 1));
    EQUAL(errno, EPIPE);
    (void)close(ends[0]);
    drop(&frames);
}

/* In as many calls as the socket takes, none of which waits. */
static void sends_the_rest_later(void)
{
    struct frames frames = {0};
    struct frames first = {0};
    char received[4096];
    size_t total = 0;
    bool alike = true;
    ssize_t len;
    int ends[2];

    if (!CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0))
        return;
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    (void)fcntl(ends[1], F_SETFL, O_NONBLOCK);
    add(&first, 10);
    for (size_t i = 0; i < 50000; i++)
        add(&frames, 10);
    CHECK(!frames_send(&frames, ends[0], 0));
    EQUAL(errno, ETIMEDOUT);
    while ((len = read(ends[1], received, sizeof received)) > 0) {
        for (ssize_t i = 0; i < len; i++)
            alike = alike && received[i] == first.bytes[total++ % first.len];
        (void)frames_send(&frames, ends[0], 0);
    }
    CHECK(alike);
    EQUAL(total, 50000 * first.len);
    EQUAL(frames.len, 0);
    drop(&first);
    drop(&frames);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

int main(void)
{
    RUN(writes_a_message_in_three_frames);
    RUN(writes_a_body_in_as_many_frames_as_it_takes);
    RUN(writes_no_frame_for_an_empty_body);
    RUN(gathers_messages);
    RUN(sends_all);
    RUN(gives_up_a_socket_that_takes_nothing);
    RUN(sends_the_rest_later);
    return unit_end();
}
