#include "base/supervisor.h"

#include "base/clock.h"
#include "base/program.h"
#include "base/stop.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define STATUS_SIZE 512

static _Thread_local bool speaks;
static int channel = -1;
static struct sockaddr_un address;
static socklen_t address_len;
static bool is_ready;
static bool is_stopping;
static bool has_failed;
static char statuses[2][STATUS_SIZE]; /* by enum supervisor_part */
static int64_t feed_every_ms;         /* 0: there is no watchdog */
static int64_t feed_at_ms;            /* monotonic clock */

/* ---- sending ---- */

/* A name that begins with "@" is of the abstract namespace, where "@" stands for a NUL. */
static bool read_address(const char *name)
{
    size_t len = strlen(name);

    if ((name[0] != '/' && name[0] != '@') || name[1] == '\0' || len >= sizeof address.sun_path)
        return false;
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, name, len);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (name[0] == '/'));
    return true;
}

static bool open_channel(void)
{
    const struct timeval patience = {.tv_sec = 1};

    channel = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return channel >= 0 &&
           setsockopt(channel, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0;
}

static void complain(const char *reason)
{
    if (!has_failed)
        report_warning("cannot tell the service manager anything: %s", reason);
    has_failed = true;
}

static void tell(const char *text)
{
    if (!speaks)
        return;
    if (sendto(channel, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&address,
               address_len) < 0)
        complain(strerror(errno));
}

/* ---- opening ---- */

/* Returns the value of a variable as a number, or 0 if it is none. */
static int64_t number_of(const char *name)
{
    const char *text = getenv(name);
    int64_t number = 0;

    return text != NULL && sscanf(text, "%" SCNd64, &number) == 1 && number > 0 ? number : 0;
}

static void read_watchdog(void)
{
    int64_t pid = number_of("WATCHDOG_PID");

    if (pid == 0 || pid == (int64_t)getpid())
        feed_every_ms = number_of("WATCHDOG_USEC") / 2000;
}

static void tell_end(void)
{
    if (!is_stopping)
        tell("STOPPING=1");
    is_stopping = true;
}

void supervisor_open(void)
{
    const char *name = getenv("NOTIFY_SOCKET");
    bool is_known = name != NULL && read_address(name);

    read_watchdog();
    if (name != NULL && *name != '\0' && !is_known)
        complain("NOTIFY_SOCKET is not the name of a socket");
    else if (is_known && !open_channel())
        complain(strerror(errno));
    else
        speaks = is_known;
    (void)unsetenv("NOTIFY_SOCKET");
    (void)unsetenv("WATCHDOG_USEC");
    (void)unsetenv("WATCHDOG_PID");
    if (speaks)
        program_at_end(tell_end);
}

bool supervisor_is_there(void)
{
    return speaks;
}

/* ---- what is told ---- */

void supervisor_ready(void)
{
    if (!speaks || is_ready)
        return;
    is_ready = true;
    tell("READY=1");
}

static void drop_controls(char *text)
{
    char *to = text;

    for (; *text != '\0'; text++)
        if ((unsigned char)*text >= ' ')
            *to++ = *text;
    *to = '\0';
}

void supervisor_status(enum supervisor_part part, const char *format, ...)
{
    const char *store = statuses[SUPERVISOR_STORE];
    const char *broker = statuses[SUPERVISOR_BROKER];
    char status[STATUS_SIZE];
    char text[2 * STATUS_SIZE + sizeof "STATUS=; "];
    va_list arguments;

    if (!speaks)
        return;
    va_start(arguments, format);
    (void)vsnprintf(status, sizeof status, format, arguments);
    va_end(arguments);
    drop_controls(status);
    if (strcmp(status, statuses[part]) == 0)
        return;
    memcpy(statuses[part], status, sizeof status);
    (void)snprintf(text, sizeof text, "STATUS=%s%s%s", store,
                   *store != '\0' && *broker != '\0' ? "; " : "", broker);
    tell(text);
}

void supervisor_progress(void)
{
    int64_t now_ms;

    if (!speaks || feed_every_ms == 0)
        return;
    now_ms = clock_monotonic_ms();
    if (now_ms < feed_at_ms)
        return;
    feed_at_ms = now_ms + feed_every_ms;
    tell("WATCHDOG=1");
}

int supervisor_sooner(int timeout_ms)
{
    int64_t left_ms;

    if (!speaks || feed_every_ms == 0)
        return timeout_ms;
    left_ms = feed_at_ms - clock_monotonic_ms();
    return left_ms > 0 && (timeout_ms < 0 || left_ms < timeout_ms) ? (int)left_ms : timeout_ms;
}

void supervisor_heed_stop(void)
{
    if (speaks && !is_stopping && stop_requested())
        tell_end();
}

void supervisor_reloading(void)
{
    char text[64];

    (void)snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_monotonic_us());
    tell(text);
}

void supervisor_reloaded(void)
{
    tell("READY=1");
}
