#include "amqp/connect_error.h"

#include "base/background.h"
#include "base/memory.h"
#include "base/pipe.h"
#include "base/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- looking up ---- */

struct lookup {
    int answer; /* a pipe, to which the result of getaddrinfo() is written */
    char host[];
};

static int look_up(const char *host, int flags)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
    struct addrinfo *addresses;
    int result = getaddrinfo(host, NULL, &hints, &addresses);

    if (result == 0)
        freeaddrinfo(addresses);
    return result;
}

static void *look_up_aside(void *context)
{
    struct lookup *lookup = context;
    int result = look_up(lookup->host, 0);

    /* It fails if the program has stopped waiting. */
    if (write(lookup->answer, &result, sizeof result) < 0)
        result = 0;
    (void)close(lookup->answer);
    free(lookup);
    return NULL;
}

/* Looks up in a thread: no signal interrupts getaddrinfo(). Returns false if there can be none. */
static bool start_lookup(const char *host, int answer)
{
    struct lookup *lookup = xcalloc(1, sizeof *lookup + strlen(host) + 1);

    memcpy(lookup->host, host, strlen(host));
    lookup->answer = answer;
    if (background_detach(look_up_aside, lookup))
        return true;
    free(lookup);
    return false;
}

const char *connect_error_of_lookup(const char *host)
{
    int ends[2];
    int result = 0;
    bool known;

    if (strcmp(host, "localhost") == 0 || look_up(host, AI_NUMERICHOST) == 0)
        return NULL;
    if (!pipe_make(ends))
        return strerror(errno);
    if (!start_lookup(host, ends[1])) {
        (void)close(ends[0]);
        (void)close(ends[1]);
        return "no room for a thread";
    }
    stop_or_readable(ends[0]);
    known = !stop_requested();
    if (known && read(ends[0], &result, sizeof result) != sizeof result)
        result = EAI_FAIL;
    (void)close(ends[0]);
    if (!known)
        return "asked to stop";
    return result == 0 ? NULL : gai_strerror(result);
}

/* ---- connecting ---- */

/* Waits for the end of a connect(). Returns 0, or its errno. */
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

const char *connect_error_of(const char *host, int port, int timeout_ms)
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
