#define _GNU_SOURCE /* accept4() */
#include "server.h"

#include "daemons.h"
#include "listen.h"

#include "base/clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define ACCEPTS_AT_ONCE 64  /* before those that are there get their turn again */
#define ACCEPT_PAUSE_MS 100 /* after a lack of descriptors or memory */
#define LACK_AGAIN_MS 60000 /* before it is reported again */
/* Bytes of an answer that the system keeps for a client that does not read it. By itself it would
 * keep megabytes. */
#define SEND_BUFFER (128 * 1024)
#define STOPPING_STEP_MS 100

static const struct server_settings *settings;
static int epoll = -1; /* of libmicrohttpd's own and the sockets that listen */
static int64_t accept_again_ms;
static int64_t stopping_ms;  /* when server_quiesce() was called */
static int64_t lack_told_ms; /* when a lack of descriptors or memory was reported; 0: never */

/* ---- opening ---- */

void server_watch(int descriptor)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) != 0)
        die(EXIT_BUG, "cannot wait for clients: %s", strerror(errno));
}

static void watch_sockets(void)
{
    for (size_t i = 0; i < listen_count(); i++)
        server_watch(listen_descriptor(i));
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
    code = daemons_start(given);
    if (code != EXIT_OK)
        return code;
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        die(EXIT_BUG, "cannot wait for clients: %s", strerror(errno));
    server_watch(daemons_descriptor());
    watch_sockets();
    return EXIT_OK;
}

enum exit_code server_renew(void)
{
    enum exit_code code = settings->certificate != NULL ? daemons_start(settings) : EXIT_OK;

    if (code == EXIT_OK && settings->certificate != NULL)
        server_watch(daemons_descriptor());
    return code;
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
    else if (!daemons_add(socket, address, len))
        clients_lose(socket);
}

/* Those that wait are accepted once others have gone, or after a while. */
static void pause_accepting(void)
{
    int64_t now_ms = clock_monotonic_ms();

    if (lack_told_ms == 0 || now_ms - lack_told_ms >= LACK_AGAIN_MS) {
        report_warning("cannot accept a client: %s", strerror(errno));
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

int server_step(void)
{
    int due_ms;

    accept_all();
    due_ms = clients_step();
    due_ms = server_sooner(due_ms, daemons_run());
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
    if (epoll < 0)
        return;
    clients_give_up();
    (void)daemons_run();
    daemons_stop();
    (void)close(epoll);
    epoll = -1;
    clients_close();
}
