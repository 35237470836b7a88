/*
 * cancelling: cancellations on their way to their receipts: stored, published, confirmed, and told.
 *
 * What is on disk and on the broker when the program is killed, per order:
 *
 *   state                         after a kill
 *   C0  read                      no receipt, nothing stored: cancel it again
 *   C1  row pending committed     the next run, or order-cancel --flush, publishes it
 *   C2  published and confirmed   it is published again: same message_id, ignored by inventory
 *   C3  row marked as sent        the receipt may be missing: cancel it again, for the same receipt
 *
 * C1 is on disk before the cancellation is published. C3 is not synced: after a loss of power a
 * cancellation may be back in C1 though its receipt was told. That costs a second copy.
 *
 * A broker that stays away is not a failure here: the cancellations stay pending, and
 * cancelling_verdict() says so. Functions that return an exit code return the first failure, at
 * every call from then on; EXIT_STORE once the store has failed, whatever was first.
 */
#ifndef ORDER_CANCEL_CANCELLING_H
#define ORDER_CANCEL_CANCELLING_H

#include "amqp/broker_options.h"
#include "amqp/connection.h"
#include "base/report.h"
#include "base/uuid.h"
#include "store/cancellations.h"

#include <stdbool.h>
#include <stdint.h>

struct cancelling;

/* What became of a cancellation. */
struct cancel_receipt {
    unsigned char id[UUID_BYTES];
    enum cancellation_state state; /* if PENDING, a later run has to publish it */
    bool is_repeated;              /* the order had been cancelled before */
    uint64_t number; /* in the input, from 1, and its line; 0 if an earlier run left it */
    uint64_t line;
};

struct cancelling_settings {
    const struct broker_options *options; /* must outlive the cancelling, as trace */
    const char *trace; /* context (trace/context.h) that the events of this run carry, or NULL */
    void *context;
    /* Called for each, in the order of cancelling_take(). */
    void (*tell)(void *context, const struct cancel_receipt *receipt);
};

/*
 * Opens the order store, which must be there, and makes the pending cancellations of ended runs
 * this run's own. Connects on first use. Returns EXIT_OK, with *cancelling to be freed by
 * cancelling_close(), or EXIT_STORE, reported.
 */
enum exit_code cancelling_open(const struct cancelling_settings *settings,
                               struct cancelling **cancelling);

/* Frees all and ends the run. NULL is harmless. */
void cancelling_close(struct cancelling *cancelling);

/* Returns whether the batch can take this order: it is not full, and the order is not in it. */
bool cancelling_has_room(const struct cancelling *cancelling, const unsigned char *id);

/* Adds an order to the batch, in which there must be room. reason is copied. */
void cancelling_take(struct cancelling *cancelling, const unsigned char *id, const char *reason,
                     uint64_t number, uint64_t line);

/*
 * Stores the batch, publishes it, waits for the broker's confirms, and tells the receipts. After
 * EXIT_STORE the batch is as it was: cancelling_oldest().
 */
enum exit_code cancelling_turn(struct cancelling *cancelling);

/* Publishes the pending cancellations of this run, those that earlier runs left among them, and
 * tells their receipts if tells. */
enum exit_code cancelling_send_pending(struct cancelling *cancelling, bool tells);

/* If connecting was given up, and the retry delay has passed since: tries once more, without
 * waiting or reporting, and then publishes the pending cancellations of this run. */
enum exit_code cancelling_retry(struct cancelling *cancelling);

/* Sets *number and *line to those of the first of the batch. Returns false if that is empty. */
bool cancelling_oldest(const struct cancelling *cancelling, uint64_t *number, uint64_t *line);

/* After EXIT_STORE: returns whether the batch may be stored all the same. */
bool cancelling_is_in_doubt(const struct cancelling *cancelling);

/* Returns the connection, for connection_wait(). */
struct connection *cancelling_connection(struct cancelling *cancelling);

/* Returns EXIT_REFUSED if the broker did not take a cancellation, otherwise EXIT_PENDING if one was
 * pending when its receipt was told, otherwise EXIT_OK. */
enum exit_code cancelling_verdict(const struct cancelling *cancelling);

#endif
