#include "reach.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

/* The outcome of a connect() that was under way. */
static int connect_error(int fd, int timeout_ms)
{
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t size = sizeof error;

    if (poll(&ready, 1, timeout_ms) <= 0)
        return ETIMEDOUT;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

static int try_address(const struct addrinfo *address, int timeout_ms)
{
    int fd = socket(address->ai_family, address->ai_socktype, address->ai_protocol);
    int error = 0;

    if (fd < 0)
        return errno;
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        error = errno;
    else if (connect(fd, address->ai_addr, address->ai_addrlen) != 0)
        error = errno == EINPROGRESS ? connect_error(fd, timeout_ms) : errno;
    (void)close(fd);
    return error;
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
