#include "amqp/tcp_connect.h"

#include "base/clock.h"
#include "base/stop.h"
#include "base/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Waits for the end of a connect(). Returns 0, or its errno. */
static int connect_error(int fd, int timeout_ms)
{
    int64_t until_ms = clock_monotonic_ms() + timeout_ms;
    int64_t left_ms = timeout_ms;
    int error = 0;
    socklen_t size = sizeof error;

    while (!wait_is_ready(fd, POLLOUT)) {
        if (left_ms <= 0)
            return ETIMEDOUT;
        wait_for(fd, POLLOUT, (int)left_ms, false);
        left_ms = until_ms - clock_monotonic_ms();
    }
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

static bool prepare(int fd)
{
    int one = 1;

    return fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0 &&
           setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one) == 0;
}

/* Returns a socket, or -1 with the reason in *error, an errno. */
static int try_address(const struct addrinfo *address, int timeout_ms, int *error)
{
    int fd = socket(address->ai_family, address->ai_socktype, address->ai_protocol);

    *error = 0;
    if (fd < 0 || !prepare(fd))
        *error = errno;
    else if (connect(fd, address->ai_addr, address->ai_addrlen) != 0)
        *error = errno == EINPROGRESS ? connect_error(fd, timeout_ms) : errno;
    if (*error == 0)
        return fd;
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

static const struct addrinfo *address_of_number(const struct addrinfo *addresses, size_t number)
{
    const struct addrinfo *each = addresses;

    while (number-- > 0)
        each = each->ai_next == NULL ? addresses : each->ai_next;
    return each;
}

int tcp_connect(const char *host, int port, size_t first, int timeout_ms, const char **reason)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses;
    size_t count = 0;
    char service[16];
    int result;
    int error = 0;
    int fd = -1;

    (void)snprintf(service, sizeof service, "%d", port);
    result = getaddrinfo(host, service, &hints, &addresses);
    if (result != 0) {
        *reason = gai_strerror(result);
        return -1;
    }
    for (const struct addrinfo *each = addresses; each != NULL; each = each->ai_next)
        count++;
    for (size_t i = 0; i < count && fd < 0 && (i == 0 || !stop_requested()); i++)
        fd = try_address(address_of_number(addresses, (first + i) % count), timeout_ms, &error);
    freeaddrinfo(addresses);
    *reason = strerror(error);
    return fd;
}
