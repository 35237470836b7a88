/*
 * telling: reserved orders on their way to their customers, each of whom is told once.
 *
 * What is on disk and on the broker when the program is killed, per delivery:
 *
 *   N0  delivered                            redelivered, handled afresh
 *   N1  line written, or command succeeded   redelivered; the customer is told again
 *   N2  one transaction: order_id was told   redelivered; a repeat, nobody is told
 *   N3  acknowledged                         done; a later copy is a repeat
 *
 * Deliveries are taken in hand, told or put aside, settled on the broker by the caller, and dropped. An exit code that is
 * not EXIT_OK was reported: EXIT_STORE, for the ledger of those who were told; EXIT_OUTPUT; or, for a dead letter,
 * EXIT_REFUSED or what link_open() gives.
 */
#ifndef TELLING_H
#define TELLING_H

#include "consumer.h"
#include "order.h"
#include "publisher.h"
#include "report.h"

#include <stddef.h>
#include <stdint.h>

struct telling;

enum verdict {
    VERDICT_TELL,
    VERDICT_REPEAT,   /* the customer was told before, or is to be told by one that came earlier */
    VERDICT_OTHER,    /* an event of another type: of no account */
    VERDICT_MALFORMED /* to be moved to the dead letter queue */
};

/* A delivery in hand. */
struct notice {
    struct delivery *delivery;
    enum verdict verdict;
    char order_id[ORDER_MAX_ID + 1];
    struct order_fault fault; /* VERDICT_OTHER, VERDICT_MALFORMED */
    char *event;              /* VERDICT_TELL: as one line */
    int tries;                /* of whoever tells, to be counted by the caller */
    int64_t due_ms;           /* by the steady clock: when it was taken in hand; the caller may put it off */
};

/* Up to max deliveries will be in hand. publisher is for dead letters, and must outlive it. */
enum exit_code telling_open(struct publisher *publisher, size_t max, struct telling **telling);

/* NULL is harmless. The deliveries stay the caller's. */
void telling_close(struct telling *telling);

/* Takes deliveries in hand, and finds out what is to be done about each. There must be room. */
enum exit_code telling_take(struct telling *telling, struct delivery *const batch[], size_t count);

/* Those in hand, in the order in which they came. The array stays where it is while some are taken or dropped. */
struct notice *telling_notices(struct telling *telling);
size_t telling_count(const struct telling *telling);

/* For some that are in hand, next to each other: tells those that are to be told, and records that; puts aside the rest. */
enum exit_code telling_tell(struct telling *telling, const struct notice *notices, size_t count);

/* One that cannot be told is moved to the dead letter queue. */
enum exit_code telling_give_up(struct telling *telling, const struct notice *notice, const char *reason);

/* Some that are in hand, next to each other, are no longer: they are settled, or stale. */
void telling_drop(struct telling *telling, struct notice *notices, size_t count);

#endif
