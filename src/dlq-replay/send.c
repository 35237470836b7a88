#include "send.h"

#include "amqp/connection.h"
#include "amqp/publisher.h"
#include "base/clock.h"
#include "base/stop.h"
#include "base/text.h"
#include "message/death.h"

#include <stdint.h>

#define LATE_MS 100 /* a letter may be so late before the count starts anew */

static amqp_basic_properties_t properties_to_send(struct decision *decision,
                                                  const struct replay_rules *rules)
{
    const struct dead_letter *letter = &decision->letter;
    struct death home;

    switch (decision->fate.kind) {
    case FATE_PARKED:
        dead_letter_home(letter, rules->queue, &home);
        return death_parked(decision->properties, decision->fate.reason,
                            letter->history.has_death ? NULL : &home, &decision->pool);
    case FATE_RESTORED:
        return death_restored(decision->properties, rules->user, &decision->pool);
    default:
        if (rules->to_queue == NULL)
            return death_revived(decision->properties, rules->run, &decision->pool);
        dead_letter_home(letter, rules->queue, &home);
        return death_diverted(decision->properties, &home, rules->run, &decision->pool);
    }
}

/* cookie as in publisher_send(). */
static enum exit_code publish(struct batch *batch, struct decision *decision, uint64_t cookie)
{
    amqp_basic_properties_t properties = properties_to_send(decision, batch->settings.rules);
    struct message message = {.exchange = decision->fate.exchange,
                              .routing_key = decision->fate.routing_key,
                              .properties = &properties,
                              .body = decision->body};

    send_spans_add_again(&batch->spans, &message, &properties, cookie);
    return publisher_send(batch->settings.publisher, &message, cookie);
}

/* Takes the next result. Returns false if there is none. */
static bool take_result(struct batch *batch, uint64_t *cookie, enum publish_result *result)
{
    struct publisher *publisher = batch->settings.publisher;

    if (!publisher_next(publisher, cookie, result))
        return false;
    send_spans_take(&batch->spans, publisher, *cookie, *result);
    return true;
}

static void forget(struct batch *batch)
{
    publisher_forget(batch->settings.publisher);
    send_spans_forget(&batch->spans);
}

bool send_alone(struct batch *batch, struct decision *decision)
{
    struct publisher *publisher = batch->settings.publisher;
    enum publish_result result = PUBLISH_REFUSED;
    uint64_t cookie;

    if (publish(batch, decision, 0) == EXIT_OK && publisher_wait_all(publisher) == EXIT_OK)
        (void)take_result(batch, &cookie, &result);
    forget(batch);
    return result == PUBLISH_CONFIRMED;
}

static void take_results(struct batch *batch)
{
    struct publisher *publisher = batch->settings.publisher;
    uint64_t index;
    enum publish_result result;

    while (take_result(batch, &index, &result)) {
        struct decision *decision = &batch->decisions[index];

        decision->is_pending = false;
        if (result == PUBLISH_NOT_TAKEN)
            decision_postpone(decision, publisher_reason(publisher));
        else if (result != PUBLISH_CONFIRMED)
            decision_fail(decision, FATE_REFUSED,
                          result == PUBLISH_UNROUTABLE ? "no queue takes it there"
                                                       : publisher_reason(publisher));
    }
}

/* Waits until the next letter is due, or a stop is asked for; keeps all connections alive. A letter
 * that is late does not make the next ones come faster. */
static void keep_to_rate(struct batch *batch)
{
    int64_t now = clock_monotonic_ms();
    int64_t due = batch->paced_ms + batch->paced * 1000 / batch->settings.rate;

    if (now - due > LATE_MS) {
        batch->paced_ms = now;
        batch->paced = 0;
    }
    batch->paced++;
    while (now < due && !stop_requested()) {
        connection_wait(NULL, -1, (int)(due - now));
        now = clock_monotonic_ms();
    }
}

static enum exit_code send(struct batch *batch, size_t index)
{
    struct decision *decision = &batch->decisions[index];
    struct publisher *publisher = batch->settings.publisher;
    enum exit_code code = EXIT_OK;

    if (batch->settings.rate > 0)
        keep_to_rate(batch);
    while (code == EXIT_OK && !publisher_has_room(publisher)) {
        code = publisher_wait(publisher);
        take_results(batch);
    }
    if (code == EXIT_OK)
        code = publish(batch, decision, index);
    decision->is_pending = code == EXIT_OK;
    return code;
}

void send_not_from(struct batch *batch, size_t index, const char *reason)
{
    for (size_t i = index; i < batch->end; i++)
        if (batch->decisions[i].is_sent)
            decision_set(&batch->decisions[i], FATE_LEFT, reason);
}

static void leave_pending(struct batch *batch)
{
    for (size_t i = batch->first; i < batch->end; i++)
        if (batch->decisions[i].is_pending)
            decision_set(&batch->decisions[i], FATE_LEFT,
                         "the broker did not confirm it, but may have it all the same");
    forget(batch);
}

static void report_handled(struct decision *decision)
{
    if (decision->fate.handled != NULL)
        report("order %s is %s already: the worker will ignore it",
               printable_text(dead_letter_check(&decision->letter)->order_id),
               decision->fate.handled);
}

enum exit_code send_part(struct batch *batch, bool heeds_stop)
{
    bool dry_run = batch->settings.rules->dry_run;
    enum exit_code code = EXIT_OK;
    enum exit_code settled = EXIT_OK;
    size_t i;

    for (i = batch->first; i < batch->end && !(heeds_stop && stop_requested()); i++) {
        report_handled(&batch->decisions[i]);
        if (batch->decisions[i].is_sent && !dry_run)
            code = send(batch, i);
        if (code != EXIT_OK)
            break;
    }
    send_not_from(batch, i, code == EXIT_OK ? "asked to stop" : "the broker cannot be reached");
    if (code == EXIT_OK && !dry_run)
        settled = publisher_wait_all(batch->settings.publisher);
    take_results(batch);
    leave_pending(batch);
    return code == EXIT_OK ? settled : code;
}
