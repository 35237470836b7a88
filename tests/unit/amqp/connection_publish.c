#include "unit.h"

#include "amqp/connection_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define BODY_SIZE ((size_t)4 << 20) /* more than a socket takes that nobody reads */

static struct endpoint endpoint = {.name = "broker"};
static char body[BODY_SIZE];
static char no_properties[2];
static const struct frames_message message = {
    .properties = {.len = sizeof no_properties, .bytes = no_properties},
    .body = {.len = sizeof body, .bytes = body}};

/* Returns a kept connection over one end of a pair of sockets. *reader is the other. */
static struct connection connect_to(int *reader)
{
    struct connection connection = {.endpoint = &endpoint, .frame_max = 131072, .is_kept = true};
    int ends[2];

    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    CHECK(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 && fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
    connection.state = amqp_new_connection();
    amqp_tcp_socket_set_sockfd(amqp_tcp_socket_new(connection.state), ends[0]);
    *reader = ends[1];
    return connection;
}

static void disconnect(struct connection *connection)
{
    (void)amqp_destroy_connection(connection->state);
    free(connection->unsent.bytes);
}

/* Returns how many bytes have arrived. */
static size_t read_all(int reader)
{
    char bytes[65536];
    size_t all = 0;
    ssize_t got;

    while ((got = read(reader, bytes, sizeof bytes)) > 0)
        all += (size_t)got;
    return all;
}

static void keeps_what_the_socket_does_not_take(void)
{
    int reader;
    struct connection connection = connect_to(&reader);
    struct frames expected = {0};
    size_t arrived = 0;

    frames_add(&expected, CONNECTION_CHANNEL, &message, connection.frame_max);
    connection_publish(&connection, &message);
    CHECK(connection.unsent.len > 0);
    CHECK(connection.stuck_since_ms > 0);
    CHECK(!connection_flush(&connection));
    EQUAL(connection.send_errno, 0);
    for (int i = 0; i < 1000 && !connection_flush(&connection); i++)
        arrived += read_all(reader);
    arrived += read_all(reader);
    EQUAL(arrived, expected.len);
    EQUAL(connection.unsent.len, 0);
    EQUAL(connection.stuck_since_ms, 0);
    free(expected.bytes);
    (void)close(reader);
    disconnect(&connection);
}

/* Connects as connect_to() does, to a socket that has taken nothing of a message for long. */
static struct connection connect_to_stuck(int *reader)
{
    struct connection connection = connect_to(reader);

    connection_publish(&connection, &message);
    EQUAL(connection.send_errno, 0);
    connection.stuck_since_ms = 1;
    return connection;
}

static void gives_up_a_socket_that_takes_nothing_for_long(void)
{
    int reader;
    struct connection connection = connect_to_stuck(&reader);

    CHECK(!connection_flush(&connection));
    EQUAL(connection.send_errno, ETIMEDOUT);
    (void)read_all(reader);
    CHECK(!connection_flush(&connection));
    (void)close(reader);
    disconnect(&connection);
}

static void begins_to_count_anew_once_the_socket_takes_some(void)
{
    int reader;
    struct connection connection = connect_to_stuck(&reader);

    (void)read_all(reader);
    CHECK(!connection_flush(&connection));
    EQUAL(connection.send_errno, 0);
    CHECK(connection.stuck_since_ms > 1);
    (void)close(reader);
    disconnect(&connection);
}

static void notes_that_nobody_reads_any_more(void)
{
    int reader;
    struct connection connection = connect_to(&reader);

    (void)close(reader);
    connection_publish(&connection, &message);
    EQUAL(connection.send_errno, EPIPE);
    CHECK(!connection_flush(&connection));
    disconnect(&connection);
}

static void sends_nothing_while_there_is_no_connection(void)
{
    static struct endpoint with_tls = {.name = "broker", .tls = true};
    struct connection connection = {.endpoint = &with_tls, .frame_max = 131072};

    connection_publish(&connection, &message);
    CHECK(!connection_flush(&connection));
    EQUAL(connection.unsent.len, 0);
}

int main(void)
{
    RUN(keeps_what_the_socket_does_not_take);
    RUN(gives_up_a_socket_that_takes_nothing_for_long);
    RUN(begins_to_count_anew_once_the_socket_takes_some);
    RUN(notes_that_nobody_reads_any_more);
    RUN(sends_nothing_while_there_is_no_connection);
    return unit_end();
}
