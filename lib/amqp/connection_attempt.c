/* connection_attempt: one attempt to connect: socket, TLS, login, channel, setup. */
#include "amqp/connect_error.h"
#include "amqp/connection_private.h"
#include "amqp/tcp_connect.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/report.h"
#include "base/stop.h"
#include "base/text.h"
#include "base/version.h"

#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define CONNECT_MS 5000
#define REPLY_SECONDS 15
#define FRAME_MAX 131072 /* bytes; proposed to the broker, which may ask for smaller frames */
#define SYSTEM_CAS "/etc/ssl/certs/ca-certificates.crt"

static amqp_socket_t *new_socket(struct connection *connection)
{
    amqp_socket_t *socket;

    if (!connection->endpoint->tls)
        return amqp_tcp_socket_new(connection->state);
    socket = amqp_ssl_socket_new(connection->state);
    if (socket == NULL)
        return NULL;
    amqp_ssl_socket_set_verify_peer(socket, 1);
    amqp_ssl_socket_set_verify_hostname(socket, 1);
    return socket;
}

/* What the command line says counts more than what the URL does. */
static enum exit_code prepare_tls(struct connection *connection, amqp_socket_t *socket)
{
    const struct broker_options *options = connection->options;
    const struct url_query *query = &connection->endpoint->query;
    const char *cacert = options->cacert != NULL ? options->cacert : query->cacert;
    const char *cert = options->cert != NULL ? options->cert : query->cert;
    const char *key = options->cert != NULL ? options->key : query->key;

    if (cacert == NULL)
        cacert = SYSTEM_CAS;
    if (amqp_ssl_socket_set_cacert(socket, cacert) != AMQP_STATUS_OK)
        return connection_fault(connection, EXIT_LOGIN,
                                "cannot load certificate authorities from '%s'",
                                printable_text(cacert));
    if (cert != NULL && amqp_ssl_socket_set_key(socket, cert, key) != AMQP_STATUS_OK)
        return connection_fault(connection, EXIT_LOGIN,
                                "cannot load the client certificate '%s' with its key '%s'",
                                printable_text(cert), printable_text(key));
    return EXIT_OK;
}

static int connect_ms(const struct connection *connection)
{
    int given_ms = connection->endpoint->query.connection_timeout_ms;

    return given_ms < 0 ? CONNECT_MS : given_ms;
}

/* Logging in may take as long, if the URL says how long; librabbitmq waits for 12 s otherwise. */
static void limit_login(const struct connection *connection)
{
    int given_ms = connection->endpoint->query.connection_timeout_ms;
    struct timeval limit = {.tv_sec = given_ms / 1000, .tv_usec = given_ms % 1000 * 1000};

    if (given_ms >= 0)
        (void)amqp_set_handshake_timeout(connection->state, &limit);
}

/* Each time that the list of URLs has been gone through the next address of each host is first. */
static size_t first_address(const struct connection *connection)
{
    const struct broker_options *options = connection->options;

    return options->first_address + connection->moves / options->endpoint_count;
}

static enum exit_code open_plain(struct connection *connection, amqp_socket_t *socket)
{
    const char *reason;
    int fd = tcp_connect(connection->endpoint->host, connection->endpoint->port,
                         first_address(connection), connect_ms(connection), &reason);

    if (fd < 0)
        return connection_fault(connection, EXIT_UNREACHABLE, "cannot connect: %s", reason);
    amqp_tcp_socket_set_sockfd(socket, fd);
    return EXIT_OK;
}

/* rabbitmq-c begins with the first address of the host, and ends with one that does not answer. */
static enum exit_code open_tls(struct connection *connection, amqp_socket_t *socket)
{
    int ms = connect_ms(connection);
    struct timeval patience = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    enum exit_code code = prepare_tls(connection, socket);
    int status;

    if (code != EXIT_OK)
        return code;
    status = amqp_socket_open_noblock(socket, connection->endpoint->host,
                                      connection->endpoint->port, &patience);
    if (status == AMQP_STATUS_SOCKET_ERROR || status == AMQP_STATUS_HOSTNAME_RESOLUTION_FAILED)
        return connection_fault(
            connection, EXIT_UNREACHABLE, "cannot connect: %s",
            connect_error_of(connection->endpoint->host, connection->endpoint->port, ms));
    return connection_status(connection, status, "cannot connect");
}

static enum exit_code open_socket(struct connection *connection)
{
    amqp_socket_t *socket = new_socket(connection);
    const char *fault = connect_error_of_lookup(connection->endpoint->host);

    if (socket == NULL)
        return connection_fault(connection, EXIT_UNREACHABLE, "cannot make a socket");
    if (fault != NULL)
        return connection_fault(connection, EXIT_UNREACHABLE, "cannot connect: %s", fault);
    return connection->endpoint->tls ? open_tls(connection, socket)
                                     : open_plain(connection, socket);
}

static amqp_table_entry_t text_entry(const char *key, const char *value)
{
    return (amqp_table_entry_t){
        amqp_cstring_bytes(key),
        {.kind = AMQP_FIELD_KIND_UTF8, .value.bytes = amqp_cstring_bytes(value)}};
}

static amqp_table_entry_t capability(const char *key)
{
    return (amqp_table_entry_t){amqp_cstring_bytes(key),
                                {.kind = AMQP_FIELD_KIND_BOOLEAN, .value.boolean = 1}};
}

static int frame_max(const struct url_query *query)
{
    return query->frame_max > 0 && query->frame_max < FRAME_MAX ? query->frame_max : FRAME_MAX;
}

static enum exit_code log_in(struct connection *connection)
{
    const struct endpoint *endpoint = connection->endpoint;
    amqp_table_entry_t capabilities[4] = {
        capability("connection.blocked"), capability("consumer_cancel_notify"),
        capability("publisher_confirms"), capability("basic.nack")};
    amqp_table_entry_t entries[4] = {
        text_entry("product", "order-tools"), text_entry("version", ORDER_TOOLS_VERSION),
        [3] = {amqp_cstring_bytes("capabilities"),
               {.kind = AMQP_FIELD_KIND_TABLE, .value.table = {4, capabilities}}}};
    amqp_table_t properties = {.num_entries = 4, .entries = entries};
    int heartbeat_s = endpoint->query.heartbeat_s;
    char name[128];

    (void)snprintf(name, sizeof name, "%s %ld %s", report_name(), (long)getpid(),
                   connection->purpose);
    entries[2] = text_entry("connection_name", name);
    stop_cuts(amqp_get_sockfd(connection->state));
    limit_login(connection);
    return connection_reply(connection,
                            amqp_login_with_properties(
                                connection->state, endpoint->vhost, CONNECTION_CHANNEL,
                                frame_max(&endpoint->query),
                                heartbeat_s < 0 ? CONNECTION_HEARTBEAT : heartbeat_s, &properties,
                                AMQP_SASL_METHOD_PLAIN, endpoint->user, endpoint->password),
                            "login failed");
}

/*
 * A broker that adds headers to a message, such as x-death, sends them in a larger frame than was
 * agreed if need be. rabbitmq-c would refuse that, so it is told a greater limit; frame_max keeps
 * the one that was agreed, for frames that are sent.
 */
static enum exit_code agree_on_frames(struct connection *connection)
{
    amqp_connection_state_t state = connection->state;
    int agreed = amqp_get_frame_max(state);

    connection->frame_max = (size_t)(agreed < AMQP_FRAME_MIN_SIZE ? AMQP_FRAME_MIN_SIZE : agreed);
    return connection_status(connection,
                             amqp_tune_connection(state, amqp_get_channel_max(state),
                                                  agreed + connection->frame_margin,
                                                  amqp_get_heartbeat(state)),
                             "cannot set the size of frames");
}

/* Does not wait for the answer, so that it shares a round trip with what the setup asks. */
static enum exit_code open_channel(struct connection *connection)
{
    amqp_channel_open_t open_method = {0};
    struct timeval patience = {.tv_sec = REPLY_SECONDS};
    enum exit_code code = connection_status(
        connection, amqp_set_rpc_timeout(connection->state, &patience), "cannot set a timeout");

    if (code != EXIT_OK)
        return code;
    return connection_status(connection,
                             amqp_send_method(connection->state, CONNECTION_CHANNEL,
                                              AMQP_CHANNEL_OPEN_METHOD, &open_method),
                             "cannot open a channel");
}

void connection_channel_opened(struct connection *connection)
{
    connection->channel_is_open = true;
}

/* Unless the setup has read channel.open-ok it is still to come, or rabbitmq-c has put it aside. */
static enum exit_code await_channel(struct connection *connection)
{
    amqp_rpc_reply_t reply = {.reply_type = AMQP_RESPONSE_SERVER_EXCEPTION};
    int status = AMQP_STATUS_OK;

    while (!connection->channel_is_open && status == AMQP_STATUS_OK) {
        amqp_connection_state_t state = connection_state(connection);
        amqp_frame_t frame;

        status = amqp_simple_wait_frame_noblock(state, &frame, amqp_get_rpc_timeout(state));
        if (status != AMQP_STATUS_OK || frame.frame_type != AMQP_FRAME_METHOD)
            continue;
        reply.reply = frame.payload.method;
        if (reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD)
            return connection_reply(connection, reply, "cannot open a channel");
        if (reply.reply.id == AMQP_CHANNEL_OPEN_OK_METHOD && frame.channel == CONNECTION_CHANNEL)
            connection_channel_opened(connection);
    }
    return connection_status(connection, status, "cannot open a channel");
}

static enum exit_code connect_endpoint(struct connection *connection,
                                       const struct endpoint *endpoint)
{
    enum exit_code code;

    connection->endpoint = endpoint;
    connection->has_logged_in = false;
    connection->state = amqp_new_connection();
    if (connection->state == NULL)
        die_no_memory();
    code = open_socket(connection);
    if (code == EXIT_OK)
        code = log_in(connection);
    connection->has_logged_in = code == EXIT_OK;
    if (code == EXIT_OK)
        code = agree_on_frames(connection);
    if (code == EXIT_OK)
        code = open_channel(connection);
    if (code == EXIT_OK && connection->setup != NULL)
        code = connection->setup(connection, connection->context);
    if (code == EXIT_OK)
        code = await_channel(connection);
    if (code != EXIT_OK)
        connection_disconnect(connection);
    return code;
}

static const struct endpoint *next_endpoint(const struct connection *connection)
{
    const struct broker_options *options = connection->options;

    return &options->endpoints[(options->first_endpoint + connection->moves) %
                               options->endpoint_count];
}

/* The failure that says most: that of a broker which answers, if there is one. */
struct failure {
    const struct endpoint *endpoint;
    char reason[sizeof((struct connection *)NULL)->reason];
};

static void note_failure(const struct connection *connection, enum exit_code code,
                         struct failure *failure)
{
    if ((!connection->has_logged_in && code != EXIT_LOGIN) || failure->endpoint != NULL)
        return;
    failure->endpoint = connection->endpoint;
    memcpy(failure->reason, connection->reason, sizeof failure->reason);
}

static void tell_failure(struct connection *connection, const struct failure *failure)
{
    if (failure->endpoint == NULL)
        return;
    connection->endpoint = failure->endpoint;
    memcpy(connection->reason, failure->reason, sizeof failure->reason);
}

enum exit_code connection_try(struct connection *connection)
{
    enum exit_code code = EXIT_UNREACHABLE;
    struct failure failure = {.endpoint = NULL};
    bool may_come = false;

    if (connection->is_leaving)
        (void)connection_close(connection);
    if (connection->state != NULL)
        return EXIT_OK;
    for (size_t i = 0; i < connection->options->endpoint_count; i++) {
        code = connect_endpoint(connection, next_endpoint(connection));
        may_come = may_come || code == EXIT_UNREACHABLE;
        if (code == EXIT_OK || stop_requested())
            break;
        note_failure(connection, code, &failure);
        connection->moves++;
    }
    if (code != EXIT_OK && may_come)
        tell_failure(connection, &failure);
    if (code != EXIT_OK)
        return may_come ? EXIT_UNREACHABLE : code;
    connection->generation++;
    connection->exception = 0;
    connection->up_since_ms = clock_monotonic_ms();
    connection_schedule_beat(connection, connection->up_since_ms);
    return EXIT_OK;
}
