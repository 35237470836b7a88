/*
 * notifier: orders whose customers are told, once each, what became of them.
 *
 * What is on disk and on the broker when the program is killed, per delivery:
 *
 *   state                               after a kill
 *   N0  delivered, nothing recorded     redelivered, and handled afresh
 *   N1  claimed: order_id, by whom,     in doubt: told again as attempt n + 1, up to a limit; then
 *       attempt n                       dead-lettered
 *   N2  told: line written, or          as N1: only a kill between N1 and N3 tells a customer twice
 *       command succeeded
 *   N3  recorded as told                redelivered; a repeat, nobody is told
 *   N4  acknowledged                    done
 *
 * N1 and N3 are in record.h, N2 in notifier_tell() and exec.h, N4 in hand.h.
 *
 * Deliveries are taken in hand, and told in turns. One commit records what became of a turn (N3)
 * and claims the orders of the next one (N1); then the deliveries of the first are acknowledged. If
 * nothing is left to be told, the turn is recorded by itself, at once.
 *
 * An order that a living run of another program has claimed waits in hand until that run has
 * recorded what became of it: it may still fail, and its delivery may be gone with its connection,
 * so that ours is the only one.
 *
 * A dead letter that the broker does not take is reported and stays in hand, to be tried again. It
 * does not hold up others.
 *
 * Functions that return an exit code return EXIT_OK or, reported, EXIT_STORE for the store of
 * notified customers, EXIT_OUTPUT for standard output or, for a dead letter, what connection_open()
 * returns.
 */
#ifndef NOTIFY_WORKER_NOTIFIER_H
#define NOTIFY_WORKER_NOTIFIER_H

#include "hand.h"

#include "amqp/consumer.h"
#include "amqp/publisher.h"
#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>

struct notifier;

struct notifier_settings {
    const struct subject *subject;
    struct consumer *consumer;   /* where deliveries are from */
    struct publisher *publisher; /* for dead letters */
    size_t in_hand;              /* deliveries at once, at most */
    size_t together;             /* of them in a turn, at most */
    int max_attempts;            /* per order; those that failed or are in doubt count */
};

/* Opens the store of notified customers. *notifier is freed with notifier_close(). What settings
 * name must outlive it. */
enum exit_code notifier_open(const struct notifier_settings *settings, struct notifier **notifier);

/* Frees the notifier. The deliveries in hand are left to the consumer. NULL is harmless. */
void notifier_close(struct notifier *notifier);

/* Takes count deliveries in hand, as many as there is room for, and drops those whose connection is
 * lost. */
void notifier_take(struct notifier *notifier, struct delivery *const batch[], size_t count);

/* Measures the store for --metrics, if that is due. */
void notifier_measure(struct notifier *notifier);

/* Returns what is in hand. A turn there is not recorded and acknowledged yet. */
const struct hand *notifier_hand(const struct notifier *notifier);

/* Settles the turn, and begins the next one: claims those that are due. The new turn may be
 * empty. */
enum exit_code notifier_next(struct notifier *notifier);

/*
 * Settles the turn: records what became of it, and acknowledges. To be called before the program
 * ends, too, even after a failure. While another process holds the store, tries again until a stop
 * is requested.
 */
enum exit_code notifier_settle(struct notifier *notifier);

/* Returns whether the claims of the turn still count: to be asked right before telling. Otherwise
 * the next turn begins without telling this one, and it is claimed again. */
bool notifier_may_tell(const struct notifier *notifier);

/* Returns the notification of a turn that has just one, if that is to be told: for a caller that
 * tells it itself. NULL otherwise. */
struct notification *notifier_own(struct notifier *notifier);

/* Tells the turn by lines on standard output, and handles those that are not to be told. */
enum exit_code notifier_tell(struct notifier *notifier);

/* Notes that the caller has told a notification, and writes its line. The order counts as told even
 * if that fails. */
enum exit_code notifier_was_told(struct notifier *notifier, struct notification *notification);

/* Moves a notification to the dead letter queue, with reason. Returns EXIT_OK even if the broker
 * does not take it: then it is tried again later, and hand_verdict() tells. */
enum exit_code notifier_give_up(struct notifier *notifier, struct notification *notification,
                                const char *reason);

#endif
