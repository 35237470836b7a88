#include "route.h"

#include "amqp/bytes.h"
#include "amqp/queue.h"
#include "base/clock.h"

#include <stdio.h>
#include <string.h>

#define LOOK_MS 1000 /* for so long the last answer about an exchange is believed */

/* Copies a name as a C string. Returns false if it contains a NUL, or is too long for AMQP. */
static bool copy_name(amqp_bytes_t bytes, char name[FATE_NAME_SIZE])
{
    if (bytes.len >= FATE_NAME_SIZE ||
        memchr(bytes.len == 0 ? "" : bytes.bytes, '\0', bytes.len) != NULL)
        return false;
    (void)snprintf(name, FATE_NAME_SIZE, "%.*s", (int)bytes.len,
                   bytes.len == 0 ? "" : (const char *)bytes.bytes);
    return true;
}

/* Returns false if neither the rules, nor the filter, nor the letter names a target. */
static bool find_target(struct decision *decision, const struct replay_rules *rules)
{
    const struct history *history = &decision->letter.history;
    const struct envelope *envelope = &decision->envelope;
    struct fate *fate = &decision->fate;

    if (rules->to_queue != NULL) {
        decision_set_target(decision, "", rules->to_queue);
        return true;
    }
    if (rules->requeues)
        return history->queue.len > 0 && copy_name(history->queue, fate->routing_key);
    if (envelope->tree != NULL) {
        if (envelope->exchange != NULL)
            decision_set_target(decision, envelope->exchange, envelope->routing_key);
        return envelope->exchange != NULL;
    }
    return history->has_death && copy_name(history->death.exchange, fate->exchange) &&
           copy_name(history->death.routing_key, fate->routing_key);
}

static const char *why_no_target(const struct decision *decision, const struct replay_rules *rules)
{
    if (rules->requeues)
        return "its headers do not say in which queue it died";
    if (!decision->letter.history.has_death && decision->fate.replays > 0)
        return "it was sent back, and came straight into this queue: the way leads here";
    return "its headers do not say where it came from";
}

static bool is_origin(const struct death *death, const struct fate *fate)
{
    return bytes_are(death->exchange, fate->exchange) &&
           bytes_are(death->routing_key, fate->routing_key);
}

/* Returns whether the letter may miss the queue in which it died: if it was published by several
 * keys, any of them may have led there, and the first one may lead elsewhere. */
static bool may_miss_its_queue(const struct decision *decision, const struct replay_rules *rules)
{
    const struct history *history = &decision->letter.history;

    return rules->to_queue == NULL && !rules->requeues && history->has_death &&
           history->death.has_other_keys && is_origin(&history->death, &decision->fate);
}

/*
 * Returns whether the target leads back into the queue where the letter is. That is sure of the
 * queue's own name, and of the exchange and key by which the letter came; of those with which it
 * was published if it has died in this very queue.
 */
static bool leads_back(const struct decision *decision, const struct replay_rules *rules)
{
    const struct dead_letter *letter = &decision->letter;
    const struct fate *fate = &decision->fate;

    if (*fate->exchange == '\0' && strcmp(fate->routing_key, rules->queue) == 0)
        return true;
    if (bytes_are(letter->delivery->exchange, fate->exchange) &&
        bytes_are(letter->delivery->routing_key, fate->routing_key))
        return true;
    return dead_letter_died_in(letter, rules->queue) && is_origin(&letter->history.death, fate);
}

static bool look_is_fresh(const struct replay_rules *rules, const char *exchange)
{
    return rules->last_look_ms != 0 && clock_monotonic_ms() - rules->last_look_ms < LOOK_MS &&
           strcmp(rules->last_exchange, exchange) == 0;
}

/* Publishing to an exchange that is missing would close the channel, with all that is pending. */
static enum exit_code look_for_exchange(struct replay_rules *rules, const char *exchange)
{
    while (!look_is_fresh(rules, exchange)) {
        enum exit_code refused;
        enum exit_code code = connection_open(rules->looking);

        if (code != EXIT_OK)
            return code;
        code = exchange_look(rules->looking, exchange, &rules->last_is_there, &refused);
        if (code == EXIT_UNREACHABLE)
            continue;
        if (code != EXIT_OK)
            return code;
        /* A user who may not look may still be allowed to publish. */
        if (refused != EXIT_OK)
            rules->last_is_there = true;
        (void)snprintf(rules->last_exchange, sizeof rules->last_exchange, "%s", exchange);
        rules->last_look_ms = clock_monotonic_ms();
    }
    return EXIT_OK;
}

enum exit_code route_letter(struct decision *decision, struct replay_rules *rules)
{
    enum exit_code code;

    if (!find_target(decision, rules)) {
        decision_set_target(decision, "", "");
        decision_fail(decision, FATE_LEFT, why_no_target(decision, rules));
        return EXIT_OK;
    }
    if (may_miss_its_queue(decision, rules)) {
        decision_fail(
            decision, FATE_LEFT,
            "it was published by several keys: --requeue sends it into the queue in which it died");
        return EXIT_OK;
    }
    if (leads_back(decision, rules)) {
        decision_fail(decision, FATE_REFUSED, "its way leads back into the queue where it lies");
        return EXIT_OK;
    }
    code = look_for_exchange(rules, decision->fate.exchange);
    if (code != EXIT_OK)
        return code;
    if (!rules->last_is_there) {
        decision_fail(decision, FATE_REFUSED, "the exchange it would be sent to is not there");
        return EXIT_OK;
    }
    decision_set(decision, FATE_REPLAYED, "");
    return decision_look_up(decision, rules);
}
