#include "park.h"

#include "send.h"
#include "snapshot.h"

#include "amqp/connection.h"
#include "amqp/queue.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* Bytes that the reason for parking takes, in front of the reason for staying. */
#define PREFIX_ROOM 100

static bool parks_letters(const struct replay_rules *rules)
{
    return rules->parks && strcmp(rules->queue, rules->parking) != 0;
}

static enum exit_code need_queue(struct replay_rules *rules)
{
    while (!rules->parking_is_there) {
        enum exit_code code = connection_open(rules->looking);

        if (code != EXIT_OK)
            return code;
        code = queue_ensure(rules->looking, rules->parking);
        if (code != EXIT_OK && code != EXIT_UNREACHABLE)
            return code;
        rules->parking_is_there = code == EXIT_OK;
    }
    return EXIT_OK;
}

static void decide_to_park(struct decision *decision, const struct replay_rules *rules,
                           const char *reason)
{
    decision_set(decision, FATE_PARKED, reason);
    decision_set_target(decision, "", rules->parking);
}

/* Decides to park with a reason that ends with what the worker says to the letter. */
static enum exit_code park_for(struct decision *decision, struct replay_rules *rules,
                               const char *why)
{
    const char *error = dead_letter_check(&decision->letter)->error;
    char reason[sizeof decision->fate.reason];

    (void)snprintf(reason, sizeof reason, "%s%s%s", why, error == NULL ? "" : ": ",
                   error == NULL ? "" : error);
    if (!parks_letters(rules)) {
        decision_set(decision, FATE_LEFT, reason);
        decision->is_sent_enough = true;
        return EXIT_OK;
    }
    decide_to_park(decision, rules, reason);
    return rules->dry_run ? EXIT_OK : need_queue(rules);
}

enum exit_code park_replayed(struct decision *decision, struct replay_rules *rules)
{
    char why[64];

    (void)snprintf(why, sizeof why, "sent back %ld times already",
                   (long)decision->letter.history.replays);
    return park_for(decision, rules, why);
}

enum exit_code park_asked(struct decision *decision, struct replay_rules *rules)
{
    return park_for(decision, rules, "parked on request");
}

static bool is_spent(const struct decision *decision, const struct replay_rules *rules)
{
    int64_t returns = decision->letter.history.returns;

    return rules->delivery_limit >= 0 && (returns < 0 ? 0 : returns) >= rules->delivery_limit;
}

/* Returns false if that is not possible; the decision is changed all the same. */
static bool park_as_it_is(struct batch *batch, struct decision *decision)
{
    struct replay_rules *rules = batch->settings.rules;
    char reason[sizeof decision->fate.reason];

    if (rules->only_looks || !decision->letter.is_readable || !parks_letters(rules))
        return false;
    (void)snprintf(reason, sizeof reason,
                   "came back as often as the delivery limit of %ld allows%s%.*s",
                   rules->delivery_limit, *decision->fate.reason == '\0' ? "" : ": ",
                   (int)sizeof reason - PREFIX_ROOM, decision->fate.reason);
    decision->properties = decision->letter.properties;
    decision->body = decision->letter.delivery->body;
    decide_to_park(decision, rules, reason);
    return need_queue(rules) == EXIT_OK && send_alone(batch, decision);
}

bool park_if_spent(struct batch *batch, struct decision *decision)
{
    const amqp_basic_properties_t *properties = decision->properties;
    amqp_bytes_t body = decision->body;
    bool is_sent = decision->is_sent;
    struct fate fate;

    if (!is_spent(decision, batch->settings.rules) ||
        snapshot_is_lost(batch->settings.snapshot, decision->letter.delivery))
        return false;
    fate = decision->fate;
    if (park_as_it_is(batch, decision)) {
        batch->parked++;
        return true;
    }
    batch->spent++;
    decision->fate = fate;
    decision->is_sent = is_sent;
    decision->properties = properties;
    decision->body = body;
    return false;
}

void park_report(const struct batch *batch)
{
    const struct replay_rules *rules = batch->settings.rules;
    const char *queue = printable_text(rules->queue);

    if (batch->parked > 0)
        report("%zu letter%s of '%s' parked: the delivery limit of %ld would have removed what "
               "came back once more",
               batch->parked, batch->parked == 1 ? "" : "s", queue, rules->delivery_limit);
    if (batch->sent_enough > 0)
        report("%zu letter%s in '%s': sent back %d times or more; --max-replays grants more",
               batch->sent_enough, batch->sent_enough == 1 ? " stays" : "s stay", queue,
               rules->max_replays);
    if (batch->spent > 0)
        report("%zu letter%s of '%s' came back more often than the delivery limit of %ld allows: "
               "the broker has removed %s",
               batch->spent, batch->spent == 1 ? "" : "s", queue, rules->delivery_limit,
               batch->spent == 1 ? "it" : "them");
}
