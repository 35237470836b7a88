#include "link.h"

#include "clock.h"
#include "reach.h"
#include "stop.h"
#include "text.h"
#include "version.h"
#include "wait.h"

#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
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
#define FRAME_MAX 131072
#define BEATS 3         /* in the time after which the broker expects one */
#define STABLE_MS 60000 /* a connection that lasted this long was no failed attempt */
#define REPORT_EVERY 10 /* failed attempts: the first is reported, and then each so many */
#define SYSTEM_CAS "/etc/ssl/certs/ca-certificates.crt"

struct link {
    const struct link_options *options;
    const char *purpose;
    link_setup *setup;
    void *context;
    amqp_connection_state_t connection; /* NULL while down */
    const struct endpoint *endpoint;    /* of the connection, or of the last attempt */
    unsigned generation;
    int failures;         /* attempts in a row that led to nothing */
    enum exit_code final; /* EXIT_OK, or why connecting again is of no use */
    int64_t up_since_ms;
    int64_t next_beat_ms;
    bool blocked;
    bool is_leaving;      /* the broker was asked to close the connection */
    bool channel_is_open; /* it has said so */
    struct frames unsent;
    char reason[1024]; /* of the last failure */
    struct link *next; /* among all links of the program */
};

static struct link *all_links;

static int keep_alive(void);

struct link *link_new(const struct link_options *options, const char *purpose, link_setup *setup,
                      void *context)
{
    struct link *link = need_calloc(1, sizeof *link);

    link->options = options;
    link->purpose = purpose;
    link->setup = setup;
    link->context = context;
    link->next = all_links;
    all_links = link;
    wait_keep(keep_alive);
    return link;
}

enum exit_code link_no_setup(struct link *link, void *context)
{
    (void)link;
    (void)context;
    return EXIT_OK;
}

/* How often a sign of life is due. The broker may want one sooner than we would; or never, as zero says. */
static int beat_ms(const struct link *link)
{
    int seconds = amqp_get_heartbeat(link->connection);

    return (seconds > 0 ? seconds : LINK_HEARTBEAT) * 1000 / BEATS;
}

/* Between whole frames rabbitmq-c may send its own: all of this goes, or the connection is done with. */
static bool send_unsent(struct link *link)
{
    return link->unsent.len == 0 ||
           frames_send(&link->unsent, amqp_get_sockfd(link->connection), 2 * LINK_HEARTBEAT * 1000);
}

static void disconnect(struct link *link)
{
    stop_cuts(-1);
    if (link->connection != NULL)
        (void)amqp_destroy_connection(link->connection);
    link->connection = NULL;
    link->blocked = false;
    link->is_leaving = false;
    link->channel_is_open = false;
    frames_forget(&link->unsent);
}

/* The next method on a channel, whatever comes before it. */
static int await_method(struct link *link, amqp_channel_t channel, amqp_method_number_t id,
                        amqp_method_t *method)
{
    amqp_frame_t frame;
    int status;

    do {
        status =
            amqp_simple_wait_frame_noblock(link->connection, &frame, amqp_get_rpc_timeout(link->connection));
        if (status != AMQP_STATUS_OK)
            return status;
        *method = frame.payload.method;
    } while (frame.frame_type != AMQP_FRAME_METHOD ||
             ((frame.channel != channel || method->id != id) && method->id != AMQP_CONNECTION_CLOSE_METHOD));
    return AMQP_STATUS_OK;
}

static bool has_left(struct link *link)
{
    amqp_method_t method;

    return await_method(link, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &method) == AMQP_STATUS_OK;
}

bool link_close(struct link *link)
{
    /* A broker that takes no messages reads nothing at all from us, and would not answer. */
    bool closed = link->connection != NULL && !link->blocked && send_unsent(link);

    if (closed && link->is_leaving)
        closed = has_left(link);
    else if (closed)
        closed =
            amqp_connection_close(link->connection, AMQP_REPLY_SUCCESS).reply_type == AMQP_RESPONSE_NORMAL;
    disconnect(link);
    return closed;
}

void link_leave(struct link *link)
{
    amqp_connection_close_t close_method = {.reply_code = AMQP_REPLY_SUCCESS};

    if (!link_is_up(link) || link->blocked || !send_unsent(link))
        return;
    link->is_leaving =
        amqp_send_method(link->connection, 0, AMQP_CONNECTION_CLOSE_METHOD, &close_method) == AMQP_STATUS_OK;
}

void link_free(struct link *link)
{
    if (link == NULL)
        return;
    (void)link_close(link);
    for (struct link **at = &all_links; *at != NULL; at = &(*at)->next) {
        if (*at == link) {
            *at = link->next;
            break;
        }
    }
    free(link->unsent.bytes);
    free(link);
}

const char *link_reason(const struct link *link)
{
    return link->reason;
}

const char *link_broker(const struct link *link)
{
    return link->endpoint->name;
}

bool link_is_up(const struct link *link)
{
    return link->connection != NULL && !link->is_leaving;
}

amqp_connection_state_t link_connection(struct link *link)
{
    /* What is called with it may wait for the broker: until its outcome is told, or something is waited for. */
    stop_cuts(amqp_get_sockfd(link->connection));
    return link->connection;
}

unsigned link_generation(const struct link *link)
{
    return link->generation;
}

bool link_is_blocked(const struct link *link)
{
    return link->blocked;
}

void link_progress(struct link *link)
{
    link->failures = 0;
}

/* ---- what went wrong ---- */

enum exit_code link_fault(struct link *link, enum exit_code code, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(link->reason, sizeof link->reason, format, arguments);
    va_end(arguments);
    return code;
}

enum exit_code link_status(struct link *link, int status, const char *what)
{
    stop_cuts(-1);
    if (status >= 0)
        return EXIT_OK;
    if (status == AMQP_STATUS_SSL_HOSTNAME_VERIFY_FAILED || status == AMQP_STATUS_SSL_PEER_VERIFY_FAILED)
        return link_fault(link, EXIT_LOGIN, "%s: %s", what, amqp_error_string2(status));
    return link_fault(link, EXIT_UNREACHABLE, "%s: %s", what, amqp_error_string2(status));
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

enum exit_code link_reply(struct link *link, amqp_rpc_reply_t reply, const char *what)
{
    uint16_t code;
    amqp_bytes_t text;

    stop_cuts(-1);
    if (reply.reply_type == AMQP_RESPONSE_NORMAL)
        return EXIT_OK;
    if (reply.reply_type != AMQP_RESPONSE_SERVER_EXCEPTION)
        return link_status(
            link, reply.reply_type == AMQP_RESPONSE_NONE ? AMQP_STATUS_SOCKET_CLOSED : reply.library_error,
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
    return link_fault(link, code_of_reply(code), "%s: %d %s", what, code, printable(text.bytes, text.len));
}

void link_lose(struct link *link)
{
    if (link->connection == NULL)
        return;
    if (clock_steady_ms() - link->up_since_ms >= STABLE_MS)
        link->failures = 0;
    else
        link->failures++;
    report("lost the broker '%s' (%s): %s", link->endpoint->name, link->purpose, link->reason);
    disconnect(link);
}

/* The broker ended the connection or the channel. */
static void lose_closed(struct link *link, const char *what, uint16_t code, amqp_bytes_t text)
{
    (void)link_fault(link, EXIT_UNREACHABLE, "%s: %d %s", what, code, printable(text.bytes, text.len));
    if (code_of_reply(code) == EXIT_LOGIN)
        link->final = EXIT_LOGIN;
    link_lose(link);
}

/* ---- connecting ---- */

static amqp_socket_t *new_socket(struct link *link)
{
    amqp_socket_t *socket;

    if (!link->endpoint->tls)
        return amqp_tcp_socket_new(link->connection);
    socket = amqp_ssl_socket_new(link->connection);
    if (socket == NULL)
        return NULL;
    amqp_ssl_socket_set_verify_peer(socket, 1);
    amqp_ssl_socket_set_verify_hostname(socket, 1);
    return socket;
}

static enum exit_code prepare_tls(struct link *link, amqp_socket_t *socket)
{
    const struct link_options *options = link->options;
    const char *cacert = options->cacert != NULL ? options->cacert : SYSTEM_CAS;

    if (!link->endpoint->tls)
        return EXIT_OK;
    if (amqp_ssl_socket_set_cacert(socket, cacert) != AMQP_STATUS_OK)
        return link_fault(link, EXIT_LOGIN, "cannot load certificate authorities from '%s'", cacert);
    if (options->cert != NULL &&
        amqp_ssl_socket_set_key(socket, options->cert, options->key) != AMQP_STATUS_OK)
        return link_fault(link, EXIT_LOGIN, "cannot load the client certificate '%s' with its key '%s'",
                          options->cert, options->key);
    return EXIT_OK;
}

static enum exit_code open_socket(struct link *link)
{
    struct timeval patience = {.tv_sec = CONNECT_SECONDS};
    amqp_socket_t *socket = new_socket(link);
    const char *fault = reach_lookup(link->endpoint->host);
    enum exit_code code;
    int status;

    if (socket == NULL)
        return link_fault(link, EXIT_UNREACHABLE, "cannot make a socket");
    if (fault != NULL)
        return link_fault(link, EXIT_UNREACHABLE, "cannot connect: %s", fault);
    code = prepare_tls(link, socket);
    if (code != EXIT_OK)
        return code;
    status = amqp_socket_open_noblock(socket, link->endpoint->host, link->endpoint->port, &patience);
    if (status == AMQP_STATUS_SOCKET_ERROR || status == AMQP_STATUS_HOSTNAME_RESOLUTION_FAILED)
        return link_fault(link, EXIT_UNREACHABLE, "cannot connect: %s",
                          reach_reason(link->endpoint->host, link->endpoint->port, CONNECT_SECONDS * 1000));
    return link_status(link, status, "cannot connect");
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

static enum exit_code log_in(struct link *link)
{
    const struct endpoint *endpoint = link->endpoint;
    amqp_table_entry_t capabilities[] = {capability("connection.blocked"),
                                         capability("consumer_cancel_notify"),
                                         capability("publisher_confirms"), capability("basic.nack")};
    amqp_table_entry_t entries[4] = {text_entry("product", "order-tools"),
                                     text_entry("version", ORDER_TOOLS_VERSION)};
    amqp_table_t properties = {.num_entries = 4, .entries = entries};
    char name[128];

    (void)snprintf(name, sizeof name, "%s %ld %s", report_name(), (long)getpid(), link->purpose);
    entries[2] = text_entry("connection_name", name);
    entries[3].key = amqp_cstring_bytes("capabilities");
    entries[3].value.kind = AMQP_FIELD_KIND_TABLE;
    entries[3].value.value.table.num_entries = sizeof capabilities / sizeof capabilities[0];
    entries[3].value.value.table.entries = capabilities;
    stop_cuts(amqp_get_sockfd(link->connection));
    return link_reply(link,
                      amqp_login_with_properties(link->connection, endpoint->vhost, LINK_CHANNEL, FRAME_MAX,
                                                 LINK_HEARTBEAT, &properties, AMQP_SASL_METHOD_PLAIN,
                                                 endpoint->user, endpoint->password),
                      "login failed");
}

/* Without waiting for the answer: it comes before those to what the setup asks. */
static enum exit_code open_channel(struct link *link)
{
    amqp_channel_open_t open_method = {0};
    struct timeval patience = {.tv_sec = REPLY_SECONDS};
    enum exit_code code =
        link_status(link, amqp_set_rpc_timeout(link->connection, &patience), "cannot set a timeout");

    if (code != EXIT_OK)
        return code;
    return link_status(
        link, amqp_send_method(link->connection, LINK_CHANNEL, AMQP_CHANNEL_OPEN_METHOD, &open_method),
        "cannot open a channel");
}

void link_channel_opened(struct link *link)
{
    link->channel_is_open = true;
}

/* If the setup has not met the answer, it is still to come, or the library has put it aside. */
static enum exit_code await_channel(struct link *link)
{
    amqp_rpc_reply_t reply = {.reply_type = AMQP_RESPONSE_SERVER_EXCEPTION};
    enum exit_code code;

    if (link->channel_is_open)
        return EXIT_OK;
    code = link_status(link, await_method(link, LINK_CHANNEL, AMQP_CHANNEL_OPEN_OK_METHOD, &reply.reply),
                       "cannot open a channel");
    if (code != EXIT_OK || reply.reply.id == AMQP_CHANNEL_OPEN_OK_METHOD)
        return code;
    return link_reply(link, reply, "cannot open a channel");
}

static enum exit_code connect_endpoint(struct link *link, const struct endpoint *endpoint)
{
    enum exit_code code;

    link->endpoint = endpoint;
    link->connection = amqp_new_connection();
    if (link->connection == NULL)
        die_no_memory();
    code = open_socket(link);
    if (code == EXIT_OK)
        code = log_in(link);
    if (code == EXIT_OK)
        code = open_channel(link);
    if (code == EXIT_OK)
        code = link->setup(link, link->context);
    if (code == EXIT_OK)
        code = await_channel(link);
    if (code != EXIT_OK)
        disconnect(link);
    return code;
}

enum exit_code link_try(struct link *link)
{
    enum exit_code code = EXIT_UNREACHABLE;
    bool may_come = false;

    if (link->is_leaving)
        (void)link_close(link);
    if (link->connection != NULL)
        return EXIT_OK;
    for (size_t i = 0; i < link->options->endpoint_count; i++) {
        code = connect_endpoint(link, &link->options->endpoints[i]);
        may_come = may_come || code == EXIT_UNREACHABLE;
        if (code == EXIT_OK || stop_requested())
            break;
    }
    if (code != EXIT_OK)
        return may_come ? EXIT_UNREACHABLE : code;
    link->generation++;
    link->up_since_ms = clock_steady_ms();
    link->next_beat_ms = link->up_since_ms + beat_ms(link);
    return EXIT_OK;
}

static void pause_before_retry(struct link *link)
{
    int64_t until = clock_steady_ms() + (int64_t)link->options->retry_delay * 1000;
    int64_t left;

    while (!stop_requested() && (left = until - clock_steady_ms()) > 0)
        link_wait(NULL, -1, (int)left);
}

/* The first failure in a row of count, and then each so many. */
static void report_failure(const struct link *link, int count)
{
    if (count % REPORT_EVERY == 1)
        report("broker '%s' (%s): %s; attempt %d of %d, the next in %d s", link->endpoint->name,
               link->purpose, link->reason, link->failures, link->options->retries,
               link->options->retry_delay);
}

static enum exit_code give_up(const struct link *link)
{
    report("broker '%s' (%s): %s; giving up after %d attempt%s", link->endpoint->name, link->purpose,
           link->reason, link->failures, link->failures == 1 ? "" : "s");
    return EXIT_UNREACHABLE;
}

enum exit_code link_open(struct link *link)
{
    int failed = 0;

    while (!link_is_up(link)) {
        enum exit_code code;

        if (link->final != EXIT_OK)
            return link->final;
        /* Connections that are made and lost at once count, too. */
        if (link->failures >= link->options->retries)
            return give_up(link);
        if (link->failures > 0)
            pause_before_retry(link);
        code = link_try(link);
        if (code == EXIT_OK) {
            if (link->failures > 0)
                report("connected to the broker '%s' (%s)", link->endpoint->name, link->purpose);
            break;
        }
        if (code != EXIT_UNREACHABLE) {
            report("broker '%s' (%s): %s", link->endpoint->name, link->purpose, link->reason);
            return code;
        }
        link->failures++;
        if (stop_requested())
            return EXIT_UNREACHABLE;
        if (link->failures < link->options->retries)
            report_failure(link, ++failed);
    }
    return EXIT_OK;
}

/* ---- reading and waiting ---- */

/* A frame that closes or changes the connection as a whole. False if it is one for the channel. */
static bool take_connection_frame(struct link *link, const amqp_method_t *method)
{
    switch (method->id) {
    case AMQP_CONNECTION_CLOSE_METHOD: {
        const amqp_connection_close_t *m = method->decoded;
        amqp_connection_close_ok_t ok = {0};

        (void)amqp_send_method(link->connection, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &ok);
        lose_closed(link, "connection closed", m->reply_code, m->reply_text);
        return true;
    }
    case AMQP_CHANNEL_CLOSE_METHOD: {
        const amqp_channel_close_t *m = method->decoded;
        amqp_channel_close_ok_t ok = {0};

        (void)amqp_send_method(link->connection, LINK_CHANNEL, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);
        lose_closed(link, "channel closed", m->reply_code, m->reply_text);
        return true;
    }
    case AMQP_BASIC_CANCEL_METHOD:
        (void)link_fault(link, EXIT_UNREACHABLE,
                         "subscription cancelled: the queue was deleted or its node went away");
        link_lose(link);
        return true;
    case AMQP_CONNECTION_BLOCKED_METHOD: {
        const amqp_connection_blocked_t *m = method->decoded;

        report("broker '%s' (%s) takes no messages for now: %s", link->endpoint->name, link->purpose,
               printable(m->reason.bytes, m->reason.len));
        link->blocked = true;
        return true;
    }
    case AMQP_CONNECTION_UNBLOCKED_METHOD:
        report("broker '%s' (%s) takes messages again", link->endpoint->name, link->purpose);
        link->blocked = false;
        return true;
    default:
        return false;
    }
}

static void drop_broken(struct link *link, int status)
{
    (void)link_status(link, status, "cannot read");
    link_lose(link);
}

static void flush(struct link *link)
{
    if (link->connection == NULL || send_unsent(link))
        return;
    (void)link_fault(link, EXIT_UNREACHABLE, "cannot publish: %s", strerror(errno));
    link_lose(link);
}

/* By rabbitmq-c, since what it encrypts must pass through it. */
static void publish_encrypted(struct link *link, const struct frames_message *message)
{
    amqp_pool_t pool;
    void *properties;
    int status;

    init_amqp_pool(&pool, 4096);
    if (amqp_decode_properties(AMQP_BASIC_CLASS, &pool, message->properties, &properties) < 0)
        die(EXIT_BUG, "message properties that cannot be decoded");
    status = amqp_basic_publish(link->connection, LINK_CHANNEL, message->exchange, message->routing_key, 1, 0,
                                properties, message->body);
    empty_amqp_pool(&pool);
    if (link_status(link, status, "cannot publish") != EXIT_OK)
        link_lose(link);
}

void link_publish(struct link *link, const struct frames_message *message)
{
    if (link->endpoint->tls) {
        publish_encrypted(link, message);
        return;
    }
    frames_add(&link->unsent, LINK_CHANNEL, message, (size_t)amqp_get_frame_max(link->connection));
    if (link->unsent.len >= FRAMES_FULL)
        flush(link);
}

enum link_event link_read(struct link *link, amqp_frame_t *frame)
{
    struct timeval at_once = {0};

    stop_cuts(-1);
    flush(link);
    while (link_is_up(link)) {
        int status = amqp_simple_wait_frame_noblock(link->connection, frame, &at_once);

        if (status == AMQP_STATUS_TIMEOUT)
            return LINK_QUIET;
        if (status != AMQP_STATUS_OK)
            drop_broken(link, status);
        else if (frame->frame_type != AMQP_FRAME_METHOD ||
                 !take_connection_frame(link, &frame->payload.method))
            return LINK_FRAME;
    }
    return LINK_DOWN;
}

void link_release(struct link *link)
{
    if (link->connection != NULL)
        amqp_maybe_release_buffers(link->connection);
}

/* A sign of life for a connection that nobody is reading from just now. */
static void beat(struct link *link, int64_t now)
{
    amqp_frame_t heartbeat = {.frame_type = AMQP_FRAME_HEARTBEAT, .channel = 0};
    struct pollfd writable = {.fd = -1, .events = POLLOUT};

    if (!link_is_up(link) || link->blocked || now < link->next_beat_ms)
        return;
    link->next_beat_ms = now + beat_ms(link);
    writable.fd = amqp_get_sockfd(link->connection);
    /* A connection that takes nothing must not hold up the others; that it is lost shows when it is read. */
    if (poll(&writable, 1, 0) == 1 && (writable.revents & POLLOUT) != 0)
        (void)amqp_send_frame(link->connection, &heartbeat);
}

/* Signs of life for all; returns how long until the next ones are due. */
static int keep_alive(void)
{
    int64_t now = clock_steady_ms();
    int until_beat_ms = LINK_HEARTBEAT * 1000 / BEATS;

    for (struct link *each = all_links; each != NULL; each = each->next) {
        beat(each, now);
        if (link_is_up(each) && beat_ms(each) < until_beat_ms)
            until_beat_ms = beat_ms(each);
    }
    return until_beat_ms;
}

void link_wait(struct link *link, int descriptor, int timeout_ms)
{
    int until_beat_ms;
    struct pollfd fds[3] = {
        {.fd = -1, .events = POLLIN}, {.fd = descriptor, .events = POLLIN}, {.fd = -1, .events = POLLIN}};

    stop_cuts(-1);
    for (struct link *each = all_links; each != NULL; each = each->next)
        flush(each);
    /* Its reader may be slow: that comes before it is looked at what there is to wait for. */
    report_flush();
    until_beat_ms = keep_alive();
    if (link != NULL && link_is_up(link))
        fds[0].fd = amqp_get_sockfd(link->connection);
    /* Once a stop is asked for, what is in hand is finished, and waited for, undisturbed. */
    if (!stop_requested())
        fds[2].fd = stop_descriptor();
    if (poll(fds, 3, timeout_ms < 0 || timeout_ms > until_beat_ms ? until_beat_ms : timeout_ms) < 0 &&
        errno != EINTR)
        die(EXIT_BUG, "cannot wait: %s", strerror(errno));
}

bool link_readable(int descriptor)
{
    return wait_is_ready(descriptor, POLLIN);
}
