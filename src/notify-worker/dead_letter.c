#include "dead_letter.h"

#include "amqp/topology.h"
#include "base/clock.h"
#include "message/death_publish.h"

#define STUCK_MS INT64_C(60000) /* until a dead letter that is stuck is tried again */

static void put_off(struct notification *notification, const struct publisher *publisher,
                    enum publish_result result)
{
    int attempts = publisher_attempts(publisher);

    notification->is_refused = result != PUBLISH_NOT_TAKEN;
    notification->not_taken += result == PUBLISH_NOT_TAKEN;
    notification->is_stuck = notification->is_refused || notification->not_taken >= attempts;
    notification->due_ms =
        clock_monotonic_ms() + (notification->is_stuck
                                    ? STUCK_MS
                                    : publisher_pause_ms(publisher, notification->not_taken));
}

static void report_put_off(const struct notification *notification, const char *queue,
                           const char *reason)
{
    if (notification->is_refused)
        report("cannot move a message to '%s': %s", DEAD_LETTER_QUEUE, reason);
    else if (notification->is_stuck)
        report("cannot move a message to '%s': %s; it stays in '%s' after %d attempt%s",
               DEAD_LETTER_QUEUE, reason, queue, notification->not_taken,
               notification->not_taken == 1 ? "" : "s");
    else if (notification->not_taken == 1)
        report_warning("cannot move a message to '%s': %s; trying again", DEAD_LETTER_QUEUE,
                       reason);
}

enum exit_code dead_letter_move(struct publisher *publisher, const char *queue,
                                struct notification *notification, const char *reason)
{
    enum publish_result result = PUBLISH_REFUSED;
    enum exit_code code = death_publish(publisher, queue, notification->delivery, reason, &result);

    if (code != EXIT_OK)
        return code;
    if (result != PUBLISH_CONFIRMED) {
        put_off(notification, publisher, result);
        report_put_off(notification, queue, publisher_reason(publisher));
        return EXIT_OK;
    }
    notification->outcome = OUTCOME_DEAD;
    if (notification_is_sound(notification))
        log_event(REPORT_WARNING, notification->order_id, "[notify] moved to %s: %s: %s",
                  DEAD_LETTER_QUEUE, notification->order_id, reason);
    else
        log_event(REPORT_WARNING, NULL, "[notify] moved to %s: %s", DEAD_LETTER_QUEUE, reason);
    return EXIT_OK;
}
