/*
 * consumer_silence: what it means that a queue sends its consumer nothing: that there is nothing,
 * that the queue is slow or has no leader, or that it has lost the subscription.
 *
 * A subscription can be lost although its channel lives: a failover, or a partition that heals, has
 * such ends, and the broker says nothing. So the queue is asked (passive declare) how many messages
 * and consumers it has: whenever it was silent for some seconds, and before a wait is over.
 *
 * All times are by the monotonic clock, in ms; now_ms is the present one.
 */
#ifndef AMQP_CONSUMER_SILENCE_H
#define AMQP_CONSUMER_SILENCE_H

#include <stdbool.h>
#include <stdint.h>

#define SILENCE_ARRIVE_MS 300   /* that a message which waits in the queue may take to arrive */
#define SILENCE_ANSWER_MS 15000 /* that the broker may take to answer */

/* ---- the subscription ---- */

/* What the queue has answered last, on one connection. Zeroed to begin with. */
struct lookout {
    bool awaits_answer;
    bool is_known;     /* the queue knows its consumer */
    bool has_more;     /* it has messages, and no other consumer */
    bool is_forgotten; /* it has messages, and no consumer: the subscription is lost */
    int64_t due_ms;    /* when it is to be asked */
};

/* Begins anew, for a new connection. */
void lookout_start(struct lookout *lookout, int64_t now_ms);

/* Notes that deliveries have come: there is no need to ask for a while. */
void lookout_put_off(struct lookout *lookout, int64_t now_ms);

/* Notes the queue's answer. */
void lookout_answered(struct lookout *lookout, uint32_t messages, uint32_t consumers);

/* Returns whether the queue is to be asked now: if so, the caller asks, and the next time is set.
 */
bool lookout_is_due(struct lookout *lookout, int64_t now_ms);

/* ---- a wait ---- */

/* A wait for deliveries of which none comes, on one connection. */
struct silence {
    unsigned generation; /* of the connection */
    int64_t until_ms;
    bool is_asked; /* the queue, for a sign of life */
    int unknown;   /* answers by which the queue does not know its consumer, */
    int owed;      /* or has a message for it */
};

enum silence_verdict {
    SILENCE_LASTS,
    SILENCE_IS_OVER,   /* nothing has come, and the queue has given a sign of life */
    SILENCE_ASK,       /* the caller is to ask the queue */
    SILENCE_NO_ANSWER, /* the queue has not answered in time: the connection is lost */
    SILENCE_NO_LEADER  /* nor does it know its consumer: likewise */
};

/* Begins a wait of timeout_ms. */
void silence_start(struct silence *silence, unsigned generation, int timeout_ms, int64_t now_ms);

/*
 * Judges a wait of timeout_ms, which never is over if that is negative. has_room says whether the
 * queue may send more before something is settled. Set lookout->awaits_answer when asking.
 */
enum silence_verdict silence_judge(struct silence *silence, const struct lookout *lookout,
                                   bool has_room, int timeout_ms, int64_t now_ms);

/* Returns the time until which there is nothing to judge, unless something comes. */
int64_t silence_quiet_until(const struct silence *silence, const struct lookout *lookout,
                            int timeout_ms);

#endif
