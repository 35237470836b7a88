#include "amqp/connection.h"

#include "amqp/connect_error.h"
#include "amqp/rabbitmq.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/stop.h"
#include "base/text.h"
#include "base/version.h"
#include "base/wait.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define CONNECT_SECONDS 5
#define REPLY_SECONDS 15
#define CLOSE_SECONDS 15       /* that the broker has in all to agree to the end of a connection, */
#define HASTE_SECONDS 5        /* or once a stop was asked for */
#define FRAME_MAX 131072       /* proposed to the broker, which may want smaller frames */
#define FRAME_MARGIN (1 << 20) /* taken in beyond what was agreed; once that was not enough, */
#define FRAME_MARGIN_WIDE (32 << 20)
#define BEATS 3         /* in the time after which the broker expects one */
#define STABLE_MS 60000 /* a connection that lasted this long was no failed attempt */
#define REPORT_EVERY 10 /* failed attempts: the first is reported, and then each so many */
#define SYSTEM_CAS "/etc/ssl/certs/ca-certificates.crt"

struct connection {
    const struct broker_options *options;
    const char *purpose;
    connection_setup *setup;
    void *context;
    amqp_connection_state_t state;   /* NULL while down */
    const struct endpoint *endpoint; /* of the connection, or of the last attempt */
    unsigned generation;
    int failures;         /* attempts in a row that led to nothing */
    enum exit_code final; /* EXIT_OK, or why connecting again is of no use */
    int64_t up_since_ms;  /* 0 as long as it is not set up */
    int64_t next_beat_ms;
    bool blocked;
    bool is_leaving;      /* the broker was asked to close the connection */
    bool channel_is_open; /* it has said so */
    bool rights_vary;
    bool expects_refusal;
    unsigned exception; /* connection_exception() */
    int send_errno; /* why nothing more can be sent, or 0; what has arrived is read all the same */
    size_t frame_max; /* agreed with the broker: the largest frame that it takes */
    int frame_margin;
    struct frames unsent;
    char reason[1024];       /* of the last failure */
    struct connection *next; /* among all connections of the program */
};

static struct connection *all_links;

static int keep_alive(void);

struct connection *connection_new(const struct broker_options *options, const char *purpose,
                                  connection_setup *setup, void *context)
{
    struct connection *connection = xcalloc(1, sizeof *connection);

    connection->options = options;
    connection->purpose = purpose;
    connection->frame_margin = FRAME_MARGIN;
    connection->setup = setup;
    connection->context = context;
    connection->next = all_links;
    all_links = connection;
    wait_keep(keep_alive);
    return connection;
}

enum exit_code connection_no_setup(struct connection *connection, void *context)
{
    (void)connection;
    (void)context;
    return EXIT_OK;
}

/* How often a sign of life is due. The broker may want one sooner than we would; or never, as zero
 * says. */
static int beat_ms(const struct connection *connection)
{
    int seconds = amqp_get_heartbeat(connection->state);

    return (seconds > 0 ? seconds : CONNECTION_HEARTBEAT) * 1000 / BEATS;
}

/* Between whole frames rabbitmq-c may send its own: all of this goes, or nothing more can be sent.
 */
static bool send_unsent(struct connection *connection)
{
    if (connection->unsent.len == 0 || connection->send_errno != 0)
        return connection->send_errno == 0;
    if (!frames_send(&connection->unsent, amqp_get_sockfd(connection->state),
                     2 * CONNECTION_HEARTBEAT * 1000))
        connection->send_errno = errno;
    return connection->send_errno == 0;
}

static void disconnect(struct connection *connection)
{
    stop_cuts(-1);
    if (connection->state != NULL)
        (void)amqp_destroy_connection(connection->state);
    connection->state = NULL;
    connection->up_since_ms = 0;
    connection->blocked = false;
    connection->is_leaving = false;
    connection->channel_is_open = false;
    connection->send_errno = 0;
    frames_forget(&connection->unsent);
}

/* The next method on a channel, whatever comes before it. */
static int await_method(struct connection *connection, amqp_channel_t channel,
                        amqp_method_number_t id, amqp_method_t *method)
{
    amqp_connection_state_t state = connection_state(connection);
    amqp_frame_t frame;
    int status;

    do {
        status = amqp_simple_wait_frame_noblock(state, &frame, amqp_get_rpc_timeout(state));
        if (status != AMQP_STATUS_OK)
            return status;
        *method = frame.payload.method;
    } while (frame.frame_type != AMQP_FRAME_METHOD ||
             ((frame.channel != channel || method->id != id) &&
              method->id != AMQP_CONNECTION_CLOSE_METHOD));
    return AMQP_STATUS_OK;
}

void connection_leave(struct connection *connection)
{
    amqp_connection_close_t close_method = {.reply_code = AMQP_REPLY_SUCCESS};

    if (!connection_is_up(connection) || connection->blocked || !send_unsent(connection))
        return;
    connection->is_leaving = amqp_send_method(connection->state, 0, AMQP_CONNECTION_CLOSE_METHOD,
                                              &close_method) == AMQP_STATUS_OK;
}

void connection_free(struct connection *connection)
{
    if (connection == NULL)
        return;
    (void)connection_close(connection);
    for (struct connection **at = &all_links; *at != NULL; at = &(*at)->next) {
        if (*at == connection) {
            *at = connection->next;
            break;
        }
    }
    free(connection->unsent.bytes);
    free(connection);
}

const char *connection_reason(const struct connection *connection)
{
    return connection->reason;
}

const char *connection_broker(const struct connection *connection)
{
    return connection->endpoint->name;
}

bool connection_is_up(const struct connection *connection)
{
    return connection->state != NULL && !connection->is_leaving;
}

amqp_connection_state_t connection_state(struct connection *connection)
{
    /* What is called with it may wait for the broker: until its outcome is told, or its frames are
     * released. */
    stop_cuts(amqp_get_sockfd(connection->state));
    return connection->state;
}

size_t connection_frame_max(const struct connection *connection)
{
    return connection->frame_max;
}

unsigned connection_generation(const struct connection *connection)
{
    return connection->generation;
}

bool connection_is_blocked(const struct connection *connection)
{
    return connection->blocked;
}

void connection_progress(struct connection *connection)
{
    connection->failures = 0;
}

unsigned connection_exception(const struct connection *connection)
{
    return connection->exception;
}

bool connection_exception_is_doubtful(const struct connection *connection)
{
    return connection->exception == AMQP_INTERNAL_ERROR ||
           connection->exception == AMQP_RESOURCE_ERROR;
}

void connection_expect_refusal(struct connection *connection, bool expected)
{
    connection->expects_refusal = expected;
}

void connection_rights_vary(struct connection *connection)
{
    connection->rights_vary = true;
}

/* ---- what went wrong ---- */

enum exit_code connection_fault(struct connection *connection, enum exit_code code,
                                const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(connection->reason, sizeof connection->reason, format, arguments);
    va_end(arguments);
    return code;
}

enum exit_code connection_status(struct connection *connection, int status, const char *what)
{
    stop_cuts(-1);
    if (status >= 0)
        return EXIT_OK;
    if (status == AMQP_STATUS_SSL_HOSTNAME_VERIFY_FAILED ||
        status == AMQP_STATUS_SSL_PEER_VERIFY_FAILED)
        return connection_fault(connection, EXIT_LOGIN, "%s: %s", what, amqp_error_string2(status));
    return connection_fault(connection, EXIT_UNREACHABLE, "%s: %s", what,
                            amqp_error_string2(status));
}

static enum exit_code code_of_reply(uint16_t reply_code)
{
    switch (reply_code) {
    case AMQP_ACCESS_REFUSED:
    case AMQP_NOT_ALLOWED:
        return EXIT_LOGIN;
    case AMQP_NOT_FOUND:
    case AMQP_PRECONDITION_FAILED:
    case AMQP_RESOURCE_LOCKED:
        return EXIT_TOPOLOGY;
    default:
        return EXIT_UNREACHABLE;
    }
}

enum exit_code connection_reply(struct connection *connection, amqp_rpc_reply_t reply,
                                const char *what)
{
    uint16_t code;
    amqp_bytes_t text;

    stop_cuts(-1);
    if (reply.reply_type == AMQP_RESPONSE_NORMAL)
        return EXIT_OK;
    if (reply.reply_type != AMQP_RESPONSE_SERVER_EXCEPTION)
        return connection_status(connection,
                                 reply.reply_type == AMQP_RESPONSE_NONE ? AMQP_STATUS_SOCKET_CLOSED
                                                                        : reply.library_error,
                                 what);
    if (reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD) {
        const amqp_connection_close_t *close_method = reply.reply.decoded;

        code = close_method->reply_code;
        text = close_method->reply_text;
    } else {
        const amqp_channel_close_t *close_method = reply.reply.decoded;

        code = close_method->reply_code;
        text = close_method->reply_text;
    }
    return connection_fault(connection, code_of_reply(code), "%s: %d %s", what, code,
                            printable(text.bytes, text.len));
}

/* The end of a connection that was up; silent if whoever uses the connection tells of it. */
static void lose(struct connection *connection, bool is_silent)
{
    if (connection->state == NULL)
        return;
    /* A failed attempt, which whoever made it counts and tells. */
    if (connection->up_since_ms == 0) {
        disconnect(connection);
        return;
    }
    if (clock_monotonic_ms() - connection->up_since_ms >= STABLE_MS)
        connection->failures = 0;
    else
        connection->failures++;
    if (!is_silent)
        report("lost the broker '%s' (%s): %s", connection->endpoint->name, connection->purpose,
               connection->reason);
    disconnect(connection);
}

void connection_lose(struct connection *connection)
{
    lose(connection, false);
}

/* The broker ended the connection or the channel. */
static void lose_closed(struct connection *connection, const char *what, uint16_t code,
                        amqp_bytes_t text)
{
    (void)connection_fault(connection, EXIT_UNREACHABLE, "%s: %d %s", what, code,
                           printable(text.bytes, text.len));
    if (code_of_reply(code) == EXIT_LOGIN && !connection->rights_vary)
        connection->final = EXIT_LOGIN;
    else if (code != AMQP_REPLY_SUCCESS && code != AMQP_CONNECTION_FORCED)
        connection->exception = code;
    lose(connection, connection->expects_refusal && connection->exception != 0 &&
                         !connection_exception_is_doubtful(connection));
}

/* ---- connecting ---- */

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

static enum exit_code prepare_tls(struct connection *connection, amqp_socket_t *socket)
{
    const struct broker_options *options = connection->options;
    const char *cacert = options->cacert != NULL ? options->cacert : SYSTEM_CAS;

    if (!connection->endpoint->tls)
        return EXIT_OK;
    if (amqp_ssl_socket_set_cacert(socket, cacert) != AMQP_STATUS_OK)
        return connection_fault(connection, EXIT_LOGIN,
                                "cannot load certificate authorities from '%s'", cacert);
    if (options->cert != NULL &&
        amqp_ssl_socket_set_key(socket, options->cert, options->key) != AMQP_STATUS_OK)
        return connection_fault(connection, EXIT_LOGIN,
                                "cannot load the client certificate '%s' with its key '%s'",
                                options->cert, options->key);
    return EXIT_OK;
}

static enum exit_code open_socket(struct connection *connection)
{
    struct timeval patience = {.tv_sec = CONNECT_SECONDS};
    amqp_socket_t *socket = new_socket(connection);
    const char *fault = connect_error_of_lookup(connection->endpoint->host);
    enum exit_code code;
    int status;

    if (socket == NULL)
        return connection_fault(connection, EXIT_UNREACHABLE, "cannot make a socket");
    if (fault != NULL)
        return connection_fault(connection, EXIT_UNREACHABLE, "cannot connect: %s", fault);
    code = prepare_tls(connection, socket);
    if (code != EXIT_OK)
        return code;
    status = amqp_socket_open_noblock(socket, connection->endpoint->host,
                                      connection->endpoint->port, &patience);
    if (status == AMQP_STATUS_SOCKET_ERROR || status == AMQP_STATUS_HOSTNAME_RESOLUTION_FAILED)
        return connection_fault(connection, EXIT_UNREACHABLE, "cannot connect: %s",
                                connect_error_of(connection->endpoint->host,
                                                 connection->endpoint->port,
                                                 CONNECT_SECONDS * 1000));
    return connection_status(connection, status, "cannot connect");
}

static amqp_table_entry_t text_entry(const char *key, const char *value)
{
    amqp_table_entry_t entry = {.key = amqp_cstring_bytes(key)};

    entry.value.kind = AMQP_FIELD_KIND_UTF8;
    entry.value.value.bytes = amqp_cstring_bytes(value);
    return entry;
}

static amqp_table_entry_t capability(const char *key)
{
    amqp_table_entry_t entry = {.key = amqp_cstring_bytes(key)};

    entry.value.kind = AMQP_FIELD_KIND_BOOLEAN;
    entry.value.value.boolean = 1;
    return entry;
}

static enum exit_code log_in(struct connection *connection)
{
    const struct endpoint *endpoint = connection->endpoint;
    amqp_table_entry_t capabilities[] = {
        capability("connection.blocked"), capability("consumer_cancel_notify"),
        capability("publisher_confirms"), capability("basic.nack")};
    amqp_table_entry_t entries[4] = {text_entry("product", "order-tools"),
                                     text_entry("version", ORDER_TOOLS_VERSION)};
    amqp_table_t properties = {.num_entries = 4, .entries = entries};
    char name[128];

    (void)snprintf(name, sizeof name, "%s %ld %s", report_name(), (long)getpid(),
                   connection->purpose);
    entries[2] = text_entry("connection_name", name);
    entries[3].key = amqp_cstring_bytes("capabilities");
    entries[3].value.kind = AMQP_FIELD_KIND_TABLE;
    entries[3].value.value.table.num_entries = sizeof capabilities / sizeof capabilities[0];
    entries[3].value.value.table.entries = capabilities;
    stop_cuts(amqp_get_sockfd(connection->state));
    return connection_reply(
        connection,
        amqp_login_with_properties(connection->state, endpoint->vhost, CONNECTION_CHANNEL,
                                   FRAME_MAX, CONNECTION_HEARTBEAT, &properties,
                                   AMQP_SASL_METHOD_PLAIN, endpoint->user, endpoint->password),
        "login failed");
}

/*
 * A broker that adds headers to a message, such as x-death, does not split or refuse what outgrows
 * a frame by that: it sends a larger one. rabbitmq-c would be stuck at it, so it is told of a
 * greater limit than the one agreed upon, which stays the one for what is sent.
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

/* Without waiting for the answer: it comes before those to what the setup asks. */
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

/* If the setup has not met the answer, it is still to come, or the library has put it aside. */
static enum exit_code await_channel(struct connection *connection)
{
    amqp_rpc_reply_t reply = {.reply_type = AMQP_RESPONSE_SERVER_EXCEPTION};
    enum exit_code code;

    if (connection->channel_is_open)
        return EXIT_OK;
    code = connection_status(
        connection,
        await_method(connection, CONNECTION_CHANNEL, AMQP_CHANNEL_OPEN_OK_METHOD, &reply.reply),
        "cannot open a channel");
    if (code != EXIT_OK || reply.reply.id == AMQP_CHANNEL_OPEN_OK_METHOD)
        return code;
    return connection_reply(connection, reply, "cannot open a channel");
}

static enum exit_code connect_endpoint(struct connection *connection,
                                       const struct endpoint *endpoint)
{
    enum exit_code code;

    connection->endpoint = endpoint;
    connection->state = amqp_new_connection();
    if (connection->state == NULL)
        die_no_memory();
    code = open_socket(connection);
    if (code == EXIT_OK)
        code = log_in(connection);
    if (code == EXIT_OK)
        code = agree_on_frames(connection);
    if (code == EXIT_OK)
        code = open_channel(connection);
    if (code == EXIT_OK)
        code = connection->setup(connection, connection->context);
    if (code == EXIT_OK)
        code = await_channel(connection);
    if (code != EXIT_OK)
        disconnect(connection);
    return code;
}

enum exit_code connection_try(struct connection *connection)
{
    enum exit_code code = EXIT_UNREACHABLE;
    bool may_come = false;

    if (connection->is_leaving)
        (void)connection_close(connection);
    if (connection->state != NULL)
        return EXIT_OK;
    for (size_t i = 0; i < connection->options->endpoint_count; i++) {
        code = connect_endpoint(connection, &connection->options->endpoints[i]);
        may_come = may_come || code == EXIT_UNREACHABLE;
        if (code == EXIT_OK || stop_requested())
            break;
    }
    if (code != EXIT_OK)
        return may_come ? EXIT_UNREACHABLE : code;
    connection->generation++;
    connection->exception = 0;
    connection->up_since_ms = clock_monotonic_ms();
    connection->next_beat_ms = connection->up_since_ms + beat_ms(connection);
    return EXIT_OK;
}

static void pause_before_retry(struct connection *connection)
{
    int64_t until = clock_monotonic_ms() + (int64_t)connection->options->retry_delay * 1000;
    int64_t left;

    while (!stop_requested() && (left = until - clock_monotonic_ms()) > 0)
        connection_wait(NULL, -1, (int)left);
}

/* The first failure in a row of count, and then each so many. */
static void report_failure(const struct connection *connection, int count)
{
    if (count % REPORT_EVERY == 1)
        report("broker '%s' (%s): %s; attempt %d of %d, the next in %d s",
               connection->endpoint->name, connection->purpose, connection->reason,
               connection->failures, connection->options->retries,
               connection->options->retry_delay);
}

static enum exit_code give_up(const struct connection *connection)
{
    report("broker '%s' (%s): %s; giving up after %d attempt%s", connection->endpoint->name,
           connection->purpose, connection->reason, connection->failures,
           connection->failures == 1 ? "" : "s");
    return EXIT_UNREACHABLE;
}

enum exit_code connection_open(struct connection *connection)
{
    int failed = 0;

    while (!connection_is_up(connection)) {
        enum exit_code code;

        if (connection->final != EXIT_OK)
            return connection->final;
        /* Connections that are made and lost at once count, too. */
        if (connection->failures >= connection->options->retries)
            return give_up(connection);
        if (connection->failures > 0)
            pause_before_retry(connection);
        code = connection_try(connection);
        if (code == EXIT_OK) {
            if (connection->failures > 0)
                report("connected to the broker '%s' (%s)", connection->endpoint->name,
                       connection->purpose);
            break;
        }
        if (code != EXIT_UNREACHABLE) {
            report("broker '%s' (%s): %s", connection->endpoint->name, connection->purpose,
                   connection->reason);
            return code;
        }
        connection->failures++;
        if (stop_requested())
            return EXIT_UNREACHABLE;
        if (connection->failures < connection->options->retries)
            report_failure(connection, ++failed);
    }
    return EXIT_OK;
}

/* ---- reading and waiting ---- */

/* A frame that closes or changes the connection as a whole. False if it is one for the channel. */
static bool take_connection_frame(struct connection *connection, const amqp_method_t *method)
{
    switch (method->id) {
    case AMQP_CONNECTION_CLOSE_METHOD: {
        const amqp_connection_close_t *m = method->decoded;
        amqp_connection_close_ok_t ok = {0};

        (void)amqp_send_method(connection->state, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &ok);
        lose_closed(connection, "connection closed", m->reply_code, m->reply_text);
        return true;
    }
    case AMQP_CHANNEL_CLOSE_METHOD: {
        const amqp_channel_close_t *m = method->decoded;
        amqp_channel_close_ok_t ok = {0};

        (void)amqp_send_method(connection->state, CONNECTION_CHANNEL, AMQP_CHANNEL_CLOSE_OK_METHOD,
                               &ok);
        lose_closed(connection, "channel closed", m->reply_code, m->reply_text);
        return true;
    }
    case AMQP_BASIC_CANCEL_METHOD:
        (void)connection_fault(
            connection, EXIT_UNREACHABLE,
            "subscription cancelled: the queue was deleted, its node went away, or from RabbitMQ "
            "4.3 on what was delivered was in hand for too long");
        connection_lose(connection);
        return true;
    case AMQP_CONNECTION_BLOCKED_METHOD: {
        const amqp_connection_blocked_t *m = method->decoded;

        report("broker '%s' (%s) takes no messages for now: %s", connection->endpoint->name,
               connection->purpose, printable(m->reason.bytes, m->reason.len));
        connection->blocked = true;
        return true;
    }
    case AMQP_CONNECTION_UNBLOCKED_METHOD:
        report("broker '%s' (%s) takes messages again", connection->endpoint->name,
               connection->purpose);
        connection->blocked = false;
        return true;
    default:
        return false;
    }
}

/*
 * The fault of what has arrived, rather than of the way it came: it will be the same on the next
 * connection.
 */
static bool is_unreadable(int status)
{
    return status == AMQP_STATUS_BAD_AMQP_DATA || status == AMQP_STATUS_UNKNOWN_CLASS ||
           status == AMQP_STATUS_UNKNOWN_METHOD;
}

/* So there is room for larger frames on the next connection, which this once is no further attempt.
 */
static void drop_unreadable(struct connection *connection)
{
    bool widens = connection->frame_margin < FRAME_MARGIN_WIDE;

    (void)connection_fault(
        connection, EXIT_UNREACHABLE,
        "the broker sent a frame that cannot be read: malformed, larger than %zu bytes, or "
        "nested too deep: a message with such headers, most likely%s",
        connection->frame_max + (size_t)connection->frame_margin,
        widens ? "; larger ones are taken from now on" : "");
    connection_lose(connection);
    if (widens)
        connection->failures = 0;
    connection->frame_margin = FRAME_MARGIN_WIDE;
}

static void drop_broken(struct connection *connection, int status)
{
    (void)connection_status(connection, status, "cannot read");
    connection_lose(connection);
}

/*
 * If that fails, what the broker has said before, its reason perhaps, is still to be read:
 * connection_read() ends it.
 */
static void flush(struct connection *connection)
{
    if (connection->state != NULL)
        (void)send_unsent(connection);
}

static void drop_unsendable(struct connection *connection)
{
    (void)connection_fault(connection, EXIT_UNREACHABLE, "cannot publish: %s",
                           strerror(connection->send_errno));
    connection_lose(connection);
}

/* By rabbitmq-c, since what it encrypts must pass through it. */
static int send_encrypted(struct connection *connection, const struct frames_message *message,
                          void *properties)
{
    amqp_basic_publish_t publish = {
        .exchange = message->exchange, .routing_key = message->routing_key, .mandatory = 1};
    amqp_frame_t header = {.frame_type = AMQP_FRAME_HEADER, .channel = CONNECTION_CHANNEL};
    amqp_frame_t part = {.frame_type = AMQP_FRAME_BODY, .channel = CONNECTION_CHANNEL};
    size_t most = frames_body_most(connection->frame_max);
    int status = amqp_send_method(connection->state, CONNECTION_CHANNEL, AMQP_BASIC_PUBLISH_METHOD,
                                  &publish);

    header.payload.properties.class_id = AMQP_BASIC_CLASS;
    header.payload.properties.body_size = message->body.len;
    header.payload.properties.decoded = properties;
    if (status == AMQP_STATUS_OK)
        status = amqp_send_frame(connection->state, &header);
    for (size_t at = 0; at < message->body.len && status == AMQP_STATUS_OK; at += most) {
        size_t left = message->body.len - at;

        part.payload.body_fragment.bytes = (char *)message->body.bytes + at;
        part.payload.body_fragment.len = left < most ? left : most;
        status = amqp_send_frame(connection->state, &part);
    }
    return status;
}

static void publish_encrypted(struct connection *connection, const struct frames_message *message)
{
    amqp_pool_t pool;
    void *properties;
    int status;

    if (connection->state == NULL)
        return;
    init_amqp_pool(&pool, 4096);
    if (amqp_decode_properties(AMQP_BASIC_CLASS, &pool, message->properties, &properties) < 0)
        die(EXIT_BUG, "message properties that cannot be decoded");
    status = send_encrypted(connection, message, properties);
    empty_amqp_pool(&pool);
    if (connection_status(connection, status, "cannot publish") != EXIT_OK)
        connection_lose(connection);
}

void connection_publish(struct connection *connection, const struct frames_message *message)
{
    if (connection->endpoint->tls) {
        publish_encrypted(connection, message);
        return;
    }
    frames_add(&connection->unsent, CONNECTION_CHANNEL, message, connection->frame_max);
    if (connection->unsent.len >= FRAMES_FULL)
        flush(connection);
}

enum connection_event connection_read(struct connection *connection, amqp_frame_t *frame)
{
    struct timeval at_once = {0};

    stop_cuts(-1);
    flush(connection);
    while (connection_is_up(connection)) {
        int status = amqp_simple_wait_frame_noblock(connection->state, frame, &at_once);

        if (status != AMQP_STATUS_OK && connection->send_errno != 0)
            drop_unsendable(connection);
        else if (status == AMQP_STATUS_TIMEOUT)
            return CONNECTION_QUIET;
        else if (is_unreadable(status))
            drop_unreadable(connection);
        else if (status != AMQP_STATUS_OK)
            drop_broken(connection, status);
        else if (frame->frame_type != AMQP_FRAME_METHOD ||
                 !take_connection_frame(connection, &frame->payload.method))
            return CONNECTION_FRAME;
    }
    return CONNECTION_DOWN;
}

void connection_release(struct connection *connection)
{
    stop_cuts(-1);
    if (connection->state != NULL)
        amqp_maybe_release_buffers(connection->state);
}

/* A sign of life for a connection that nobody is reading from just now. */
static void beat(struct connection *connection, int64_t now)
{
    amqp_frame_t heartbeat = {.frame_type = AMQP_FRAME_HEARTBEAT, .channel = 0};
    struct pollfd writable = {.fd = -1, .events = POLLOUT};

    if (!connection_is_up(connection) || connection->blocked || now < connection->next_beat_ms)
        return;
    connection->next_beat_ms = now + beat_ms(connection);
    writable.fd = amqp_get_sockfd(connection->state);
    /* A connection that takes nothing must not hold up the others; that it is lost shows when it is
     * read. */
    if (poll(&writable, 1, 0) == 1 && (writable.revents & POLLOUT) != 0)
        (void)amqp_send_frame(connection->state, &heartbeat);
}

/* Signs of life for all; returns how long until the next ones are due. */
static int keep_alive(void)
{
    int64_t now = clock_monotonic_ms();
    int until_beat_ms = CONNECTION_HEARTBEAT * 1000 / BEATS;

    for (struct connection *each = all_links; each != NULL; each = each->next) {
        beat(each, now);
        if (connection_is_up(each) && beat_ms(each) < until_beat_ms)
            until_beat_ms = beat_ms(each);
    }
    return until_beat_ms;
}

void connection_wait(struct connection *connection, int descriptor, int timeout_ms)
{
    int until_beat_ms;
    struct pollfd fds[3] = {{.fd = -1, .events = POLLIN},
                            {.fd = descriptor, .events = POLLIN},
                            {.fd = -1, .events = POLLIN}};

    stop_cuts(-1);
    for (struct connection *each = all_links; each != NULL; each = each->next)
        flush(each);
    /* Its reader may be slow: that comes before it is looked at what there is to wait for. */
    report_flush();
    until_beat_ms = keep_alive();
    if (connection != NULL && connection_is_up(connection))
        fds[0].fd = amqp_get_sockfd(connection->state);
    /* Once a stop is asked for, what is in hand is finished, and waited for, undisturbed. */
    if (!stop_requested())
        fds[2].fd = stop_descriptor();
    /* It is to be read, whatever has arrived. */
    if (connection != NULL && connection->send_errno != 0)
        timeout_ms = 0;
    if (poll(fds, 3, timeout_ms < 0 || timeout_ms > until_beat_ms ? until_beat_ms : timeout_ms) <
            0 &&
        errno != EINTR)
        die(EXIT_BUG, "cannot wait: %s", strerror(errno));
}

/* ---- the end of a connection ---- */

/* How long the broker may still take to agree. Once a stop is asked for, less. */
static int64_t close_ms_left(int64_t since_ms)
{
    int64_t seconds = stop_requested() ? HASTE_SECONDS : CLOSE_SECONDS;

    return since_ms + seconds * 1000 - clock_monotonic_ms();
}

/*
 * Reads until the broker agrees to the end of the connection. Whatever it said before comes first:
 * that it had closed the channel already, and so has thrown away what was sent on it since,
 * although it agrees all the same.
 */
static bool has_left(struct connection *connection)
{
    int64_t since_ms = clock_monotonic_ms();
    int64_t left_ms;

    while (connection->state != NULL && !connection->blocked &&
           (left_ms = close_ms_left(since_ms)) > 0) {
        struct timeval patience = {.tv_usec = left_ms < 500 ? (suseconds_t)left_ms * 1000 : 500000};
        amqp_frame_t frame;
        int status = amqp_simple_wait_frame_noblock(connection->state, &frame, &patience);

        if (status == AMQP_STATUS_TIMEOUT)
            continue;
        if (is_unreadable(status))
            drop_unreadable(connection);
        if (status != AMQP_STATUS_OK)
            return false;
        if (frame.frame_type == AMQP_FRAME_METHOD) {
            if (frame.payload.method.id == AMQP_CONNECTION_CLOSE_OK_METHOD)
                return true;
            (void)take_connection_frame(connection, &frame.payload.method);
        }
        connection_release(connection);
    }
    return false;
}

bool connection_close(struct connection *connection)
{
    bool closed;

    /* A broker that takes no messages reads nothing at all from us, and would not answer. */
    if (!connection->is_leaving)
        connection_leave(connection);
    closed = connection->is_leaving && has_left(connection);
    disconnect(connection);
    return closed;
}
