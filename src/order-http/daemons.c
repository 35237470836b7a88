#include "daemons.h"

#include "metrics.h"
#include "request.h"

#include "base/memory.h"
#include "base/text.h"

#include <fcntl.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POOL ((size_t)32768) /* bytes for the header of a request, and for what it is cut into */
#define ROOM_BESIDES 64 /* connections that libmicrohttpd may have besides those of clients.h */
#define FRUITLESS_MAX 64
#define FRUITLESS_MS 20
#define PEM_MAX ((size_t)1 << 20)

struct daemon {
    struct MHD_Daemon *handle;
    unsigned fruitless;  /* rounds that it has asked for, one after the other, without a call */
    struct daemon *next; /* an older one */
};

static const struct server_settings *settings;
static struct daemon *newest;

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

/* ---- starting ---- */

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
        (unsigned)settings->clients->most + ROOM_BESIDES, MHD_OPTION_CONNECTION_MEMORY_LIMIT, POOL,
        MHD_OPTION_NOTIFY_CONNECTION, note_connection, NULL, MHD_OPTION_URI_LOG_CALLBACK,
        begin_request, NULL, MHD_OPTION_NOTIFY_COMPLETED, end_request, NULL,
        MHD_OPTION_UNESCAPE_CALLBACK, leave_encoded, NULL, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
}

static struct MHD_Daemon *start_with_tls(void)
{
    char *certificate = read_pem(settings->certificate);
    char *key = certificate == NULL ? NULL : read_pem(settings->key);
    struct MHD_Daemon *handle = NULL;

    if (key != NULL)
        handle = start(certificate, key);
    if (key != NULL && handle == NULL)
        report("cannot use the certificate '%s' with the key '%s'",
               printable_text(settings->certificate), printable_text(settings->key));
    free(certificate);
    forget_pem(key);
    return handle;
}

static struct MHD_Daemon *start_plain(void)
{
    struct MHD_Daemon *handle = start(NULL, NULL);

    if (handle == NULL)
        report("libmicrohttpd cannot be started");
    return handle;
}

enum exit_code daemons_start(const struct server_settings *given)
{
    struct daemon *daemon;
    struct MHD_Daemon *handle;

    settings = given;
    handle = given->certificate != NULL ? start_with_tls() : start_plain();
    if (handle == NULL)
        return settings->certificate != NULL ? EXIT_LOGIN : EXIT_BUG;
    daemon = xcalloc(1, sizeof *daemon);
    daemon->handle = handle;
    daemon->next = newest;
    newest = daemon;
    return EXIT_OK;
}

int daemons_descriptor(void)
{
    return MHD_get_daemon_info(newest->handle, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

bool daemons_add(int socket, const struct sockaddr *address, socklen_t len)
{
    return MHD_add_connection(newest->handle, socket, address, len) != MHD_NO;
}

/* ---- running ---- */

/*
 * Runs one. Returns the milliseconds after which it wants to run again. It wants to at once as long
 * as it cannot go on with a client whose input fills its memory and is not complete, such as a line
 * without an end among chunks: then it runs now and then until the deadline.
 */
static int run(struct daemon *daemon)
{
    MHD_UNSIGNED_LONG_LONG timeout;
    uint64_t before = settings->service->calls;

    (void)MHD_run(daemon->handle);
    if (MHD_get_timeout(daemon->handle, &timeout) == MHD_NO)
        return -1;
    daemon->fruitless =
        timeout == 0 && settings->service->calls == before ? daemon->fruitless + 1 : 0;
    if (daemon->fruitless > FRUITLESS_MAX)
        return FRUITLESS_MS;
    return timeout > INT32_MAX ? INT32_MAX : (int)timeout;
}

static bool has_connections(const struct daemon *daemon)
{
    return MHD_get_daemon_info(daemon->handle, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)
               ->num_connections > 0;
}

static void stop(struct daemon **at)
{
    struct daemon *daemon = *at;

    *at = daemon->next;
    MHD_stop_daemon(daemon->handle);
    free(daemon);
}

int daemons_run(void)
{
    int due_ms = -1;
    struct daemon **at = &newest;

    while (*at != NULL) {
        due_ms = server_sooner(due_ms, run(*at));
        if (at != &newest && !has_connections(*at))
            stop(at);
        else
            at = &(*at)->next;
    }
    return due_ms;
}

void daemons_stop(void)
{
    while (newest != NULL)
        stop(&newest);
}
