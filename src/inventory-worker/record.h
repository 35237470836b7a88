/*
 * record: what becomes of deliveries, on disk before anybody is told: each batch is decided and
 * recorded in one commit of the ledger.
 *
 * Every function that returns an exit code returns EXIT_OK, or EXIT_STORE, reported: nothing was
 * recorded then.
 */
#ifndef INVENTORY_WORKER_RECORD_H
#define INVENTORY_WORKER_RECORD_H

#include "hand.h"
#include "outbox.h"
#include "reservation.h"

#include "base/report.h"
#include "order/order.h"
#include "stock/levels.h"
#include "store/ledger.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct recorder {
    struct ledger *ledger;
    struct hand *hand;
    struct reservation_rule rule;
    long retain_days;        /* after which an order is forgotten; negative: never */
    int64_t expire_after_ms; /* after which a reservation is released; 0: never */
    /* Keys of events that the broker has confirmed, and that were told: added by others, recorded
     * with the next batch or by record_confirmed(). */
    int64_t *confirmed;
    size_t confirmed_count;
    struct order *orders;        /* private, like all below: of what is looked up together, */
    struct ledger_claim *claims; /* and what the ledger says of them */
    struct ledger_decision *decisions;
    size_t decision_count;
    struct ledger_end *ends; /* of orders that are to be released, */
    const char **reasons;    /* and why */
    struct levels levels;
    int64_t expire_ms; /* monotonic time at which to look for expired reservations */
};

/* Opens the ledger and starts a run. ledger is the recorder's own. hand must outlive it; rule,
 * retain_days and expire_after_ms are given. */
enum exit_code recorder_open(struct recorder *recorder, struct hand *hand);

/* Frees all. Harmless if recorder_open() failed. */
void recorder_close(struct recorder *recorder);

/* For release.c: commits the decisions made, and frees what they hold. May return EXIT_PENDING. */
enum exit_code record_commit(struct recorder *recorder);

/* Decides and records the last count tasks in hand, which have a delivery each and get their kind,
 * and what was confirmed. */
enum exit_code record_deliveries(struct recorder *recorder, size_t count);

/* Takes events in hand that this run is to publish without a delivery, as outbox_claim() finds
 * them. *count says how many: the last ones in hand. */
enum exit_code record_unsent(struct recorder *recorder, struct outbox *outbox, bool at_once,
                             size_t *count);

/* Records what was confirmed, unsynced. */
enum exit_code record_confirmed(struct recorder *recorder);

#endif
