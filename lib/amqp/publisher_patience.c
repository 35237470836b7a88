/* publisher_patience: pauses after a nack, and the time that a confirm may take. */
#include "amqp/publisher_private.h"
#include "base/clock.h"
#include "base/report.h"
#include "base/text.h"

#define NACK_MS 50 /* before messages that the broker could not take are published again */
#define NACK_DOUBLES 16
#define NACK_REPORT 60 /* of these attempts, the first, the 61st... are reported */
#define NACK_MOVE 3    /* of these attempts, after which another URL is tried */

int publisher_attempts(const struct publisher *publisher)
{
    return connection_options(publisher->connection)->retries;
}

int64_t publisher_pause_ms(const struct publisher *publisher, int attempt)
{
    int64_t most_ms = (int64_t)connection_options(publisher->connection)->retry_delay * 1000;
    int64_t ms = (int64_t)NACK_MS << (attempt <= NACK_DOUBLES ? attempt - 1 : NACK_DOUBLES);

    return ms < most_ms ? ms : most_ms;
}

static void report_pause(const struct publisher *publisher, const struct destination *destination)
{
    const char *broker = connection_broker(publisher->connection);

    if (publisher->has_given_up)
        report("broker '%s' (publishing) cannot take messages for '%s': a queue is full, or has no "
               "leader; giving up after %d attempt%s",
               broker, printable_text(destination->routing_key), destination->attempts,
               destination->attempts == 1 ? "" : "s");
    else if (destination->attempts % NACK_REPORT == 1)
        report_warning(
            "broker '%s' (publishing) cannot take messages for '%s': a queue is full, or has no "
            "leader; trying again",
            broker, printable_text(destination->routing_key));
}

/* To be called when nothing is in flight. */
static void begin_pause(struct publisher *publisher)
{
    const struct destination *destination = nacks_attempt(&publisher->nacks);

    publisher->resume_ms =
        clock_monotonic_ms() + publisher_pause_ms(publisher, destination->attempts);
    publisher->has_given_up = publisher->settings.nacked == NACKED_GIVES_UP &&
                              !publisher->is_kept &&
                              destination->attempts >= publisher_attempts(publisher);
    connection_wake_at(publisher->connection, publisher->resume_ms);
    window_halve(&publisher->window);
    report_pause(publisher, destination);
    if (destination->attempts % NACK_MOVE == 0 &&
        connection_options(publisher->connection)->endpoint_count > 1) {
        (void)connection_fault(publisher->connection, EXIT_UNREACHABLE,
                               "it could not take messages %d times in a row",
                               destination->attempts);
        connection_lose_useless(publisher->connection);
    }
}

bool publisher_may_resume(struct publisher *publisher)
{
    if (!publisher->some_nacked)
        return true;
    if (window_in_flight(&publisher->window) > 0)
        return false;
    if (publisher->resume_ms == 0)
        begin_pause(publisher);
    if (clock_monotonic_ms() < publisher->resume_ms || !connection_is_up(publisher->connection))
        return false;
    publisher->some_nacked = false;
    publisher->resume_ms = 0;
    return true;
}

/*
 * Returns when the confirm of the oldest message is overdue, by the monotonic clock; 0 for never. A
 * broker that has blocked the connection has not read all that was published.
 */
static int64_t confirm_due_ms(struct publisher *publisher)
{
    const struct slot *oldest = window_oldest_in_flight(&publisher->window);
    int64_t timeout_ms = (int64_t)connection_options(publisher->connection)->confirm_timeout * 1000;

    if (connection_is_blocked(publisher->connection))
        publisher->blocked_ms = clock_monotonic_ms();
    if (oldest == NULL || timeout_ms == 0)
        return 0;
    return timeout_ms +
           (oldest->sent_ms > publisher->blocked_ms ? oldest->sent_ms : publisher->blocked_ms);
}

void publisher_check_confirms(struct publisher *publisher)
{
    int64_t due_ms = confirm_due_ms(publisher);

    if (due_ms != 0 && clock_monotonic_ms() >= due_ms) {
        (void)connection_fault(publisher->connection, EXIT_UNREACHABLE, "no confirm for %d s",
                               connection_options(publisher->connection)->confirm_timeout);
        connection_lose_useless(publisher->connection);
        return;
    }
    connection_wake_at(publisher->connection,
                       publisher->resume_ms != 0 ? publisher->resume_ms : due_ms);
}
