#include "hand.h"

#include "base/memory.h"
#include "message/process_span.h"

#include <stdlib.h>

void hand_open(struct hand *hand, size_t capacity)
{
    *hand = (struct hand){.tasks = xcalloc(capacity, sizeof *hand->tasks), .capacity = capacity};
}

void hand_close(struct hand *hand)
{
    hand_drop_last(hand, hand->count);
    free(hand->tasks);
}

struct task *hand_at(const struct hand *hand, size_t index)
{
    return &hand->tasks[(hand->first + index) % hand->capacity];
}

static void begin(struct task *task, struct delivery *delivery, struct span *span)
{
    task->delivery = delivery;
    task->kind = TASK_IGNORE;
    task->is_other_type = false;
    task->failure = FAILURE_UNKNOWN;
    task->note = NULL;
    task->announcement = (struct announcement){.span = span};
    task->published_us = 0;
    task->done = false;
    task->refused = false;
}

struct task *hand_add(struct hand *hand, struct delivery *delivery)
{
    struct task *task = hand_at(hand, hand->count++);

    begin(task, delivery, delivery == NULL ? NULL : process_span_start(delivery));
    return task;
}

static void drop_event(struct task *task)
{
    free(task->announcement.event);
    free(task->announcement.trace);
    span_drop(task->announcement.span);
    task->announcement.span = NULL;
    task->announcement.event = task->announcement.trace = NULL;
}

void hand_drop_first(struct hand *hand, size_t count)
{
    for (size_t i = 0; i < count; i++)
        drop_event(hand_at(hand, i));
    hand->first = (hand->first + count) % hand->capacity;
    hand->count -= count;
}

void hand_drop_last(struct hand *hand, size_t count)
{
    for (; count > 0; count--)
        drop_event(hand_at(hand, --hand->count));
}

void hand_begin_again(struct hand *hand, size_t count)
{
    for (size_t i = hand->count - count; i < hand->count; i++) {
        struct task *task = hand_at(hand, i);
        struct span *span = task->announcement.span;

        task->announcement.span = NULL;
        drop_event(task);
        begin(task, task->delivery, span);
    }
}
