#define _GNU_SOURCE /* accept4() */
#include "server.h"

#include "listen.h"
#include "metrics.h"
#include "request.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#define POOL ((size_t)32768) /* bytes for the header of a request, and for what it is cut into */
#define ACCEPTS_AT_ONCE 64   /* before those that are there get their turn again */
#define ACCEPT_PAUSE_MS 100  /* after a lack of descriptors or memory */
#define LACK_AGAIN_MS 60000  /* before it is reported again */
/* Bytes of an answer that the system keeps for a client that does not read it. By itself it would
 * keep megabytes. */
#define SEND_BUFFER (128 * 1024)
#define STOPPING_STEP_MS 100
#define FRUITLESS_MAX 64
#define FRUITLESS_MS 20
#define PEM_MAX ((size_t)1 << 20)

static const struct server_settings *settings;
static struct MHD_Daemon *daemon_;
static int epoll = -1; /* of libmicrohttpd's own and the sockets that listen */
static int64_t accept_again_ms;
static int64_t stopping_ms;  /* when server_quiesce() was called */
static unsigned fruitless;   /* rounds that it has asked for, one after the other, without a call */
static int64_t lack_told_ms; /* when a lack of descriptors or memory was reported; 0: never */

/* ---- libmicrohttpd's calls ---- */

/*
 * Beginnings of messages that are not reported: they tell of a client that left or was cut off,
 * which the access log has, or that a Unix socket has no options of TCP.
 */
static const char *const ignored[] = {
    "Application reported internal error",
    "Connection was closed",
    "Connection socket is closed",
    "Socket has been disconnected",
    "Setting TCP_NODELAY option",
    "Setting TCP_CORK option",
    "Failed to push the data",
};

static void log_message(void *context, const char *format, va_list arguments)
{
    char message[512];
    const char *page;

    (void)context;
    (void)vsnprintf(message, sizeof message, format, arguments);
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        if (strncmp(message, ignored[i], strlen(ignored[i])) == 0)
            return;
    /* Without the page in HTML that it answers with. */
    page = strstr(message, " ('<");
    report("libmicrohttpd: %s",
           printable(message, page != NULL ? (size_t)(page - message) : strcspn(message, "\n")));
}

static struct client *client_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info->socket_context;
}

static int socket_of(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

/* An MHD_NotifyConnectionCallback. From 1.0 on, MHD_add_connection() has returned by then. */
static void note_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                            enum MHD_ConnectionNotificationCode code)
{
    (void)context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *socket_context = clients_of_socket(socket_of(connection));
        metrics_connection_opened();
        return;
    }
    clients_remove(*socket_context);
    metrics_connection_closed();
}

/* Called when the first line of a request is there, before it is taken apart. */
static void *begin_request(void *context, const char *target, struct MHD_Connection *connection)
{
    (void)context;
    settings->service->calls++;
    return request_begin(settings->service, client_of(connection), connection, target);
}

/* An MHD_AccessHandlerCallback. url is not decoded: request.h does that, more strictly. */
static enum MHD_Result go_on(void *context, struct MHD_Connection *connection, const char *url,
                             const char *method, const char *version, const char *upload,
                             size_t *upload_size, void **request)
{
    (void)context;
    (void)connection;
    (void)url;
    settings->service->calls++;
    return request_go_on(*request, method, version, upload, upload_size);
}

static size_t leave_encoded(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

static void end_request(void *context, struct MHD_Connection *connection, void **request,
                        enum MHD_RequestTerminationCode code)
{
    (void)context;
    (void)connection;
    (void)code;
    settings->service->calls++;
    if (*request != NULL)
        request_end(*request);
    *request = NULL;
}

/* ---- opening ---- */

/* Returns the contents of a file, to be freed with free(); NULL, reported, if it cannot be read. */
static char *read_pem(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = xcalloc(1, PEM_MAX + 1);
    size_t len = 0;
    ssize_t got = fd < 0 ? -1 : 1;

    while (got > 0 && len < PEM_MAX) {
        got = read(fd, text + len, PEM_MAX - len);
        len += got > 0 ? (size_t)got : 0;
    }
    if (got < 0)
        report_errno("cannot read '%s'", printable_text(path));
    if (fd >= 0)
        (void)close(fd);
    if (got == 0)
        return text;
    free(text);
    return NULL;
}

static void forget_pem(char *text)
{
    volatile char *byte = text;

    for (size_t i = 0; text != NULL && text[i] != '\0'; i++)
        byte[i] = '\0';
    free(text);
}

/* Starts the daemon; with a certificate, for TLS. */
static struct MHD_Daemon *start(char *certificate, char *key)
{
    static char versions[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, versions},
        {MHD_OPTION_END, 0, NULL},
    };
    unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
                     MHD_USE_ERROR_LOG | (certificate == NULL ? 0 : MHD_USE_TLS);

    if (certificate == NULL)
        tls[0].option = MHD_OPTION_END;
    /* The logger comes first, so that it has what the options after it are refused for. */
    return MHD_start_daemon(
        flags, 0, NULL, NULL, go_on, NULL, MHD_OPTION_EXTERNAL_LOGGER, log_message, NULL,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)settings->clients->most + ACCEPTS_AT_ONCE, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        POOL, MHD_OPTION_NOTIFY_CONNECTION, note_connection, NULL, MHD_OPTION_URI_LOG_CALLBACK,
        begin_request, NULL, MHD_OPTION_NOTIFY_COMPLETED, end_request, NULL,
        MHD_OPTION_UNESCAPE_CALLBACK, leave_encoded, NULL, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
}

static enum exit_code start_with_tls(void)
{
    char *certificate = read_pem(settings->certificate);
    char *key = certificate == NULL ? NULL : read_pem(settings->key);

    if (key != NULL)
        daemon_ = start(certificate, key);
    if (key != NULL && daemon_ == NULL)
        report("cannot use the certificate '%s' with the key '%s'",
               printable_text(settings->certificate), printable_text(settings->key));
    free(certificate);
    forget_pem(key);
    return daemon_ == NULL ? EXIT_LOGIN : EXIT_OK;
}

static enum exit_code start_plain(void)
{
    daemon_ = start(NULL, NULL);
    if (daemon_ == NULL)
        report("libmicrohttpd cannot be started");
    return daemon_ == NULL ? EXIT_BUG : EXIT_OK;
}

static void watch(int descriptor)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) != 0)
        die(EXIT_BUG, "cannot wait for clients: %s", strerror(errno));
}

static void watch_sockets(void)
{
    for (size_t i = 0; i < listen_count(); i++)
        watch(listen_descriptor(i));
}

static void unwatch_sockets(void)
{
    for (size_t i = 0; i < listen_count(); i++)
        (void)epoll_ctl(epoll, EPOLL_CTL_DEL, listen_descriptor(i), NULL);
}

enum exit_code server_open(const struct server_settings *given)
{
    enum exit_code code;

    settings = given;
    clients_open(given->clients);
    code = given->certificate != NULL ? start_with_tls() : start_plain();
    if (code != EXIT_OK)
        return code;
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        die(EXIT_BUG, "cannot wait for clients: %s", strerror(errno));
    watch(MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
    watch_sockets();
    return EXIT_OK;
}

void server_watch(int descriptor)
{
    watch(descriptor);
}

int server_descriptor(void)
{
    return epoll;
}

/* ---- accepting ---- */

static void admit(int socket, const struct sockaddr *address, socklen_t len)
{
    int send_buffer = SEND_BUFFER;

    (void)setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
    if (clients_add(socket, address, len) == NULL)
        clients_refuse(socket, address);
    else if (MHD_add_connection(daemon_, socket, address, len) == MHD_NO)
        clients_lose(socket);
}

/* Those that wait are accepted once others have gone, or after a while. */
static void pause_accepting(void)
{
    int64_t now_ms = clock_monotonic_ms();

    if (lack_told_ms == 0 || now_ms - lack_told_ms >= LACK_AGAIN_MS) {
        report_errno("cannot accept a client");
        lack_told_ms = now_ms;
    }
    clients_make_room();
    accept_again_ms = now_ms + ACCEPT_PAUSE_MS;
    unwatch_sockets();
}

/* A socket of both IPv4 and IPv6 gives addresses of IPv4 as ones of IPv6, all of one site. Makes
 * them what they are. */
static void unmap(struct sockaddr_storage *address, socklen_t *len)
{
    const struct sockaddr_in6 *mapped = (const struct sockaddr_in6 *)address;
    struct sockaddr_in plain = {.sin_family = AF_INET};

    if (address->ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&mapped->sin6_addr))
        return;
    plain.sin_port = mapped->sin6_port;
    memcpy(&plain.sin_addr, mapped->sin6_addr.s6_addr + 12, sizeof plain.sin_addr);
    memcpy(address, &plain, sizeof plain);
    *len = sizeof plain;
}

/* Returns whether there may be more to accept. */
static bool accept_one(int descriptor)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    int socket =
        accept4(descriptor, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (socket >= 0) {
        unmap(&address, &len);
        admit(socket, (struct sockaddr *)&address, len);
        return true;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        pause_accepting();
        return false;
    }
    return errno == EINTR || errno == ECONNABORTED;
}

static void accept_some(int descriptor)
{
    for (int i = 0; i < ACCEPTS_AT_ONCE && accept_one(descriptor); i++) {
    }
}

static void accept_all(void)
{
    if (accept_again_ms > clock_monotonic_ms())
        return;
    if (accept_again_ms > 0)
        watch_sockets();
    accept_again_ms = 0;
    for (size_t i = 0; i < listen_count() && accept_again_ms == 0; i++)
        accept_some(listen_descriptor(i));
}

/* ---- running ---- */

int server_sooner(int a_ms, int b_ms)
{
    return b_ms < 0 || (a_ms >= 0 && a_ms < b_ms) ? a_ms : b_ms;
}

/*
 * Runs libmicrohttpd. Returns the milliseconds after which it wants to run again. It wants to at
 * once as long as it cannot go on with a client whose input fills its memory and is not complete,
 * such as a line without an end among chunks: then it runs now and then until the deadline.
 */
static int run(void)
{
    MHD_UNSIGNED_LONG_LONG timeout;
    uint64_t before = settings->service->calls;

    (void)MHD_run(daemon_);
    if (MHD_get_timeout(daemon_, &timeout) == MHD_NO)
        return -1;
    fruitless = timeout == 0 && settings->service->calls == before ? fruitless + 1 : 0;
    if (fruitless > FRUITLESS_MAX)
        return FRUITLESS_MS;
    return timeout > INT32_MAX ? INT32_MAX : (int)timeout;
}

int server_step(void)
{
    int due_ms;

    accept_all();
    due_ms = clients_step();
    due_ms = server_sooner(due_ms, run());
    if (accept_again_ms > 0)
        due_ms = server_sooner(due_ms, ACCEPT_PAUSE_MS);
    if (settings->service->is_stopping) {
        clients_cut_idle();
        due_ms = server_sooner(due_ms, STOPPING_STEP_MS);
    }
    return due_ms;
}

void server_quiesce(void)
{
    accept_all();
    unwatch_sockets();
    listen_close();
    settings->service->is_stopping = true;
    stopping_ms = clock_monotonic_ms();
}

bool server_is_done(void)
{
    return settings->service->is_stopping &&
           (clients_count() == 0 ||
            clock_monotonic_ms() - stopping_ms >= settings->clients->answer_ms);
}

void server_close(void)
{
    if (daemon_ == NULL)
        return;
    clients_give_up();
    (void)MHD_run(daemon_);
    MHD_stop_daemon(daemon_);
    daemon_ = NULL;
    (void)close(epoll);
    clients_close();
}
