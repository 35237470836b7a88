/*
 * wire: puts and gets messages as the bytes on the wire, so that tests trust no encoder, neither
 * that of the programs nor that of librabbitmq.
 *
 *   wire put QUEUE | wire put EXCHANGE KEY
 *       Publishes the messages on standard input, through the default exchange or another one, and
 *       waits until the broker has confirmed them.
 *   wire get QUEUE
 *       Takes all messages out of the queue and prints them.
 *
 * Each line is a message: its encoded properties (AMQP 0-9-1, 4.2.6.1: flags and values) and its
 * body, both in hexadecimal; "-" is an empty body. Ends with 1 and the broker's reason if the
 * broker refuses something.
 */
#define _GNU_SOURCE
#include "amqp/rabbitmq.h"

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHANNEL 1
#define FRAME_MAX 131072
#define FRAME_REST 8 /* of a frame, beside its payload */

static amqp_connection_state_t connection;

static _Noreturn void fail(const char *what, const char *why, int why_len)
{
    (void)fprintf(stderr, "wire: %s: %.*s\n", what, why_len, why);
    exit(1);
}

static _Noreturn void fail_with(const char *what, const char *why)
{
    fail(what, why, (int)strlen(why));
}

static void fail_if_closed(const amqp_method_t *method)
{
    if (method->id == AMQP_CHANNEL_CLOSE_METHOD) {
        const amqp_channel_close_t *m = method->decoded;

        fail("channel closed", m->reply_text.bytes, (int)m->reply_text.len);
    }
    if (method->id == AMQP_CONNECTION_CLOSE_METHOD) {
        const amqp_connection_close_t *m = method->decoded;

        fail("connection closed", m->reply_text.bytes, (int)m->reply_text.len);
    }
}

static void need_reply(const char *what, amqp_rpc_reply_t reply)
{
    if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION)
        fail_if_closed(&reply.reply);
    if (reply.reply_type != AMQP_RESPONSE_NORMAL)
        fail_with(what, amqp_error_string2(reply.library_error));
}

static void need_status(const char *what, int status)
{
    if (status != AMQP_STATUS_OK)
        fail_with(what, amqp_error_string2(status));
}

static void log_in(void)
{
    const char *given = getenv("AMQP_URL");
    char *url = given == NULL ? NULL : strdup(given);
    struct amqp_connection_info info;

    if (url == NULL)
        fail_with("cannot connect", "AMQP_URL is not set");
    need_status("AMQP_URL", amqp_parse_url(url, &info));
    connection = amqp_new_connection();
    need_status("cannot connect",
                amqp_socket_open(amqp_tcp_socket_new(connection), info.host, info.port));
    need_reply("cannot log in", amqp_login(connection, info.vhost, 0, FRAME_MAX, 0,
                                           AMQP_SASL_METHOD_PLAIN, info.user, info.password));
    (void)amqp_channel_open(connection, CHANNEL);
    need_reply("cannot open a channel", amqp_get_rpc_reply(connection));
    free(url);
}

static amqp_frame_t next_frame(void)
{
    amqp_frame_t frame;

    need_status("cannot read", amqp_simple_wait_frame(connection, &frame));
    if (frame.frame_type == AMQP_FRAME_METHOD)
        fail_if_closed(&frame.payload.method);
    return frame;
}

/* ---- put ---- */

static unsigned digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c == '\0' ? NULL : strchr(digits, c);

    if (at == NULL)
        fail("no hexadecimal digit", &c, 1);
    return (unsigned)(at - digits);
}

/* In place; the bytes it stands for. */
static amqp_bytes_t unhex(char *text)
{
    size_t len = strcmp(text, "-") == 0 ? 0 : strlen(text) / 2;

    for (size_t i = 0; i < len; i++)
        text[i] = (char)(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
    return (amqp_bytes_t){.len = len, .bytes = text};
}

static size_t put_number(uint8_t *at, uint64_t number, size_t size)
{
    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)(number >> 8 * (size - 1 - i));
    return size;
}

static size_t put_bytes(uint8_t *at, amqp_bytes_t bytes)
{
    memcpy(at, bytes.bytes, bytes.len);
    return bytes.len;
}

static void write_all(const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        struct pollfd socket = {.fd = amqp_get_sockfd(connection), .events = POLLOUT};
        ssize_t wrote;

        /* The library has made it one that does not wait. */
        if (poll(&socket, 1, -1) < 0 || (wrote = write(socket.fd, bytes, len)) <= 0) {
            perror("wire: cannot write");
            exit(1);
        }
        bytes += wrote;
        len -= (size_t)wrote;
    }
}

/* A frame whose payload stands in buffer from its eighth byte on. */
static void write_frame(uint8_t *buffer, uint8_t type, size_t len)
{
    (void)put_number(buffer, type, 1);
    (void)put_number(buffer + 1, CHANNEL, 2);
    (void)put_number(buffer + 3, len, 4);
    buffer[7 + len] = AMQP_FRAME_END;
    write_all(buffer, len + FRAME_REST);
}

static void write_message(const char *exchange, const char *key, amqp_bytes_t properties,
                          amqp_bytes_t body)
{
    static uint8_t buffer[FRAME_MAX];
    uint8_t *payload = buffer + 7;
    size_t len = 0;

    if (properties.len > FRAME_MAX - FRAME_REST - 14)
        fail_with("cannot write", "the properties are too large for a frame");
    len += put_number(payload, AMQP_BASIC_PUBLISH_METHOD, 4);
    len += put_number(payload + len, 0, 2);
    len += put_number(payload + len, strlen(exchange), 1);
    len += put_bytes(payload + len, amqp_cstring_bytes(exchange));
    len += put_number(payload + len, strlen(key), 1);
    len += put_bytes(payload + len, amqp_cstring_bytes(key));
    len += put_number(payload + len, 0, 1);
    write_frame(buffer, AMQP_FRAME_METHOD, len);

    len = put_number(payload, AMQP_BASIC_CLASS, 2);
    len += put_number(payload + len, 0, 2);
    len += put_number(payload + len, body.len, 8);
    len += put_bytes(payload + len, properties);
    write_frame(buffer, AMQP_FRAME_HEADER, len);

    for (size_t at = 0; at < body.len; at += len) {
        len = body.len - at < FRAME_MAX - FRAME_REST ? body.len - at : FRAME_MAX - FRAME_REST;
        (void)memcpy(payload, (const char *)body.bytes + at, len);
        write_frame(buffer, AMQP_FRAME_BODY, len);
    }
}

static void put(const char *exchange, const char *key)
{
    char *line = NULL;
    size_t size = 0;

    (void)amqp_confirm_select(connection, CHANNEL);
    need_reply("cannot ask for confirms", amqp_get_rpc_reply(connection));
    while (getline(&line, &size, stdin) > 0) {
        char *body = strchr(line, ' ');

        line[strcspn(line, "\n")] = '\0';
        if (body == NULL)
            fail_with("no message", line);
        *body++ = '\0';
        write_message(exchange, key, unhex(line), unhex(body));
        if (next_frame().payload.method.id != AMQP_BASIC_ACK_METHOD)
            fail_with("cannot publish", "not confirmed");
        amqp_maybe_release_buffers(connection);
    }
    free(line);
}

/* ---- get ---- */

static void print_hex(amqp_bytes_t bytes)
{
    const uint8_t *at = bytes.bytes;

    for (size_t i = 0; i < bytes.len; i++)
        (void)printf("%02x", (unsigned)at[i]);
}

static void print_message(void)
{
    amqp_frame_t header = next_frame();
    uint64_t left = header.payload.properties.body_size;

    print_hex(header.payload.properties.raw);
    (void)printf(left == 0 ? " -" : " ");
    while (left > 0) {
        amqp_frame_t frame = next_frame();

        print_hex(frame.payload.body_fragment);
        left -= frame.payload.body_fragment.len;
    }
    (void)printf("\n");
}

static void get(const char *queue)
{
    for (;;) {
        amqp_rpc_reply_t reply = amqp_basic_get(connection, CHANNEL, amqp_cstring_bytes(queue), 1);

        need_reply("cannot get", reply);
        if (reply.reply.id == AMQP_BASIC_GET_EMPTY_METHOD)
            return;
        print_message();
        amqp_maybe_release_buffers(connection);
    }
}

int main(int argc, char **argv)
{
    bool puts = argc > 1 && strcmp(argv[1], "put") == 0;

    if (!(argc == 3 && (puts || strcmp(argv[1], "get") == 0)) && !(argc == 4 && puts)) {
        (void)fprintf(stderr, "usage: wire put QUEUE | put EXCHANGE KEY | get QUEUE\n");
        return 64;
    }
    log_in();
    if (puts)
        put(argc == 3 ? "" : argv[2], argv[argc - 1]);
    else
        get(argv[2]);
    (void)amqp_connection_close(connection, AMQP_REPLY_SUCCESS);
    (void)amqp_destroy_connection(connection);
    return fflush(stdout) == 0 ? 0 : 1;
}
