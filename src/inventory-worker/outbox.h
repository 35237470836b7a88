/*
 * outbox: the events that inventory-worker owes: how one is published and told, and when to look
 * for those that nobody publishes.
 *
 * Most events are published with the delivery that they are about. Without one are published:
 * events of runs that have ended, and of inventory-stock, looked for at the start and every two
 * seconds; and events that the broker refused, again and again with growing pauses. Those are tried
 * while nothing else is on its way, since the broker may refuse an event by closing the channel.
 */
#ifndef INVENTORY_WORKER_OUTBOX_H
#define INVENTORY_WORKER_OUTBOX_H

#include "amqp/publisher.h"
#include "base/report.h"
#include "message/send_spans.h"
#include "order/order.h"
#include "store/ledger.h"
#include "trace/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Events that outbox_claim() claims at once, at most. */
#define OUTBOX_BATCH 256

/* Milliseconds after which to call outbox_claim() again, even if nothing else happens. */
#define OUTBOX_LOOK_MS 2000

/* An event that is owed by this run. */
struct announcement {
    int64_t key;                 /* of the entry in the ledger */
    enum ledger_outcome outcome; /* that the event announces */
    char order_id[ORDER_MAX_ID + 1];
    char *event;       /* as one line of JSON; free() it */
    char *trace;       /* context (trace/context.h) that it carries, or NULL; free() it */
    struct span *span; /* of the processing that it comes from, or NULL; span_drop() it */
    bool is_logged;    /* the log has the decision */
    bool is_retry;     /* the broker did not take it before, which was reported */
};

struct outbox {
    size_t refused;      /* events that the broker refused, and that are still owed */
    size_t in_a_row;     /* events of new orders, refused since the last confirmed one */
    bool is_trying;      /* some refused events are on their way again */
    bool failed;         /* private, like all below: one of those was refused again */
    int64_t look_ms;     /* monotonic time at which to look for orphaned events */
    int64_t retry_ms;    /* monotonic time at which to try refused ones */
    int64_t pause_ms;    /* between two attempts */
    int64_t tried_up_to; /* key of the last that was tried, 0 to begin with the first */
};

/* Fills in an announcement, but for order_id, from a claim that is LEDGER_UNSENT, whose event it
 * takes over. is_retry says that this run owed it before. */
void announcement_set(struct announcement *announcement, struct ledger_claim *claim, bool is_retry);

/* Publishes the event, whose span is added to spans; publisher_next() gives cookie back with the
 * result. The publisher must have room. Returns what publisher_send() returns. */
enum exit_code announcement_publish(const struct announcement *announcement,
                                    struct publisher *publisher, struct send_spans *spans,
                                    uint64_t cookie);

/* Logs that the broker has confirmed the event, and writes it to standard output. Returns EXIT_OK
 * or EXIT_OUTPUT. */
enum exit_code announcement_tell(const struct announcement *announcement);

/*
 * Claims up to max events, and up to OUTBOX_BATCH, that are to be published without a delivery now;
 * none before it is time to look, unless at_once is true. is_idle says that nothing is on its way.
 * If *count is more than 0, a decision of the ledger is open; the caller frees order_id and event
 * of each claim. Returns as the ledger's claim_unsent().
 */
enum exit_code outbox_claim(struct outbox *outbox, struct ledger *ledger, bool at_once,
                            bool is_idle, struct ledger_claim *claims, size_t max, size_t *count);

/* Returns whether to publish nothing else now, so that refused events can be tried alone. */
bool outbox_holds_back(const struct outbox *outbox);

/* Note the result of publishing an event. The first refusal of an event is reported, with reason;
 * is_new says that it was published with a delivery. */
void outbox_confirmed(struct outbox *outbox, const struct announcement *announcement);
void outbox_refused(struct outbox *outbox, const struct announcement *announcement, bool is_new,
                    const char *reason);

/* Notes that nothing is on its way. */
void outbox_rests(struct outbox *outbox);

#endif
