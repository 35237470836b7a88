#include "decision.h"

#include "amqp/bytes.h"
#include "amqp/topology.h"
#include "base/clock.h"
#include "base/report.h"
#include "base/text.h"
#include "json/json.h"
#include "message/death.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REASON_ROOM 100 /* for why a letter is parked, in front of why it was to stay */
#define LOOK_MS 1000    /* for which a look at an exchange is relied on */

void replay_decide(struct replay *replay, enum fate_kind kind, const char *reason)
{
    replay->fate.kind = kind;
    replay->is_sent = kind == FATE_REPLAYED || kind == FATE_PARKED || kind == FATE_RESTORED;
    (void)snprintf(replay->fate.reason, sizeof replay->fate.reason, "%s", reason);
}

static void cannot(struct replay *replay, enum fate_kind kind, const char *reason)
{
    replay_decide(replay, kind, reason);
    replay->is_wrong = true;
}

static void not_sent(struct replay *replay)
{
    if (replay->fate.kind == FATE_REPLAYED)
        replay->fate.replays--;
}

void replay_refused(struct replay *replay, const char *reason)
{
    not_sent(replay);
    cannot(replay, FATE_REFUSED, reason);
}

void replay_left(struct replay *replay, const char *reason)
{
    not_sent(replay);
    replay_decide(replay, FATE_LEFT, reason);
}

static void start(struct replay *replay, const struct replay_rules *rules)
{
    memset(replay, 0, sizeof *replay);
    init_amqp_pool(&replay->pool, 1024);
    replay->fate.dry_run = rules->dry_run;
}

void replay_of_letter(struct replay *replay, const struct replay_rules *rules,
                      struct delivery *delivery)
{
    struct dead_letter *letter = &replay->letter;

    start(replay, rules);
    dead_letter_read(letter, delivery);
    replay->properties = letter->properties;
    replay->body = delivery->body;
    replay->fate.queue = rules->queue;
    replay->fate.order_id = letter->order_id;
    replay->fate.error = letter->error;
    replay->fate.replays = replay_count(letter->properties);
    replay_decide(replay, FATE_LEFT, "");
}

void replay_free(struct replay *replay)
{
    envelope_free(&replay->envelope);
    free(replay->order_id);
    if (replay->letter.delivery != NULL)
        dead_letter_free(&replay->letter);
    empty_amqp_pool(&replay->pool);
}

/* ---- where to ---- */

static void set_target(struct replay *replay, const char *exchange, const char *routing_key)
{
    (void)snprintf(replay->fate.exchange, sizeof replay->fate.exchange, "%s", exchange);
    (void)snprintf(replay->fate.routing_key, sizeof replay->fate.routing_key, "%s", routing_key);
}

/* As a C string; false if it is none, or too long for a name of AMQP. */
static bool name_of(amqp_bytes_t bytes, char name[FATE_NAME_SIZE])
{
    if (bytes.len >= FATE_NAME_SIZE ||
        memchr(bytes.len == 0 ? "" : bytes.bytes, '\0', bytes.len) != NULL)
        return false;
    (void)snprintf(name, FATE_NAME_SIZE, "%.*s", (int)bytes.len,
                   bytes.len == 0 ? "" : (const char *)bytes.bytes);
    return true;
}

/* Into the queue in which the letter died. False if it does not say. */
static bool find_queue(struct replay *replay)
{
    amqp_bytes_t queue = death_queue(replay->letter.properties);

    set_target(replay, "", "");
    return queue.len > 0 && name_of(queue, replay->fate.routing_key);
}

/* False if neither the rules, nor the filter, nor the letter says. */
static bool find_target(struct replay *replay, const struct replay_rules *rules)
{
    const struct dead_letter *letter = &replay->letter;
    const struct envelope *envelope = &replay->envelope;

    if (rules->to_queue != NULL) {
        set_target(replay, "", rules->to_queue);
        return true;
    }
    if (rules->requeues)
        return find_queue(replay);
    if (envelope->tree != NULL) {
        if (envelope->exchange != NULL)
            set_target(replay, envelope->exchange, envelope->routing_key);
        return envelope->exchange != NULL;
    }
    return letter->has_death && name_of(letter->death.exchange, replay->fate.exchange) &&
           name_of(letter->death.routing_key, replay->fate.routing_key);
}

static bool is_the_way_of(const struct death *death, const struct fate *fate)
{
    return bytes_are(death->exchange, fate->exchange) &&
           bytes_are(death->routing_key, fate->routing_key);
}

/*
 * A letter that was published by several keys may have come to the queue where it died by any of
 * them: by the first alone it might go elsewhere, and never come there again.
 */
static bool may_miss_its_queue(const struct replay *replay, const struct replay_rules *rules)
{
    const struct dead_letter *letter = &replay->letter;

    return rules->to_queue == NULL && !rules->requeues && letter->has_death &&
           letter->death.has_other_keys && is_the_way_of(&letter->death, &replay->fate);
}

/*
 * Does the way lead into the queue where the letter lies? It does if it is the queue's own, or the
 * one by which the letter came, or, as far as the letter was published that way, if it has died in
 * this very queue.
 */
static bool leads_back(const struct replay *replay, const struct replay_rules *rules)
{
    const struct dead_letter *letter = &replay->letter;
    const struct fate *fate = &replay->fate;

    if (*fate->exchange == '\0' && strcmp(fate->routing_key, rules->queue) == 0)
        return true;
    if (bytes_are(letter->delivery->exchange, fate->exchange) &&
        bytes_are(letter->delivery->routing_key, fate->routing_key))
        return true;
    return dead_letter_died_in(letter, rules->queue) && is_the_way_of(&letter->death, fate);
}

static bool look_is_fresh(const struct replay_rules *rules, const char *exchange)
{
    return rules->last_look_ms != 0 && clock_monotonic_ms() - rules->last_look_ms < LOOK_MS &&
           strcmp(rules->last_exchange, exchange) == 0;
}

/* A message published where no exchange is would cost all of its channel. */
static enum exit_code exchange_is_there(struct replay_rules *rules, const char *exchange,
                                        bool *there)
{
    while (!look_is_fresh(rules, exchange)) {
        enum exit_code refused;
        enum exit_code code = connection_open(rules->looking);

        if (code != EXIT_OK)
            return code;
        code =
            topology_look_for_exchange(rules->looking, exchange, &rules->last_is_there, &refused);
        if (code == EXIT_UNREACHABLE)
            continue;
        if (code != EXIT_OK)
            return code;
        /* Who may not look may be allowed to publish: the broker's answer to that decides. */
        if (refused != EXIT_OK)
            rules->last_is_there = true;
        (void)snprintf(rules->last_exchange, sizeof rules->last_exchange, "%s", exchange);
        rules->last_look_ms = clock_monotonic_ms();
    }
    *there = rules->last_is_there;
    return EXIT_OK;
}

static enum exit_code need_parking(struct replay_rules *rules)
{
    while (!rules->parking_is_there) {
        enum exit_code code = connection_open(rules->looking);

        if (code != EXIT_OK)
            return code;
        code = topology_need_queue(rules->looking, rules->parking);
        if (code != EXIT_OK && code != EXIT_UNREACHABLE)
            return code;
        rules->parking_is_there = code == EXIT_OK;
    }
    return EXIT_OK;
}

static bool parks_letters(const struct replay_rules *rules)
{
    return rules->parks && strcmp(rules->queue, rules->parking) != 0;
}

/* It has been sent back often enough. */
static enum exit_code put_aside(struct replay *replay, struct replay_rules *rules)
{
    const struct dead_letter *letter = &replay->letter;
    bool parks = parks_letters(rules);
    char reason[sizeof replay->fate.reason];

    (void)snprintf(reason, sizeof reason, "sent back %ld times already%s%s",
                   (long)replay_count(letter->properties), letter->error == NULL ? "" : ": ",
                   letter->error == NULL ? "" : letter->error);
    replay_decide(replay, parks ? FATE_PARKED : FATE_LEFT, reason);
    if (!parks)
        return EXIT_OK;
    set_target(replay, "", rules->parking);
    return rules->dry_run ? EXIT_OK : need_parking(rules);
}

bool replay_is_spent(const struct replay *replay, const struct replay_rules *rules)
{
    int64_t returns = return_count(replay->letter.properties);

    return rules->delivery_limit >= 0 && (returns < 0 ? 0 : returns) >= rules->delivery_limit;
}

bool replay_park(struct replay *replay, struct replay_rules *rules, enum exit_code *code)
{
    char reason[sizeof replay->fate.reason];

    *code = EXIT_OK;
    if (rules->only_looks || !replay->letter.is_readable || !parks_letters(rules))
        return false;
    (void)snprintf(reason, sizeof reason,
                   "came back as often as the delivery limit of %ld allows%s%.*s",
                   rules->delivery_limit, *replay->fate.reason == '\0' ? "" : ": ",
                   (int)sizeof reason - REASON_ROOM, replay->fate.reason);
    replay->properties = replay->letter.properties;
    replay->body = replay->letter.delivery->body;
    replay_decide(replay, FATE_PARKED, reason);
    set_target(replay, "", rules->parking);
    *code = need_parking(rules);
    return true;
}

enum exit_code replay_look_up(struct replay *replay, const struct replay_rules *rules)
{
    const char *order_id = replay->fate.order_id;
    struct ledger_entry entry;
    bool found = false;
    enum exit_code code;

    if (rules->ledger == NULL || order_id == NULL ||
        dead_letter_died_in(&replay->letter, RESERVED_QUEUE))
        return EXIT_OK;
    code = ledger_find(rules->ledger, order_id, &entry, &found);
    if (code == EXIT_OK && found)
        replay->fate.handled = entry.outcome == LEDGER_RESERVED ? "reserved" : "failed";
    return code;
}

static const char *why_no_target(const struct replay *replay, const struct replay_rules *rules)
{
    if (rules->requeues)
        return "its headers do not say in which queue it died";
    if (!replay->letter.has_death && replay->fate.replays > 0)
        return "it was sent back, and came straight into this queue: the way leads here";
    return "its headers do not say where it came from";
}

static enum exit_code route(struct replay *replay, struct replay_rules *rules)
{
    bool there = true;
    enum exit_code code;

    if (!find_target(replay, rules)) {
        set_target(replay, "", "");
        cannot(replay, FATE_LEFT, why_no_target(replay, rules));
        return EXIT_OK;
    }
    if (may_miss_its_queue(replay, rules)) {
        cannot(
            replay, FATE_LEFT,
            "it was published by several keys: --requeue sends it into the queue in which it died");
        return EXIT_OK;
    }
    if (leads_back(replay, rules)) {
        cannot(replay, FATE_REFUSED, "its way leads back into the queue where it lies");
        return EXIT_OK;
    }
    code = exchange_is_there(rules, replay->fate.exchange, &there);
    if (code != EXIT_OK)
        return code;
    if (!there) {
        cannot(replay, FATE_REFUSED, "the exchange it came from is not there");
        return EXIT_OK;
    }
    replay_decide(replay, FATE_REPLAYED, "");
    replay->fate.replays++;
    return replay_look_up(replay, rules);
}

/* ---- the filter ---- */

/* What is to be sent is now what the envelope says. */
static void take_envelope(struct replay *replay)
{
    replay->properties = &replay->envelope.properties;
    replay->body = replay->envelope.body;
    replay->fate.error =
        dead_letter_error(&replay->letter, replay->body, &replay->fault, &replay->order_id);
    replay->fate.order_id = replay->order_id;
}

static enum exit_code take_answer(struct replay *replay, const char *answer, size_t len)
{
    const char *order_id = replay->fate.order_id;
    char fault[ENVELOPE_FAULT_SIZE];

    if (!envelope_read(&replay->envelope, answer, len, &replay->pool, fault)) {
        report("the filter's answer to %s is no letter: %s",
               order_id == NULL ? "a letter without an order_id" : printable_text(order_id), fault);
        return EXIT_INPUT;
    }
    take_envelope(replay);
    return EXIT_OK;
}

static bool is_word(const char *answer, size_t len, const char *word)
{
    return len == strlen(word) && memcmp(answer, word, len) == 0;
}

/* *goes_on is false if there is nothing to be sent. */
static enum exit_code ask_filter(struct replay *replay, const struct replay_rules *rules,
                                 bool *goes_on)
{
    cJSON *envelope = dead_letter_envelope(&replay->letter, rules->queue);
    char *text = json_print(envelope);
    const char *answer;
    size_t len = 0;
    enum exit_code code = coprocess_ask(rules->filter, text, strlen(text), &answer, &len);

    cJSON_free(text);
    cJSON_Delete(envelope);
    *goes_on = false;
    if (code != EXIT_OK)
        return code;
    while (answer != NULL && len > 0 && strchr(" \t\r", answer[len - 1]) != NULL)
        len--;
    if (answer == NULL)
        replay_decide(replay, FATE_LEFT, "asked to stop");
    else if (is_word(answer, len, "null"))
        replay_decide(replay, FATE_LEFT, "the filter leaves it");
    else if (is_word(answer, len, "\"drop\""))
        replay_decide(replay, FATE_DROPPED, "the filter drops it");
    else
        *goes_on = true;
    return *goes_on ? take_answer(replay, answer, len) : EXIT_OK;
}

/* It cannot be published again as it was. */
static void leave_unreadable(struct replay *replay, const struct replay_rules *rules)
{
    report("a letter stays in '%s': its properties or headers cannot be read; the broker's "
           "management can "
           "show it",
           printable_text(rules->queue));
    cannot(replay, FATE_LEFT, "its properties or headers cannot be read");
}

bool replay_can_be_taken(struct replay *replay, const struct replay_rules *rules)
{
    if (!replay->letter.is_readable)
        leave_unreadable(replay, rules);
    return replay->letter.is_readable;
}

enum exit_code replay_consider(struct replay *replay, struct replay_rules *rules)
{
    const struct dead_letter *letter = &replay->letter;
    bool goes_on = true;
    enum exit_code code = EXIT_OK;

    if (!letter->is_readable) {
        leave_unreadable(replay, rules);
        return EXIT_OK;
    }
    if (replayed_by(letter->properties, rules->run)) {
        replay_decide(replay, FATE_LEFT, "it was sent back in this run, and has died again");
        return EXIT_OK;
    }
    if (replay_count(letter->properties) >= rules->max_replays)
        return put_aside(replay, rules);
    if (rules->filter != NULL)
        code = ask_filter(replay, rules, &goes_on);
    return code == EXIT_OK && goes_on ? route(replay, rules) : code;
}

/* ---- from a file ---- */

static void refuse_piece(struct replay *replay, const struct json_piece *piece, const char *reason)
{
    report("letter %lu, line %lu: %s", (unsigned long)piece->number, (unsigned long)piece->line,
           reason);
    replay_decide(replay, FATE_REFUSED, reason);
    replay->is_no_letter = true;
}

void replay_of_piece(struct replay *replay, const struct replay_rules *rules,
                     const struct json_piece *piece)
{
    char fault[ENVELOPE_FAULT_SIZE];

    start(replay, rules);
    replay->fate.number = piece->number;
    if (piece->reason != NULL) {
        refuse_piece(replay, piece, piece->reason);
        return;
    }
    if (!envelope_read(&replay->envelope, piece->text, piece->len, &replay->pool, fault)) {
        refuse_piece(replay, piece, fault);
        return;
    }
    replay->fate.replays = replay_count(&replay->envelope.properties);
    replay->letter.has_death = death_read(&replay->envelope.properties, &replay->letter.death);
    take_envelope(replay);
    replay_decide(replay, FATE_RESTORED, "");
    if (rules->to_queue != NULL)
        set_target(replay, "", rules->to_queue);
    else if (replay->envelope.queue != NULL)
        set_target(replay, "", replay->envelope.queue);
    else
        refuse_piece(replay, piece, "it does not say which queue it is of");
}

amqp_basic_properties_t replay_properties(struct replay *replay, const struct replay_rules *rules)
{
    switch (replay->fate.kind) {
    case FATE_PARKED:
        return death_parked(replay->properties, replay->fate.reason, &replay->pool);
    case FATE_RESTORED:
        return death_restored(replay->properties, rules->user, &replay->pool);
    default:
        return death_revived(replay->properties, rules->run, &replay->pool);
    }
}
