#include "amqp/link.h"

#include "base/clock.h"
#include "amqp/rabbitmq.h"
#include "amqp/reach.h"
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
    int64_t up_since_ms;  /* 0 as long as it is not set up */
    int64_t next_beat_ms;
    bool blocked;
    bool is_leaving;      /* the broker was asked to close the connection */
    bool channel_is_open; /* it has said so */
    bool rights_vary;
    bool expects_refusal;
    unsigned exception; /* link_exception() */
    int send_errno;     /* why nothing more can be sent, or 0; what has arrived is read all the same */
    size_t frame_max;   /* agreed with the broker: the largest frame that it takes */
    int frame_margin;
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
    link->frame_margin = FRAME_MARGIN;
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

/* Between whole frames rabbitmq-c may send its own: all of this goes, or nothing more can be sent. */
static bool send_unsent(struct link *link)
{
    if (link->unsent.len == 0 || link->send_errno != 0)
        return link->send_errno == 0;
    if (!frames_send(&link->unsent, amqp_get_sockfd(link->connection), 2 * LINK_HEARTBEAT * 1000))
        link->send_errno = errno;
    return link->send_errno == 0;
}

static void disconnect(struct link *link)
{
    stop_cuts(-1);
    if (link->connection != NULL)
        (void)amqp_destroy_connection(link->connection);
    link->connection = NULL;
    link->up_since_ms = 0;
    link->blocked = false;
    link->is_leaving = false;
    link->channel_is_open = false;
    link->send_errno = 0;
    frames_forget(&link->unsent);
}

/* The next method on a channel, whatever comes before it. */
static int await_method(struct link *link, amqp_channel_t channel, amqp_method_number_t id,
                        amqp_method_t *method)
{
    amqp_connection_state_t connection = link_connection(link);
    amqp_frame_t frame;
    int status;

    do {
        status = amqp_simple_wait_frame_noblock(connection, &frame, amqp_get_rpc_timeout(connection));
        if (status != AMQP_STATUS_OK)
            return status;
        *method = frame.payload.method;
    } while (frame.frame_type != AMQP_FRAME_METHOD ||
             ((frame.channel != channel || method->id != id) && method->id != AMQP_CONNECTION_CLOSE_METHOD));
    return AMQP_STATUS_OK;
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
    /* What is called with it may wait for the broker: until its outcome is told, or its frames are released. */
    stop_cuts(amqp_get_sockfd(link->connection));
    return link->connection;
}

size_t link_frame_max(const struct link *link)
{
    return link->frame_max;
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

unsigned link_exception(const struct link *link)
{
    return link->exception;
}

bool link_exception_is_doubtful(const struct link *link)
{
    return link->exception == AMQP_INTERNAL_ERROR || link->exception == AMQP_RESOURCE_ERROR;
}

void link_expect_refusal(struct link *link, bool expected)
{
    link->expects_refusal = expected;
}

void link_rights_vary(struct link *link)
{
    link->rights_vary = true;
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

/* The end of a connection that was up; silent if whoever uses the link tells of it. */
static void lose(struct link *link, bool is_silent)
{
    if (link->connection == NULL)
        return;
    /* A failed attempt, which whoever made it counts and tells. */
    if (link->up_since_ms == 0) {
        disconnect(link);
        return;
    }
    if (clock_steady_ms() - link->up_since_ms >= STABLE_MS)
        link->failures = 0;
    else
        link->failures++;
    if (!is_silent)
        report("lost the broker '%s' (%s): %s", link->endpoint->name, link->purpose, link->reason);
    disconnect(link);
}

void link_lose(struct link *link)
{
    lose(link, false);
}

/* The broker ended the connection or the channel. */
static void lose_closed(struct link *link, const char *what, uint16_t code, amqp_bytes_t text)
{
    (void)link_fault(link, EXIT_UNREACHABLE, "%s: %d %s", what, code, printable(text.bytes, text.len));
    if (code_of_reply(code) == EXIT_LOGIN && !link->rights_vary)
        link->final = EXIT_LOGIN;
    else if (code != AMQP_REPLY_SUCCESS && code != AMQP_CONNECTION_FORCED)
        link->exception = code;
    lose(link, link->expects_refusal && link->exception != 0 && !link_exception_is_doubtful(link));
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

/*
 * A broker that adds headers to a message, such as x-death, does not split or refuse what outgrows a frame
 * by that: it sends a larger one. rabbitmq-c would be stuck at it, so it is told of a greater limit than
 * the one agreed upon, which stays the one for what is sent.
 */
static enum exit_code agree_on_frames(struct link *link)
{
    amqp_connection_state_t connection = link->connection;
    int agreed = amqp_get_frame_max(connection);

    link->frame_max = (size_t)(agreed < AMQP_FRAME_MIN_SIZE ? AMQP_FRAME_MIN_SIZE : agreed);
    return link_status(link,
                       amqp_tune_connection(connection, amqp_get_channel_max(connection),
                                            agreed + link->frame_margin, amqp_get_heartbeat(connection)),
                       "cannot set the size of frames");
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
        code = agree_on_frames(link);
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
    link->exception = 0;
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
        (void)link_fault(
            link, EXIT_UNREACHABLE,
            "subscription cancelled: the queue was deleted, its node went away, or from RabbitMQ "
            "4.3 on what was delivered was in hand for too long");
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

/*
 * The fault of what has arrived, rather than of the way it came: it will be the same on the next
 * connection.
 */
static bool is_unreadable(int status)
{
    return status == AMQP_STATUS_BAD_AMQP_DATA || status == AMQP_STATUS_UNKNOWN_CLASS ||
           status == AMQP_STATUS_UNKNOWN_METHOD;
}

/* So there is room for larger frames on the next connection, which this once is no further attempt. */
static void drop_unreadable(struct link *link)
{
    bool widens = link->frame_margin < FRAME_MARGIN_WIDE;

    (void)link_fault(link, EXIT_UNREACHABLE,
                     "the broker sent a frame that cannot be read: malformed, larger than %zu bytes, or "
                     "nested too deep: a message with such headers, most likely%s",
                     link->frame_max + (size_t)link->frame_margin,
                     widens ? "; larger ones are taken from now on" : "");
    link_lose(link);
    if (widens)
        link->failures = 0;
    link->frame_margin = FRAME_MARGIN_WIDE;
}

static void drop_broken(struct link *link, int status)
{
    (void)link_status(link, status, "cannot read");
    link_lose(link);
}

/*
 * If that fails, what the broker has said before, its reason perhaps, is still to be read: link_read() ends
 * it.
 */
static void flush(struct link *link)
{
    if (link->connection != NULL)
        (void)send_unsent(link);
}

static void drop_unsendable(struct link *link)
{
    (void)link_fault(link, EXIT_UNREACHABLE, "cannot publish: %s", strerror(link->send_errno));
    link_lose(link);
}

/* By rabbitmq-c, since what it encrypts must pass through it. */
static int send_encrypted(struct link *link, const struct frames_message *message, void *properties)
{
    amqp_basic_publish_t publish = {
        .exchange = message->exchange, .routing_key = message->routing_key, .mandatory = 1};
    amqp_frame_t header = {.frame_type = AMQP_FRAME_HEADER, .channel = LINK_CHANNEL};
    amqp_frame_t part = {.frame_type = AMQP_FRAME_BODY, .channel = LINK_CHANNEL};
    size_t most = frames_body_most(link->frame_max);
    int status = amqp_send_method(link->connection, LINK_CHANNEL, AMQP_BASIC_PUBLISH_METHOD, &publish);

    header.payload.properties.class_id = AMQP_BASIC_CLASS;
    header.payload.properties.body_size = message->body.len;
    header.payload.properties.decoded = properties;
    if (status == AMQP_STATUS_OK)
        status = amqp_send_frame(link->connection, &header);
    for (size_t at = 0; at < message->body.len && status == AMQP_STATUS_OK; at += most) {
        size_t left = message->body.len - at;

        part.payload.body_fragment.bytes = (char *)message->body.bytes + at;
        part.payload.body_fragment.len = left < most ? left : most;
        status = amqp_send_frame(link->connection, &part);
    }
    return status;
}

static void publish_encrypted(struct link *link, const struct frames_message *message)
{
    amqp_pool_t pool;
    void *properties;
    int status;

    if (link->connection == NULL)
        return;
    init_amqp_pool(&pool, 4096);
    if (amqp_decode_properties(AMQP_BASIC_CLASS, &pool, message->properties, &properties) < 0)
        die(EXIT_BUG, "message properties that cannot be decoded");
    status = send_encrypted(link, message, properties);
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
    frames_add(&link->unsent, LINK_CHANNEL, message, link->frame_max);
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

        if (status != AMQP_STATUS_OK && link->send_errno != 0)
            drop_unsendable(link);
        else if (status == AMQP_STATUS_TIMEOUT)
            return LINK_QUIET;
        else if (is_unreadable(status))
            drop_unreadable(link);
        else if (status != AMQP_STATUS_OK)
            drop_broken(link, status);
        else if (frame->frame_type != AMQP_FRAME_METHOD ||
                 !take_connection_frame(link, &frame->payload.method))
            return LINK_FRAME;
    }
    return LINK_DOWN;
}

void link_release(struct link *link)
{
    stop_cuts(-1);
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
    /* It is to be read, whatever has arrived. */
    if (link != NULL && link->send_errno != 0)
        timeout_ms = 0;
    if (poll(fds, 3, timeout_ms < 0 || timeout_ms > until_beat_ms ? until_beat_ms : timeout_ms) < 0 &&
        errno != EINTR)
        die(EXIT_BUG, "cannot wait: %s", strerror(errno));
}

/* ---- the end of a connection ---- */

/* How long the broker may still take to agree. Once a stop is asked for, less. */
static int64_t close_ms_left(int64_t since_ms)
{
    int64_t seconds = stop_requested() ? HASTE_SECONDS : CLOSE_SECONDS;

    return since_ms + seconds * 1000 - clock_steady_ms();
}

/*
 * Reads until the broker agrees to the end of the connection. Whatever it said before comes first: that it
 * had closed the channel already, and so has thrown away what was sent on it since, although it agrees all
 * the same.
 */
static bool has_left(struct link *link)
{
    int64_t since_ms = clock_steady_ms();
    int64_t left_ms;

    while (link->connection != NULL && !link->blocked && (left_ms = close_ms_left(since_ms)) > 0) {
        struct timeval patience = {.tv_usec = left_ms < 500 ? (suseconds_t)left_ms * 1000 : 500000};
        amqp_frame_t frame;
        int status = amqp_simple_wait_frame_noblock(link->connection, &frame, &patience);

        if (status == AMQP_STATUS_TIMEOUT)
            continue;
        if (is_unreadable(status))
            drop_unreadable(link);
        if (status != AMQP_STATUS_OK)
            return false;
        if (frame.frame_type == AMQP_FRAME_METHOD) {
            if (frame.payload.method.id == AMQP_CONNECTION_CLOSE_OK_METHOD)
                return true;
            (void)take_connection_frame(link, &frame.payload.method);
        }
        link_release(link);
    }
    return false;
}

bool link_close(struct link *link)
{
    bool closed;

    /* A broker that takes no messages reads nothing at all from us, and would not answer. */
    if (!link->is_leaving)
        link_leave(link);
    closed = link->is_leaving && has_left(link);
    disconnect(link);
    return closed;
}
