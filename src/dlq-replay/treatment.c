#include "treatment.h"

#include "amqp/bytes.h"
#include "base/clock.h"
#include "message/death.h"
#include "json/json.h"
#include "base/report.h"
#include "base/text.h"
#include "amqp/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REASON_ROOM 100 /* for why a letter is parked, in front of why it was to stay */
#define LOOK_MS 1000    /* for which a look at an exchange is relied on */

void treatment_decide(struct treatment *treatment, enum fate_kind kind, const char *reason)
{
    treatment->fate.kind = kind;
    treatment->is_sent = kind == FATE_REPLAYED || kind == FATE_PARKED || kind == FATE_RESTORED;
    (void)snprintf(treatment->fate.reason, sizeof treatment->fate.reason, "%s", reason);
}

static void cannot(struct treatment *treatment, enum fate_kind kind, const char *reason)
{
    treatment_decide(treatment, kind, reason);
    treatment->is_wrong = true;
}

static void not_sent(struct treatment *treatment)
{
    if (treatment->fate.kind == FATE_REPLAYED)
        treatment->fate.replays--;
}

void treatment_refused(struct treatment *treatment, const char *reason)
{
    not_sent(treatment);
    cannot(treatment, FATE_REFUSED, reason);
}

void treatment_left(struct treatment *treatment, const char *reason)
{
    not_sent(treatment);
    treatment_decide(treatment, FATE_LEFT, reason);
}

static void start(struct treatment *treatment, const struct treatment_rules *rules)
{
    memset(treatment, 0, sizeof *treatment);
    init_amqp_pool(&treatment->pool, 1024);
    treatment->fate.dry_run = rules->dry_run;
}

void treatment_of_letter(struct treatment *treatment, const struct treatment_rules *rules,
                         struct delivery *delivery)
{
    struct letter *letter = &treatment->letter;

    start(treatment, rules);
    letter_read(letter, delivery);
    treatment->properties = letter->properties;
    treatment->body = delivery->body;
    treatment->fate.queue = rules->queue;
    treatment->fate.order_id = letter->order_id;
    treatment->fate.error = letter->error;
    treatment->fate.replays = replay_count(letter->properties);
    treatment_decide(treatment, FATE_LEFT, "");
}

void treatment_free(struct treatment *treatment)
{
    envelope_free(&treatment->envelope);
    free(treatment->order_id);
    if (treatment->letter.delivery != NULL)
        letter_free(&treatment->letter);
    empty_amqp_pool(&treatment->pool);
}

/* ---- where to ---- */

static void set_target(struct treatment *treatment, const char *exchange, const char *routing_key)
{
    (void)snprintf(treatment->fate.exchange, sizeof treatment->fate.exchange, "%s", exchange);
    (void)snprintf(treatment->fate.routing_key, sizeof treatment->fate.routing_key, "%s", routing_key);
}

/* As a C string; false if it is none, or too long for a name of AMQP. */
static bool name_of(amqp_bytes_t bytes, char name[FATE_NAME_SIZE])
{
    if (bytes.len >= FATE_NAME_SIZE || memchr(bytes.len == 0 ? "" : bytes.bytes, '\0', bytes.len) != NULL)
        return false;
    (void)snprintf(name, FATE_NAME_SIZE, "%.*s", (int)bytes.len,
                   bytes.len == 0 ? "" : (const char *)bytes.bytes);
    return true;
}

/* Into the queue in which the letter died. False if it does not say. */
static bool find_queue(struct treatment *treatment)
{
    amqp_bytes_t queue = death_queue(treatment->letter.properties);

    set_target(treatment, "", "");
    return queue.len > 0 && name_of(queue, treatment->fate.routing_key);
}

/* False if neither the rules, nor the filter, nor the letter says. */
static bool find_target(struct treatment *treatment, const struct treatment_rules *rules)
{
    const struct letter *letter = &treatment->letter;
    const struct envelope *envelope = &treatment->envelope;

    if (rules->to_queue != NULL) {
        set_target(treatment, "", rules->to_queue);
        return true;
    }
    if (rules->requeues)
        return find_queue(treatment);
    if (envelope->tree != NULL) {
        if (envelope->exchange != NULL)
            set_target(treatment, envelope->exchange, envelope->routing_key);
        return envelope->exchange != NULL;
    }
    return letter->has_death && name_of(letter->death.exchange, treatment->fate.exchange) &&
           name_of(letter->death.routing_key, treatment->fate.routing_key);
}

static bool is_the_way_of(const struct death *death, const struct fate *fate)
{
    return bytes_are(death->exchange, fate->exchange) && bytes_are(death->routing_key, fate->routing_key);
}

/*
 * A letter that was published by several keys may have come to the queue where it died by any of them: by the
 * first alone it might go elsewhere, and never come there again.
 */
static bool may_miss_its_queue(const struct treatment *treatment, const struct treatment_rules *rules)
{
    const struct letter *letter = &treatment->letter;

    return rules->to_queue == NULL && !rules->requeues && letter->has_death && letter->death.has_other_keys &&
           is_the_way_of(&letter->death, &treatment->fate);
}

/*
 * Does the way lead into the queue where the letter lies? It does if it is the queue's own, or the one by
 * which the letter came, or, as far as the letter was published that way, if it has died in this very
 * queue.
 */
static bool leads_back(const struct treatment *treatment, const struct treatment_rules *rules)
{
    const struct letter *letter = &treatment->letter;
    const struct fate *fate = &treatment->fate;

    if (*fate->exchange == '\0' && strcmp(fate->routing_key, rules->queue) == 0)
        return true;
    if (bytes_are(letter->delivery->exchange, fate->exchange) &&
        bytes_are(letter->delivery->routing_key, fate->routing_key))
        return true;
    return letter_died_in(letter, rules->queue) && is_the_way_of(&letter->death, fate);
}

static bool look_is_fresh(const struct treatment_rules *rules, const char *exchange)
{
    return rules->last_look_ms != 0 && clock_monotonic_ms() - rules->last_look_ms < LOOK_MS &&
           strcmp(rules->last_exchange, exchange) == 0;
}

/* A message published where no exchange is would cost all of its channel. */
static enum exit_code exchange_is_there(struct treatment_rules *rules, const char *exchange, bool *there)
{
    while (!look_is_fresh(rules, exchange)) {
        enum exit_code refused;
        enum exit_code code = connection_open(rules->looking);

        if (code != EXIT_OK)
            return code;
        code = topology_look_for_exchange(rules->looking, exchange, &rules->last_is_there, &refused);
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

static enum exit_code need_parking(struct treatment_rules *rules)
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

static bool parks_letters(const struct treatment_rules *rules)
{
    return rules->parks && strcmp(rules->queue, rules->parking) != 0;
}

/* It has been sent back often enough. */
static enum exit_code put_aside(struct treatment *treatment, struct treatment_rules *rules)
{
    const struct letter *letter = &treatment->letter;
    bool parks = parks_letters(rules);
    char reason[sizeof treatment->fate.reason];

    (void)snprintf(reason, sizeof reason, "sent back %ld times already%s%s",
                   (long)replay_count(letter->properties), letter->error == NULL ? "" : ": ",
                   letter->error == NULL ? "" : letter->error);
    treatment_decide(treatment, parks ? FATE_PARKED : FATE_LEFT, reason);
    if (!parks)
        return EXIT_OK;
    set_target(treatment, "", rules->parking);
    return rules->dry_run ? EXIT_OK : need_parking(rules);
}

bool treatment_is_spent(const struct treatment *treatment, const struct treatment_rules *rules)
{
    int64_t returns = return_count(treatment->letter.properties);

    return rules->delivery_limit >= 0 && (returns < 0 ? 0 : returns) >= rules->delivery_limit;
}

bool treatment_park(struct treatment *treatment, struct treatment_rules *rules, enum exit_code *code)
{
    char reason[sizeof treatment->fate.reason];

    *code = EXIT_OK;
    if (rules->only_looks || !treatment->letter.is_readable || !parks_letters(rules))
        return false;
    (void)snprintf(reason, sizeof reason, "came back as often as the delivery limit of %ld allows%s%.*s",
                   rules->delivery_limit, *treatment->fate.reason == '\0' ? "" : ": ",
                   (int)sizeof reason - REASON_ROOM, treatment->fate.reason);
    treatment->properties = treatment->letter.properties;
    treatment->body = treatment->letter.delivery->body;
    treatment_decide(treatment, FATE_PARKED, reason);
    set_target(treatment, "", rules->parking);
    *code = need_parking(rules);
    return true;
}

enum exit_code treatment_look_up(struct treatment *treatment, const struct treatment_rules *rules)
{
    const char *order_id = treatment->fate.order_id;
    struct ledger_entry entry;
    bool found = false;
    enum exit_code code;

    if (rules->ledger == NULL || order_id == NULL || letter_died_in(&treatment->letter, RESERVED_QUEUE))
        return EXIT_OK;
    code = ledger_find(rules->ledger, order_id, &entry, &found);
    if (code == EXIT_OK && found)
        treatment->fate.handled = entry.outcome == LEDGER_RESERVED ? "reserved" : "failed";
    return code;
}

static const char *why_no_target(const struct treatment *treatment, const struct treatment_rules *rules)
{
    if (rules->requeues)
        return "its headers do not say in which queue it died";
    if (!treatment->letter.has_death && treatment->fate.replays > 0)
        return "it was sent back, and came straight into this queue: the way leads here";
    return "its headers do not say where it came from";
}

static enum exit_code route(struct treatment *treatment, struct treatment_rules *rules)
{
    bool there = true;
    enum exit_code code;

    if (!find_target(treatment, rules)) {
        set_target(treatment, "", "");
        cannot(treatment, FATE_LEFT, why_no_target(treatment, rules));
        return EXIT_OK;
    }
    if (may_miss_its_queue(treatment, rules)) {
        cannot(treatment, FATE_LEFT,
               "it was published by several keys: --requeue sends it into the queue in which it died");
        return EXIT_OK;
    }
    if (leads_back(treatment, rules)) {
        cannot(treatment, FATE_REFUSED, "its way leads back into the queue where it lies");
        return EXIT_OK;
    }
    code = exchange_is_there(rules, treatment->fate.exchange, &there);
    if (code != EXIT_OK)
        return code;
    if (!there) {
        cannot(treatment, FATE_REFUSED, "the exchange it came from is not there");
        return EXIT_OK;
    }
    treatment_decide(treatment, FATE_REPLAYED, "");
    treatment->fate.replays++;
    return treatment_look_up(treatment, rules);
}

/* ---- the filter ---- */

/* What is to be sent is now what the envelope says. */
static void take_envelope(struct treatment *treatment)
{
    treatment->properties = &treatment->envelope.properties;
    treatment->body = treatment->envelope.body;
    treatment->fate.error =
        letter_error(&treatment->letter, treatment->body, &treatment->fault, &treatment->order_id);
    treatment->fate.order_id = treatment->order_id;
}

static enum exit_code take_answer(struct treatment *treatment, const char *answer, size_t len)
{
    const char *order_id = treatment->fate.order_id;
    char fault[ENVELOPE_FAULT_SIZE];

    if (!envelope_read(&treatment->envelope, answer, len, &treatment->pool, fault)) {
        report("the filter's answer to %s is no letter: %s",
               order_id == NULL ? "a letter without an order_id" : printable_text(order_id), fault);
        return EXIT_INPUT;
    }
    take_envelope(treatment);
    return EXIT_OK;
}

static bool is_word(const char *answer, size_t len, const char *word)
{
    return len == strlen(word) && memcmp(answer, word, len) == 0;
}

/* *goes_on is false if there is nothing to be sent. */
static enum exit_code ask_filter(struct treatment *treatment, const struct treatment_rules *rules,
                                 bool *goes_on)
{
    cJSON *envelope = letter_envelope(&treatment->letter, rules->queue);
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
        treatment_decide(treatment, FATE_LEFT, "asked to stop");
    else if (is_word(answer, len, "null"))
        treatment_decide(treatment, FATE_LEFT, "the filter leaves it");
    else if (is_word(answer, len, "\"drop\""))
        treatment_decide(treatment, FATE_DROPPED, "the filter drops it");
    else
        *goes_on = true;
    return *goes_on ? take_answer(treatment, answer, len) : EXIT_OK;
}

/* It cannot be published again as it was. */
static void leave_unreadable(struct treatment *treatment, const struct treatment_rules *rules)
{
    report("a letter stays in '%s': its properties or headers cannot be read; the broker's management can "
           "show it",
           printable_text(rules->queue));
    cannot(treatment, FATE_LEFT, "its properties or headers cannot be read");
}

bool treatment_can_be_taken(struct treatment *treatment, const struct treatment_rules *rules)
{
    if (!treatment->letter.is_readable)
        leave_unreadable(treatment, rules);
    return treatment->letter.is_readable;
}

enum exit_code treatment_consider(struct treatment *treatment, struct treatment_rules *rules)
{
    const struct letter *letter = &treatment->letter;
    bool goes_on = true;
    enum exit_code code = EXIT_OK;

    if (!letter->is_readable) {
        leave_unreadable(treatment, rules);
        return EXIT_OK;
    }
    if (replayed_by(letter->properties, rules->run)) {
        treatment_decide(treatment, FATE_LEFT, "it was sent back in this run, and has died again");
        return EXIT_OK;
    }
    if (replay_count(letter->properties) >= rules->max_replays)
        return put_aside(treatment, rules);
    if (rules->filter != NULL)
        code = ask_filter(treatment, rules, &goes_on);
    return code == EXIT_OK && goes_on ? route(treatment, rules) : code;
}

/* ---- from a file ---- */

static void refuse_piece(struct treatment *treatment, const struct json_piece *piece, const char *reason)
{
    report("letter %lu, line %lu: %s", (unsigned long)piece->number, (unsigned long)piece->line, reason);
    treatment_decide(treatment, FATE_REFUSED, reason);
    treatment->is_no_letter = true;
}

void treatment_of_piece(struct treatment *treatment, const struct treatment_rules *rules,
                        const struct json_piece *piece)
{
    char fault[ENVELOPE_FAULT_SIZE];

    start(treatment, rules);
    treatment->fate.number = piece->number;
    if (piece->reason != NULL) {
        refuse_piece(treatment, piece, piece->reason);
        return;
    }
    if (!envelope_read(&treatment->envelope, piece->text, piece->len, &treatment->pool, fault)) {
        refuse_piece(treatment, piece, fault);
        return;
    }
    treatment->fate.replays = replay_count(&treatment->envelope.properties);
    treatment->letter.has_death = death_read(&treatment->envelope.properties, &treatment->letter.death);
    take_envelope(treatment);
    treatment_decide(treatment, FATE_RESTORED, "");
    if (rules->to_queue != NULL)
        set_target(treatment, "", rules->to_queue);
    else if (treatment->envelope.queue != NULL)
        set_target(treatment, "", treatment->envelope.queue);
    else
        refuse_piece(treatment, piece, "it does not say which queue it is of");
}

amqp_basic_properties_t treatment_properties(struct treatment *treatment, const struct treatment_rules *rules)
{
    switch (treatment->fate.kind) {
    case FATE_PARKED:
        return death_parked(treatment->properties, treatment->fate.reason, &treatment->pool);
    case FATE_RESTORED:
        return death_restored(treatment->properties, rules->user, &treatment->pool);
    default:
        return death_revived(treatment->properties, rules->run, &treatment->pool);
    }
}
