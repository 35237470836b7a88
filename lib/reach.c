#include "reach.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

int reach_finish(int fd, int timeout_ms)
{
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t size = sizeof error;

    if (poll(&ready, 1, timeout_ms) <= 0)
        return ETIMEDOUT;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

/* A connection that is under way, or made. -1, with errno, if it has failed already. */
static int begin(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, address->ai_socktype, address->ai_protocol);
    int error;

    if (fd < 0)
        return -1;
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0 &&
        (connect(fd, address->ai_addr, address->ai_addrlen) == 0 || errno == EINPROGRESS))
        return fd;
    error = errno;
    (void)close(fd);
    errno = error;
    return -1;
}

static int try_address(const struct addrinfo *address, int timeout_ms)
{
    int fd = begin(address);
    int error;

    if (fd < 0)
        return errno;
    error = reach_finish(fd, timeout_ms);
    (void)close(fd);
    return error;
}

/* As rabbitmq-c has it: frames are not to wait for company, and a peer that is gone is to be noticed. */
static bool set_options(int fd)
{
    const int yes = 1;

    return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes) == 0;
}

int reach_begin(const char *host, int port)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses;
    char service[16];
    int fd;

    if (strcmp(host, "localhost") != 0)
        hints.ai_flags = AI_NUMERICHOST;
    (void)snprintf(service, sizeof service, "%d", port);
    if (getaddrinfo(host, service, &hints, &addresses) != 0)
        return -1;
    fd = begin(addresses);
    freeaddrinfo(addresses);
    if (fd >= 0 && !set_options(fd)) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

const char *reach_reason(const char *host, int port, int timeout_ms)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses;
    char service[16];
    int result;
    int error = 0;

    (void)snprintf(service, sizeof service, "%d", port);
    result = getaddrinfo(host, service, &hints, &addresses);
    if (result != 0)
        return gai_strerror(result);
    for (const struct addrinfo *each = addresses; each != NULL; each = each->ai_next) {
        error = try_address(each, timeout_ms);
        if (error == 0)
            break;
    }
    freeaddrinfo(addresses);
    return error == 0 ? "the connection failed, but would succeed now" : strerror(error);
}
