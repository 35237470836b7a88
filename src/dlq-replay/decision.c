#include "decision.h"

#include "amqp/topology.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

void decision_start(struct decision *decision, const struct replay_rules *rules)
{
    memset(decision, 0, sizeof *decision);
    init_amqp_pool(&decision->pool, 1024);
    decision->fate.kind = FATE_LEFT;
    decision->fate.dry_run = rules->dry_run;
}

void decision_of_letter(struct decision *decision, const struct replay_rules *rules,
                        struct delivery *delivery)
{
    struct dead_letter *letter = &decision->letter;

    decision_start(decision, rules);
    dead_letter_read(letter, delivery);
    decision->properties = letter->properties;
    decision->body = delivery->body;
    decision->fate.queue = rules->queue;
    decision->fate.replays = letter->history.replays;
}

amqp_bytes_t decision_body_before(const struct decision *decision)
{
    const struct delivery *delivery = decision->letter.delivery;

    return delivery != NULL ? delivery->body : decision->source.body;
}

void decision_free(struct decision *decision)
{
    envelope_free(&decision->source);
    envelope_free(&decision->envelope);
    dead_letter_free(&decision->letter);
    empty_amqp_pool(&decision->pool);
}

void decision_set(struct decision *decision, enum fate_kind kind, const char *reason)
{
    decision->fate.replays += (kind == FATE_REPLAYED) - (decision->fate.kind == FATE_REPLAYED);
    decision->fate.kind = kind;
    decision->is_sent = kind == FATE_REPLAYED || kind == FATE_PARKED || kind == FATE_RESTORED;
    (void)snprintf(decision->fate.reason, sizeof decision->fate.reason, "%s", reason);
}

void decision_fail(struct decision *decision, enum fate_kind kind, const char *reason)
{
    decision_set(decision, kind, reason);
    decision->is_wrong = true;
}

void decision_postpone(struct decision *decision, const char *reason)
{
    decision_set(decision, FATE_LEFT, reason);
    decision->is_not_taken = true;
}

void decision_set_target(struct decision *decision, const char *exchange, const char *routing_key)
{
    struct fate *fate = &decision->fate;

    (void)snprintf(fate->exchange, sizeof fate->exchange, "%s", exchange);
    (void)snprintf(fate->routing_key, sizeof fate->routing_key, "%s", routing_key);
}

void decision_leave_unreadable(struct decision *decision, const struct replay_rules *rules)
{
    report("a letter stays in '%s': its properties or headers cannot be read; the broker's "
           "management can show it",
           printable_text(rules->queue));
    decision_fail(decision, FATE_LEFT, "its properties or headers cannot be read");
}

enum exit_code decision_look_up(struct decision *decision, const struct replay_rules *rules)
{
    /* One that was cancelled before it came has not come yet. */
    static const char *const handled[] = {[LEDGER_UNKNOWN] = NULL,
                                          [LEDGER_RESERVED] = "reserved",
                                          [LEDGER_FAILED] = "failed",
                                          [LEDGER_RELEASED] = "released",
                                          [LEDGER_HANDED_OVER] = "handed over",
                                          [LEDGER_CANCELLED] = NULL};
    const char *order_id;
    struct ledger_found found;
    enum exit_code code;

    if (rules->ledger == NULL || !dead_letter_is_order(&decision->letter))
        return EXIT_OK;
    order_id = dead_letter_check(&decision->letter)->order_id;
    if (order_id == NULL)
        return EXIT_OK;
    code = rules->ledger->operations->find(rules->ledger, &order_id, &found, 1);
    if (code == EXIT_OK)
        decision->fate.handled = handled[found.outcome];
    return code;
}

char *decision_line(struct decision *decision)
{
    const struct body_check *check = dead_letter_check(&decision->letter);

    decision->fate.order_id = check->order_id;
    decision->fate.error = check->error;
    return fate_line(&decision->fate);
}
