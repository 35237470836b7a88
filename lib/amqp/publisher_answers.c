/* publisher_answers: what the broker says of messages: confirms, nacks and returns. */
#include "amqp/publisher_private.h"
#include "base/report.h"

void publisher_set_result(struct publisher *publisher, struct slot *slot,
                          enum publish_result result, const char *reason)
{
    /* A returned message is confirmed afterwards as well. */
    if (slot->has_result || slot->awaits_repair)
        return;
    culprit_clear(&publisher->culprit, slot);
    if (result == PUBLISH_UNROUTABLE && publisher->settings.repair != NULL &&
        !publisher->is_repaired) {
        slot->awaits_repair = true;
        publisher->some_await_repair = true;
        return;
    }
    window_set_result(&publisher->window, slot, result, reason);
}

/* Returns whether a message that was not taken is to be published again. */
static bool comes_again(struct publisher *publisher, const struct slot *slot)
{
    struct destination *destination;

    if (publisher->settings.nacked == NACKED_IS_FINAL)
        return false;
    destination = nacks_destination(&publisher->nacks, &slot->message);
    if (publisher->settings.nacked == NACKED_IS_SKIPPED &&
        (slot->nacks >= publisher_attempts(publisher) ||
         destination->attempts >= publisher_attempts(publisher)))
        return false;
    destination->is_waiting = true;
    return true;
}

static void take_nack(struct publisher *publisher, struct slot *slot)
{
    if (slot->has_result || slot->awaits_repair)
        return;
    culprit_clear(&publisher->culprit, slot);
    slot->nacks++;
    if (!comes_again(publisher, slot)) {
        publisher_set_result(
            publisher, slot, PUBLISH_NOT_TAKEN,
            "the broker cannot take it for now: a queue is full, or has no leader");
        return;
    }
    slot->tag = SLOT_UNSENT;
    publisher->some_unsent = true;
    publisher->some_nacked = true;
}

static void take_ack(struct publisher *publisher, struct slot *slot)
{
    bool is_taken = !slot->has_result && !slot->awaits_repair;

    if (is_taken && publisher->nacks.count > 0 && nacks_end(&publisher->nacks, &slot->message))
        report_notice("broker '%s' (publishing) takes messages again",
                      connection_broker(publisher->connection));
    publisher_set_result(publisher, slot, PUBLISH_CONFIRMED, NULL);
}

static void take_confirm(struct publisher *publisher, uint64_t tag, bool multiple, bool is_taken)
{
    if (is_taken)
        connection_progress(publisher->connection);
    for (size_t i = 0; i < publisher->window.count; i++) {
        struct slot *slot = window_slot(&publisher->window, i);

        if (slot->tag > tag) {
            if (slot->tag == SLOT_UNSENT)
                continue;
            break;
        }
        if (slot->tag != tag && !multiple)
            continue;
        if (is_taken)
            take_ack(publisher, slot);
        else
            take_nack(publisher, slot);
    }
}

/*
 * Of several messages in flight with the same content any will do: what holds for one holds for the
 * others. The properties count, since an exchange may route by headers. If something on the broker
 * has changed them, all messages that are alike in the rest are taken for returned: some may be
 * published twice, and none is lost.
 */
static void take_returned(struct publisher *publisher)
{
    struct returned *returned = &publisher->returned;
    bool is_found = false;

    connection_progress(publisher->connection);
    for (size_t i = 0; i < publisher->window.count && !is_found; i++) {
        struct slot *slot = window_slot(&publisher->window, i);

        is_found = returned_is(returned, slot, true);
        if (is_found)
            publisher_set_result(publisher, slot, PUBLISH_UNROUTABLE, returned->reason);
    }
    for (size_t i = 0; i < publisher->window.count && !is_found; i++) {
        struct slot *slot = window_slot(&publisher->window, i);

        if (returned_is(returned, slot, false))
            publisher_set_result(publisher, slot, PUBLISH_UNROUTABLE, returned->reason);
    }
    returned_forget(returned);
}

void publisher_take_frame(struct publisher *publisher, const amqp_frame_t *frame)
{
    if (frame->frame_type != AMQP_FRAME_METHOD) {
        if (returned_add(&publisher->returned, frame))
            take_returned(publisher);
        return;
    }
    switch (frame->payload.method.id) {
    case AMQP_BASIC_ACK_METHOD: {
        const amqp_basic_ack_t *m = frame->payload.method.decoded;

        take_confirm(publisher, m->delivery_tag, m->multiple != 0, true);
        break;
    }
    case AMQP_BASIC_NACK_METHOD: {
        const amqp_basic_nack_t *m = frame->payload.method.decoded;

        take_confirm(publisher, m->delivery_tag, m->multiple != 0, false);
        break;
    }
    case AMQP_BASIC_RETURN_METHOD:
        returned_start(&publisher->returned, frame->payload.method.decoded);
        break;
    default:
        break;
    }
}
