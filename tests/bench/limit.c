/*
 * limit: the programs' traffic without the programs, in bare rabbitmq-c loops that parse nothing
 * and store nothing. What is measured here is what the broker and the library leave to be reached.
 *
 *   limit publish EXCHANGE KEY COUNT        the lines of standard input, read beforehand, in turn
 *   limit feed EXCHANGE KEY                 each line of standard input as it comes
 *   limit relay QUEUE EXCHANGE KEY COUNT    takes, publishes, acknowledges what was confirmed
 *   limit consume QUEUE COUNT               takes and acknowledges
 *   limit print QUEUE COUNT                 the same, and prints the bodies
 *
 * Publishing is persistent, mandatory and confirmed, in a window of 1000 messages with the
 * properties of the programs' events. Whatever goes wrong ends it with status 1.
 */
#include "amqp/rabbitmq.h"

#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#define CHANNEL 1
#define WINDOW 1000
#define PREFETCH 256 /* the programs' default */
#define FRAME_MAX 131072

struct publisher {
    amqp_connection_state_t connection;
    amqp_bytes_t exchange;
    amqp_bytes_t routing_key;
    uint64_t sent;
    uint64_t confirmed;  /* all up to this one are */
    bool beyond[WINDOW]; /* of those after it: is the one with this tag, modulo the window,
                            confirmed? */
};

struct consumer {
    amqp_connection_state_t connection;
    uint64_t tag; /* of the latest delivery; they count from 1 */
    uint64_t acknowledged;
    uint64_t missing; /* bytes of its body that are still to come */
};

__attribute__((format(printf, 1, 2), noreturn)) static void die(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)fputs("limit: ", stderr);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static void need(int status, const char *what)
{
    if (status != AMQP_STATUS_OK)
        die("cannot %s: %s", what, amqp_error_string2(status));
}

static void need_reply(amqp_connection_state_t connection, const char *what)
{
    if (amqp_get_rpc_reply(connection).reply_type != AMQP_RESPONSE_NORMAL)
        die("cannot %s", what);
}

static amqp_connection_state_t connect_to_broker(void)
{
    const char *given = getenv("AMQP_URL");
    char *url = given == NULL ? NULL : strdup(given); /* its parts are cut out of it */
    amqp_connection_state_t connection = amqp_new_connection();
    amqp_socket_t *socket = connection == NULL ? NULL : amqp_tcp_socket_new(connection);
    struct amqp_connection_info info;

    if (given == NULL)
        die("AMQP_URL is not set");
    if (socket == NULL || url == NULL)
        die("out of memory");
    need(amqp_parse_url(url, &info), "read AMQP_URL");
    need(amqp_socket_open(socket, info.host, info.port), "connect");
    if (amqp_login(connection, info.vhost, 0, FRAME_MAX, 0, AMQP_SASL_METHOD_PLAIN, info.user,
                   info.password)
            .reply_type != AMQP_RESPONSE_NORMAL)
        die("login refused");
    free(url);
    (void)amqp_channel_open(connection, CHANNEL);
    need_reply(connection, "open a channel");
    return connection;
}

static void disconnect(amqp_connection_state_t connection)
{
    (void)amqp_connection_close(connection, AMQP_REPLY_SUCCESS);
    need(amqp_destroy_connection(connection), "disconnect");
}

/* ---- publishing ---- */

static struct publisher open_publisher(const char *exchange, const char *routing_key)
{
    struct publisher publisher = {.connection = connect_to_broker(),
                                  .exchange = amqp_cstring_bytes(exchange),
                                  .routing_key = amqp_cstring_bytes(routing_key)};

    (void)amqp_confirm_select(publisher.connection, CHANNEL);
    need_reply(publisher.connection, "ask for confirms");
    return publisher;
}

static void publish(struct publisher *publisher, amqp_bytes_t body)
{
    /* Of the size of the programs' own. */
    const amqp_basic_properties_t properties = {
        ._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG |
                  AMQP_BASIC_CORRELATION_ID_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG |
                  AMQP_BASIC_TIMESTAMP_FLAG | AMQP_BASIC_TYPE_FLAG | AMQP_BASIC_APP_ID_FLAG,
        .content_type = amqp_cstring_bytes("application/json"),
        .delivery_mode = AMQP_DELIVERY_PERSISTENT,
        .correlation_id = amqp_cstring_bytes("01890a5d-ac96-774b-bcce-b302099a8057"),
        .message_id = amqp_cstring_bytes("74738ff5-5367-5958-9aee-98fffdcd1876"),
        .timestamp = (uint64_t)time(NULL),
        .type = amqp_cstring_bytes("OrderPlaced"),
        .app_id = amqp_cstring_bytes("order-place")};

    need(amqp_basic_publish(publisher->connection, CHANNEL, publisher->exchange,
                            publisher->routing_key, 1, 0, &properties, body),
         "publish");
    publisher->sent++;
}

static void take_confirm(struct publisher *publisher, const amqp_frame_t *frame)
{
    const amqp_basic_ack_t *ack;

    if (frame->frame_type != AMQP_FRAME_METHOD || frame->payload.method.id != AMQP_BASIC_ACK_METHOD)
        die("the broker answers a message with something else than a confirm");
    ack = frame->payload.method.decoded;
    if (ack->multiple)
        while (publisher->confirmed < ack->delivery_tag)
            publisher->beyond[publisher->confirmed++ % WINDOW] = false;
    else
        publisher->beyond[(ack->delivery_tag - 1) % WINDOW] = true;
    while (publisher->beyond[publisher->confirmed % WINDOW])
        publisher->beyond[publisher->confirmed++ % WINDOW] = false;
}

/* Takes the confirms that are there; if that is asked for, waits for the first. */
static void take_confirms(struct publisher *publisher, bool wait)
{
    struct timeval at_once = {0};
    amqp_frame_t frame;
    int status;

    while ((status = amqp_simple_wait_frame_noblock(publisher->connection, &frame,
                                                    wait ? NULL : &at_once)) == AMQP_STATUS_OK) {
        take_confirm(publisher, &frame);
        amqp_maybe_release_buffers(publisher->connection);
        wait = false;
        if (!amqp_data_in_buffer(publisher->connection))
            return;
    }
    if (status != AMQP_STATUS_TIMEOUT)
        need(status, "read confirms");
}

static void publish_in_window(struct publisher *publisher, amqp_bytes_t body)
{
    while (publisher->sent - publisher->confirmed == WINDOW)
        take_confirms(publisher, true);
    publish(publisher, body);
}

static void close_publisher(struct publisher *publisher)
{
    while (publisher->confirmed < publisher->sent)
        take_confirms(publisher, true);
    disconnect(publisher->connection);
}

static bool read_line(amqp_bytes_t *line)
{
    char *text = NULL;
    size_t size = 0;
    ssize_t len = getline(&text, &size, stdin);

    if (len > 0 && text[len - 1] == '\n')
        len--;
    line->bytes = text;
    line->len = len < 0 ? 0 : (size_t)len;
    if (len < 0)
        free(text);
    return len >= 0;
}

static void run_publish(char **arguments, uint64_t count)
{
    struct publisher publisher = open_publisher(arguments[0], arguments[1]);
    amqp_bytes_t *lines = NULL;
    amqp_bytes_t line;
    size_t line_count = 0;

    while (line_count < count && read_line(&line)) {
        if ((line_count & (line_count - 1)) == 0)
            lines = realloc(lines, (line_count == 0 ? 1 : line_count * 2) * sizeof *lines);
        if (lines == NULL)
            die("out of memory");
        lines[line_count++] = line;
    }
    if (line_count == 0)
        die("nothing to publish on standard input");
    for (uint64_t i = 0; i < count; i++)
        publish_in_window(&publisher, lines[i % line_count]);
    close_publisher(&publisher);
    for (size_t i = 0; i < line_count; i++)
        free(lines[i].bytes);
    free(lines);
}

static void run_feed(char **arguments, uint64_t count)
{
    struct publisher publisher = open_publisher(arguments[0], arguments[1]);
    amqp_bytes_t line;

    (void)count;
    while (read_line(&line)) {
        publish_in_window(&publisher, line);
        free(line.bytes);
        take_confirms(&publisher, false);
    }
    close_publisher(&publisher);
}

/* ---- consuming ---- */

static struct consumer open_consumer(const char *queue)
{
    struct consumer consumer = {.connection = connect_to_broker()};

    (void)amqp_basic_qos(consumer.connection, CHANNEL, 0, PREFETCH, 0);
    need_reply(consumer.connection, "set the prefetch");
    (void)amqp_basic_consume(consumer.connection, CHANNEL, amqp_cstring_bytes(queue),
                             amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
    need_reply(consumer.connection, "consume");
    return consumer;
}

/* Takes a frame, and its body if it has one. A body is thought to fit into a frame. */
static bool take_delivery(struct consumer *consumer, const amqp_frame_t *frame, amqp_bytes_t *body)
{
    if (frame->frame_type == AMQP_FRAME_HEADER) {
        consumer->missing = frame->payload.properties.body_size;
        return false;
    }
    if (frame->frame_type == AMQP_FRAME_METHOD) {
        if (frame->payload.method.id != AMQP_BASIC_DELIVER_METHOD)
            die("the broker sends something else than deliveries");
        consumer->tag = ((const amqp_basic_deliver_t *)frame->payload.method.decoded)->delivery_tag;
        return false;
    }
    *body = frame->payload.body_fragment;
    if (body->len != consumer->missing)
        die("a message larger than a frame");
    return true;
}

static void acknowledge_up_to(struct consumer *consumer, uint64_t tag)
{
    if (tag == consumer->acknowledged)
        return;
    need(amqp_basic_ack(consumer->connection, CHANNEL, tag, 1), "acknowledge");
    consumer->acknowledged = tag;
}

/* Acknowledges half a prefetch at a time, so that the broker need not wait for it, and what there
 * is before waiting. */
static void run_take(const char *queue, uint64_t count, bool print)
{
    struct consumer consumer = open_consumer(queue);
    uint64_t taken = 0;
    amqp_frame_t frame;
    amqp_bytes_t body;

    while (taken < count) {
        need(amqp_simple_wait_frame(consumer.connection, &frame), "take a delivery");
        if (take_delivery(&consumer, &frame, &body)) {
            taken++;
            if (print &&
                (fwrite(body.bytes, 1, body.len, stdout) != body.len || fputc('\n', stdout) == EOF))
                die("cannot write standard output");
            if (consumer.tag - consumer.acknowledged >= PREFETCH / 2 ||
                !amqp_data_in_buffer(consumer.connection)) {
                if (print && fflush(stdout) != 0)
                    die("cannot write standard output");
                acknowledge_up_to(&consumer, consumer.tag);
            }
        }
        amqp_maybe_release_buffers(consumer.connection);
    }
    acknowledge_up_to(&consumer, consumer.tag);
    disconnect(consumer.connection);
}

static void run_consume(char **arguments, uint64_t count)
{
    run_take(arguments[0], count, false);
}

static void run_print(char **arguments, uint64_t count)
{
    run_take(arguments[0], count, true);
}

/* ---- both ---- */

/* Publishes the deliveries that are there. */
static void pass_on(struct consumer *consumer, struct publisher *publisher, uint64_t count)
{
    struct timeval at_once = {0};
    amqp_frame_t frame;
    amqp_bytes_t body;
    int status = AMQP_STATUS_OK;

    while (publisher->sent < count &&
           (status = amqp_simple_wait_frame_noblock(consumer->connection, &frame, &at_once)) ==
               AMQP_STATUS_OK) {
        if (take_delivery(consumer, &frame, &body))
            publish_in_window(publisher, body);
        amqp_maybe_release_buffers(consumer->connection);
        if (!amqp_data_in_buffer(consumer->connection))
            return;
    }
    if (status != AMQP_STATUS_TIMEOUT)
        need(status, "take a delivery");
}

static void run_relay(char **arguments, uint64_t count)
{
    struct consumer consumer = open_consumer(arguments[0]);
    struct publisher publisher = open_publisher(arguments[1], arguments[2]);
    struct pollfd fds[2] = {{.fd = amqp_get_sockfd(consumer.connection), .events = POLLIN},
                            {.fd = amqp_get_sockfd(publisher.connection), .events = POLLIN}};

    /* What came behind the reply to basic.consume is in the library's hands already. */
    pass_on(&consumer, &publisher, count);
    while (publisher.confirmed < count) {
        if (poll(fds, 2, -1) < 0)
            die("cannot wait");
        if (fds[0].revents != 0)
            pass_on(&consumer, &publisher, count);
        if (fds[1].revents != 0)
            take_confirms(&publisher, false);
        /* Both count from 1: the message of a delivery has its tag. */
        acknowledge_up_to(&consumer, publisher.confirmed);
    }
    acknowledge_up_to(&consumer, publisher.confirmed);
    close_publisher(&publisher);
    disconnect(consumer.connection);
}

/* ---- the program ---- */

static const struct job {
    const char *name;
    int arguments;
    bool counts; /* the last argument is a count */
    void (*run)(char **arguments, uint64_t count);
} jobs[] = {
    {"publish", 3, true, run_publish}, {"feed", 2, false, run_feed},  {"relay", 4, true, run_relay},
    {"consume", 2, true, run_consume}, {"print", 2, true, run_print},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof jobs / sizeof jobs[0]; i++) {
        if (strcmp(argv[1], jobs[i].name) == 0 && argc == jobs[i].arguments + 2) {
            jobs[i].run(argv + 2, jobs[i].counts ? strtoull(argv[argc - 1], NULL, 10) : 0);
            return 0;
        }
    }
    die("usage: limit publish|feed|relay|consume|print ARGUMENTS");
}
