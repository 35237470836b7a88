/*
 * outbox: the events that inventory-worker owes: how one is published and told, and when those are
 * looked for that nobody sends.
 *
 * An event goes out with the order whose delivery brought it about. What is left over is sent
 * without a delivery: events of runs that have ended, at the start and every two seconds; and
 * events that the broker did not take, again and again with growing pauses. Those are tried with
 * nothing else on its way, since the broker may refuse one by closing the channel.
 */
#ifndef INVENTORY_WORKER_OUTBOX_H
#define INVENTORY_WORKER_OUTBOX_H

#include "amqp/publisher.h"
#include "base/report.h"
#include "order/order.h"
#include "store/ledger.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Events that outbox_claim() claims at once, at most. */
#define OUTBOX_BATCH 256

/* Milliseconds after which outbox_claim() is to be called again, even if nothing else happens. */
#define OUTBOX_LOOK_MS 2000

/* An event that is owed by this run. */
struct announcement {
    int64_t key; /* of the entry in the ledger */
    enum ledger_outcome outcome;
    char order_id[ORDER_MAX_ID + 1];
    char *event;    /* as one line of JSON; free() it */
    bool is_logged; /* the log has the decision */
    bool is_retry;  /* the broker did not take it before, which was reported */
};

struct outbox {
    size_t refused;      /* events that the broker did not take, and that are owed still */
    size_t in_a_row;     /* of new orders, refused since the last one that was confirmed */
    bool is_trying;      /* some of the refused are on their way again; private, like all below */
    bool failed;         /* one of those was refused again */
    int64_t look_ms;     /* by the monotonic clock: when to look for orphans */
    int64_t retry_ms;    /* when to try those that were refused */
    int64_t pause_ms;    /* between two tries */
    int64_t tried_up_to; /* key of the last that was tried, 0 to begin with the first */
};

/* Fills in an announcement, but for order_id, from a claim that is LEDGER_UNSENT, whose event it
 * takes over. is_retry says that this run owed it before. */
void announcement_set(struct announcement *announcement, struct ledger_claim *claim, bool is_retry);

/* Logs the decision. */
void announcement_log(const struct announcement *announcement);

/* Publishes the event; cookie comes back with its fate. There must be room. Returns what
 * publisher_send() does. */
enum exit_code announcement_publish(const struct announcement *announcement,
                                    struct publisher *publisher, uint64_t cookie);

/* Logs that the broker has confirmed the event, and writes it to standard output. Returns EXIT_OK
 * or EXIT_OUTPUT. */
enum exit_code announcement_tell(const struct announcement *announcement);

/*
 * Claims at most max events, and at most OUTBOX_BATCH, that are to be sent without a delivery now:
 * none if it is not time to look, unless at_once is set. is_idle says that nothing is on its way.
 * If *count is more than 0, a decision of the ledger is open, and claims are the caller's to free.
 * Returns EXIT_OK, or EXIT_STORE, reported.
 */
enum exit_code outbox_claim(struct outbox *outbox, struct ledger *ledger, bool at_once,
                            bool is_idle, struct ledger_claim *claims, size_t max, size_t *count);

/* Returns whether nothing is to be put on its way now, so that what was refused can be tried alone.
 */
bool outbox_holds_back(const struct outbox *outbox);

/* Notes the fate of an event. A refusal is reported, once for each event; is_new says that it came
 * with a delivery. */
void outbox_confirmed(struct outbox *outbox, const struct announcement *announcement);
void outbox_refused(struct outbox *outbox, const struct announcement *announcement, bool is_new,
                    const char *reason);

/* Notes that nothing is on its way any more. */
void outbox_rests(struct outbox *outbox);

#endif
