/*
 * publisher_window: the messages of a publisher whose results were not given out yet, oldest first.
 *
 * A message is in flight from when it is published until its result is known, it is returned or the
 * connection is lost. limit is how many messages may be in flight at once: half as many as there
 * were, after the connection was lost; one more with each result.
 */
#ifndef AMQP_PUBLISHER_WINDOW_H
#define AMQP_PUBLISHER_WINDOW_H

#include "amqp/frames.h"
#include "amqp/publisher.h"
#include "amqp/rabbitmq.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The tag of a message that was not published on the present connection. */
#define SLOT_UNSENT UINT64_MAX

/*
 * A message. Among those in flight, tags ascend with the place in the window.
 * message.properties.len is SIZE_MAX if the properties are too large for any frame.
 */
struct slot {
    uint64_t tag; /* its delivery tag on the present connection; or SLOT_UNSENT; or 0 if it has a
                     result, and no tag on this connection */
    uint64_t cookie;
    int64_t sent_ms; /* monotonic clock, when it was published last */
    int nacks;       /* how often the broker could not take it */
    bool has_result;
    bool awaits_repair; /* it was returned, and is to be published again after a repair */
    bool is_suspect;    /* publisher_culprit.h; so is is_accused */
    bool is_accused;
    enum publish_result result;
    char *reason; /* why the broker did not take it; owned, or NULL */
    char *memory; /* owned, and used again */
    size_t capacity;
    struct frames_message message; /* in memory */
};

struct window {
    struct slot *slots[PUBLISHER_WINDOW]; /* a ring; each is made when it is first used */
    size_t head;                          /* the oldest */
    size_t count;
    size_t bytes; /* of memory, of all messages */
    size_t limit; /* messages in flight at once, at most */
};

/* Makes an empty window. */
void window_init(struct window *window);

/* Frees the messages. */
void window_free(struct window *window);

/* Returns whether there is room for one more message, by number and by size. */
bool window_has_room(const struct window *window);

/* Returns the message at index, from 0, the oldest, to count - 1. */
static inline struct slot *window_slot(const struct window *window, size_t index)
{
    return window->slots[(window->head + index) % PUBLISHER_WINDOW];
}

/* Adds a copy of message, and returns it. count must be less than PUBLISHER_WINDOW. */
struct slot *window_add(struct window *window, const struct message *message, uint64_t cookie);

/* Removes the oldest message. */
void window_remove_oldest(struct window *window);

/* Notes the result of a message. reason is copied; NULL if the message was confirmed. */
void window_set_result(struct window *window, struct slot *slot, enum publish_result result,
                       const char *reason);

/* Returns whether the message is in flight. */
static inline bool slot_is_in_flight(const struct slot *slot)
{
    return !slot->has_result && !slot->awaits_repair && slot->tag != SLOT_UNSENT;
}

/* Returns how many messages are in flight. */
size_t window_in_flight(const struct window *window);

/* Returns whether as many messages are in flight as may be. */
bool window_is_at_limit(const struct window *window);

/*
 * Halves the limit, reckoned from what is in flight: whatever cuts the connection may cut the next
 * one as soon, and each message in flight may reach its queue once more every time.
 */
void window_narrow(struct window *window);

/* Halves the limit, since the broker does not take what is in flight. */
void window_halve(struct window *window);

/* Returns the oldest message in flight, or NULL. */
const struct slot *window_oldest_in_flight(const struct window *window);

/* Forgets delivery tags, and which messages await a repair, after the connection is lost. */
void window_forget_tags(struct window *window);

#endif
