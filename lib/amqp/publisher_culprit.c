#include "amqp/publisher_culprit.h"

void culprit_clear(struct culprit *culprit, struct slot *slot)
{
    if (!slot->is_suspect)
        return;
    slot->is_suspect = false;
    if (--culprit->suspects == 0)
        connection_expect_refusal(culprit->connection, false);
}

static void accuse(struct culprit *culprit, struct slot *slot)
{
    if (connection_exception_is_doubtful(culprit->connection) && !slot->is_accused) {
        slot->is_accused = true;
        return;
    }
    connection_progress(culprit->connection);
    culprit_clear(culprit, slot);
    window_set_result(culprit->window, slot, PUBLISH_REFUSED,
                      connection_reason(culprit->connection));
}

static void suspect(struct culprit *culprit, struct slot *slot)
{
    if (!connection_exception_is_doubtful(culprit->connection))
        connection_progress(culprit->connection);
    slot->is_suspect = true;
    culprit->suspects++;
}

void culprit_search(struct culprit *culprit)
{
    bool was_alone = culprit->suspects > 0;

    for (size_t i = 0; i < culprit->window->count; i++) {
        struct slot *slot = window_slot(culprit->window, i);

        if (slot_is_in_flight(slot) && was_alone)
            accuse(culprit, slot);
        else if (slot_is_in_flight(slot))
            suspect(culprit, slot);
    }
    connection_expect_refusal(culprit->connection, culprit->suspects > 0);
}

struct slot *culprit_next(const struct culprit *culprit)
{
    for (size_t i = 0; i < culprit->window->count && culprit->suspects > 0; i++) {
        struct slot *slot = window_slot(culprit->window, i);

        if (slot->is_suspect)
            return slot->tag == SLOT_UNSENT ? slot : NULL;
    }
    return NULL;
}
