#include "lingering.h"

#include "base/clock.h"

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINGERING_MAX 32
#define SILENT_MS 2000 /* without a byte */
#define MOST_MS 30000
#define DRAINS_AT_ONCE 16

static struct {
    int socket;
    int64_t since_ms;
    int64_t heard_ms; /* when the last byte came */
} lingering[LINGERING_MAX];
static size_t count;

/* Reads and drops what has arrived, or much of it, and sets *any if there was something. Returns
 * whether more may come. */
static bool drain(int socket, bool *any)
{
    char dropped[16384];
    ssize_t got = 1;

    for (int i = 0; i < DRAINS_AT_ONCE && got > 0; i++) {
        got = recv(socket, dropped, sizeof dropped, MSG_DONTWAIT);
        *any = *any || got > 0;
    }
    return got > 0 || (got < 0 && errno == EAGAIN);
}

/* The others stay in their order. */
static void end(size_t index)
{
    (void)close(lingering[index].socket);
    count--;
    for (size_t i = index; i < count; i++)
        lingering[i] = lingering[i + 1];
}

void lingering_add(int socket)
{
    int64_t now_ms = clock_monotonic_ms();

    if (socket < 0)
        return;
    if (count == LINGERING_MAX)
        end(0);
    lingering[count].socket = socket;
    lingering[count].since_ms = lingering[count].heard_ms = now_ms;
    count++;
}

bool lingering_is_any(void)
{
    return count > 0;
}

void lingering_step(int64_t now_ms)
{
    for (size_t i = count; i-- > 0;) {
        bool any = false;
        bool may_come = drain(lingering[i].socket, &any);

        if (any)
            lingering[i].heard_ms = now_ms;
        if (!may_come || now_ms - lingering[i].heard_ms >= SILENT_MS ||
            now_ms - lingering[i].since_ms >= MOST_MS)
            end(i);
    }
}

void lingering_close(void)
{
    while (count > 0)
        end(count - 1);
}
