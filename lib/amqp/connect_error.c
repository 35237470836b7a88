#include "amqp/connect_error.h"

#include "amqp/tcp_connect.h"
#include "base/background.h"
#include "base/memory.h"
#include "base/pipe.h"
#include "base/stop.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
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

const char *connect_error_of(const char *host, int port, int timeout_ms)
{
    const char *reason;
    int fd = tcp_connect(host, port, 0, timeout_ms, &reason);

    if (fd < 0)
        return reason;
    (void)close(fd);
    return "the connection failed, but would succeed now";
}
