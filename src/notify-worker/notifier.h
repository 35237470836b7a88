/*
 * notifier: reserved orders on their way to their customers, each of whom is told once.
 *
 * What is on disk and on the broker when the program is killed, per delivery:
 *
 *   N0  delivered, nothing recorded             redelivered, handled afresh
 *   N1  claimed: order_id, by whom, attempt n   in doubt: told again as attempt n + 1, up to a
 * limit, then dead-lettered N2  told: line written, command succeeded   as N1: only a kill between
 * N1 and N3 brings a second telling N3  recorded as told                        redelivered; a
 * repeat, nobody is told N4  acknowledged                            done
 *
 * Deliveries are taken in hand, and told in turns. One transaction records what became of a turn
 * (N3) and claims the orders of the next one (N1); then what the first has settled is acknowledged.
 * If nothing is left to be told, the turn is recorded by itself, at once.
 *
 * An order that a living run of another program has claimed waits in hand until that is settled:
 * that run may still fail, and its delivery may be gone with its connection, so that ours is the
 * only one.
 *
 * A dead letter that the broker does not take is reported, and stays in hand: it does not hold up
 * others.
 *
 * An exit code that is not EXIT_OK was reported: EXIT_STORE, for the ledger of those who were told;
 * EXIT_OUTPUT; or, for a dead letter, what connection_open() gives.
 */
#ifndef NOTIFY_WORKER_NOTIFIER_H
#define NOTIFY_WORKER_NOTIFIER_H

#include "amqp/consumer.h"
#include "amqp/publisher.h"
#include "base/report.h"
#include "order/order.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct notifier;

struct notifier_settings {
    struct consumer *consumer;   /* where deliveries are from */
    struct publisher *publisher; /* for dead letters */
    size_t in_hand;              /* deliveries at once, at most */
    size_t together;             /* of them in a turn, at most */
    int max_attempts;            /* to tell an order, that failed or are in doubt */
};

enum verdict {
    VERDICT_TELL,
    VERDICT_REPEAT,    /* the customer was told before, or is to be told by a copy in hand */
    VERDICT_OTHER,     /* an event of another type: ignored */
    VERDICT_MALFORMED, /* to be moved to the dead letter queue */
    VERDICT_SPENT,     /* the same, after max_attempts */
    VERDICT_WAIT       /* another run has claimed it */
};

enum outcome {
    OUTCOME_OPEN, /* nothing has become of it: it stays in hand, or in the queue */
    OUTCOME_DONE, /* told, if it was to be told: to be acknowledged */
    OUTCOME_DEAD  /* not told, but in the dead letter queue: to be acknowledged */
};

/* A delivery in hand. */
struct notification {
    struct delivery *delivery;
    enum verdict verdict;
    enum outcome outcome;
    char order_id[ORDER_MAX_ID + 1]; /* "" if it has none */
    const char *event;               /* on one line, if it has an order_id; not ended by NUL */
    size_t event_len;
    int attempt;         /* with the one of this turn */
    int attempts_if_not; /* recorded if the order is not told: without this one, unless the caller
                            counts it */
    int64_t due_ms;  /* by the monotonic clock: when it may be told; the caller may put it off */
    size_t line_end; /* private, like all below */
    char *copy;
    char *fault;
    bool is_to_be_claimed;
    bool is_claimed;
    bool is_in_doubt; /* may have been told before */
    bool was_tried;
    bool is_waiting_for_others;
    bool is_refused; /* by the broker, as a dead letter */
    struct notification *next;
};

/* What settings name must outlive it. */
enum exit_code notifier_open(const struct notifier_settings *settings, struct notifier **notifier);

/* NULL is harmless. Deliveries that are not settled are the consumer's. */
void notifier_close(struct notifier *notifier);

/* Takes deliveries in hand, in place of those whose connection is lost. There must be room:
 * notifier_room(). */
void notifier_take(struct notifier *notifier, struct delivery *const batch[], size_t count);

/* How many deliveries more can be taken in hand; how many are, whether they wait for a turn or are
 * in one. */
size_t notifier_room(const struct notifier *notifier);
size_t notifier_count(const struct notifier *notifier);

/* How many in hand were to become dead letters, which the broker did not take. Each is tried again
 * after a while. */
size_t notifier_refused(const struct notifier *notifier);

/* Is there a turn that is not yet recorded and acknowledged? */
bool notifier_is_unsettled(const struct notifier *notifier);

/* Milliseconds until one that waits for its turn is due; 0 if one is, -1 if none waits. */
int notifier_wait_ms(const struct notifier *notifier);

/*
 * Begins a turn of those that are due, and settles the one before. If none is due it only does the
 * latter. The turn may be empty.
 */
enum exit_code notifier_next(struct notifier *notifier);

/*
 * Settles the turn, whatever became of it, and leaves none. Also to be called before the program
 * ends, after a failure as well. While another process holds the ledger, tries again until a stop
 * is asked for.
 */
enum exit_code notifier_settle(struct notifier *notifier);

/* The one notification of a turn, if there is one that is to be told: for a caller that tells by
 * itself. NULL otherwise. */
struct notification *notifier_own(struct notifier *notifier);

/* Tells the turn by lines on standard output, and deals with those that are not to be told. */
enum exit_code notifier_tell(struct notifier *notifier);

/* A notification was told by the caller: adds its line. The order counts as told even if that
 * cannot be written. */
enum exit_code notifier_was_told(struct notifier *notifier, struct notification *notification);

/* One that cannot be told is moved to the dead letter queue; EXIT_OK also if the broker does not
 * take it: notifier_refused(). */
enum exit_code notifier_give_up(struct notifier *notifier, struct notification *notification,
                                const char *reason);

#endif
