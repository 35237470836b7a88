/* connection_wait: heartbeats for all connections, and the wait for something to happen. */
#include "amqp/connection_private.h"
#include "base/clock.h"
#include "base/report.h"
#include "base/stop.h"
#include "base/supervisor.h"
#include "base/wait.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#define BEATS 3 /* heartbeats sent in each interval that was agreed */

static struct connection *all_connections;
static _Thread_local void (*errand_of_all)(void); /* an attempt in a thread has none */

/* The broker may ask for a shorter interval than ours, or, with 0, for no heartbeats at all. */
static int beat_ms(const struct connection *connection)
{
    int seconds = amqp_get_heartbeat(connection->state);

    return (seconds > 0 ? seconds : CONNECTION_HEARTBEAT) * 1000 / BEATS;
}

void connection_schedule_beat(struct connection *connection, int64_t now_ms)
{
    connection->next_beat_ms = now_ms + beat_ms(connection);
}

static void beat(struct connection *connection, int64_t now_ms)
{
    amqp_frame_t heartbeat = {.frame_type = AMQP_FRAME_HEARTBEAT, .channel = 0};

    if (!connection_is_up(connection) || connection->is_blocked ||
        now_ms < connection->next_beat_ms)
        return;
    /* Half a frame may have been sent, and the rest is to follow. */
    if (connection->is_kept && connection->unsent.len > 0)
        return;
    connection_schedule_beat(connection, now_ms);
    /* One that takes nothing must not hold up the others; reading it shows that it is lost. */
    if (wait_is_ready(amqp_get_sockfd(connection->state), POLLOUT))
        (void)amqp_send_frame(connection->state, &heartbeat);
}

/* A wait_keeper. */
static int keep_alive(void)
{
    int64_t now_ms = clock_monotonic_ms();
    int until_beat_ms = CONNECTION_HEARTBEAT * 1000 / BEATS;

    for (struct connection *each = all_connections; each != NULL; each = each->next) {
        beat(each, now_ms);
        if (connection_is_up(each) && beat_ms(each) < until_beat_ms)
            until_beat_ms = beat_ms(each);
    }
    return until_beat_ms;
}

void connection_register(struct connection *connection)
{
    connection->next = all_connections;
    all_connections = connection;
    wait_keep(keep_alive);
}

void connection_unregister(struct connection *connection)
{
    struct connection **at = &all_connections;

    while (*at != connection)
        at = &(*at)->next;
    *at = connection->next;
}

/* Returns the connection that says most about all of them: one that is missed, blocked or up. */
static const struct connection *most_telling(void)
{
    const struct connection *most = NULL;

    for (const struct connection *each = all_connections; each != NULL; each = each->next) {
        bool is_up = connection_is_up(each);

        if (each->is_missed)
            return each;
        if (is_up && (most == NULL || each->is_blocked))
            most = each;
    }
    return most;
}

void connection_tell_supervisor(void)
{
    const struct connection *connection = most_telling();

    if (connection == NULL)
        return;
    if (connection->is_missed)
        supervisor_status(SUPERVISOR_BROKER, "waiting for the broker '%s' (%s): %s",
                          connection->endpoint->name, connection->purpose, connection->reason);
    else if (connection->is_blocked)
        supervisor_status(SUPERVISOR_BROKER, "blocked by the broker '%s': it takes no messages",
                          connection->endpoint->name);
    else
        supervisor_status(SUPERVISOR_BROKER, "connected to the broker '%s'",
                          connection->endpoint->name);
}

static int sooner(int timeout_ms, int64_t left_ms)
{
    if (left_ms >= timeout_ms)
        return timeout_ms;
    return left_ms < 0 ? 0 : (int)left_ms;
}

void connection_wake_at(struct connection *connection, int64_t at_ms)
{
    connection->wake_ms = at_ms;
}

/* Names what to wait for on the connection. Returns timeout_ms, or the time after which there is
 * something to do sooner. */
static int watch(const struct connection *connection, struct pollfd *fd, int timeout_ms)
{
    if (connection->attempt != NULL) {
        fd->fd = connection->bell[0];
        return timeout_ms;
    }
    if (connection_is_up(connection)) {
        fd->fd = amqp_get_sockfd(connection->state);
        if (connection->unsent.len > 0)
            fd->events |= POLLOUT;
        if (connection->wake_ms != 0)
            timeout_ms = sooner(timeout_ms, connection->wake_ms - clock_monotonic_ms());
        /* connection_read() is to find out why sending failed. */
        return connection->send_errno != 0 ? 0 : timeout_ms;
    }
    if (!connection->is_kept || stop_requested())
        return timeout_ms;
    return sooner(timeout_ms, connection_attempt_in_ms(connection));
}

void connection_on_wait(void (*errand)(void))
{
    errand_of_all = errand;
}

void connection_wait(struct connection *connection, int descriptor, int timeout_ms)
{
    int until_beat_ms, until_chore_ms;
    struct pollfd fds[3] = {{.fd = -1, .events = POLLIN},
                            {.fd = descriptor, .events = POLLIN},
                            {.fd = -1, .events = POLLIN}};

    stop_cuts(-1);
    for (struct connection *each = all_connections; each != NULL; each = each->next)
        (void)connection_flush(each);
    if (errand_of_all != NULL)
        errand_of_all();
    /* Before the state is examined, which may change while a slow reader of the log is awaited. */
    report_flush();
    until_beat_ms = keep_alive();
    until_chore_ms = wait_chore();
    if (until_chore_ms >= 0 && until_chore_ms < until_beat_ms)
        until_beat_ms = until_chore_ms;
    /* After a stop the caller finishes what it has in hand, and still waits for that. */
    if (!stop_requested())
        fds[2].fd = stop_descriptor();
    if (timeout_ms < 0 || timeout_ms > until_beat_ms)
        timeout_ms = until_beat_ms;
    if (connection != NULL)
        timeout_ms = watch(connection, &fds[0], timeout_ms);
    timeout_ms = supervisor_sooner(timeout_ms);
    if (poll(fds, 3, timeout_ms) < 0 && errno != EINTR)
        die(EXIT_BUG, "cannot wait: %s", strerror(errno));
    supervisor_heed_stop();
}

/* Of a connection that a thread is opening, what is known from before. */
static struct connection_history history_of(struct connection *connection)
{
    struct connection_history history = {.purpose = connection->purpose,
                                         .is_up = connection_is_up(connection),
                                         .blocked_ms = connection->blocked_ms};

    if (connection->attempt == NULL) {
        connection->seen_generation = connection->generation;
        history.is_blocked = connection->is_blocked;
    }
    if (history.is_blocked)
        history.blocked_ms += clock_monotonic_ms() - connection->blocked_since_ms;
    if (connection->seen_generation > 0)
        history.reopened = connection->seen_generation - 1;
    return history;
}

void connection_each(void (*visit)(void *context, const struct connection_history *history),
                     void *context)
{
    for (struct connection *each = all_connections; each != NULL; each = each->next) {
        const struct connection_history history = history_of(each);

        visit(context, &history);
    }
}
