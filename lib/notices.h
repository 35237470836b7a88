/*
 * notices: which orders' customers have been told, on disk, so that a repeat of an event tells nobody twice.
 *
 * Functions that can fail report why and give EXIT_STORE. The file is $NOTIFY_LEDGER.
 */
#ifndef NOTICES_H
#define NOTICES_H

#include "report.h"

#include <stdbool.h>
#include <stdint.h>

struct notices;

enum exit_code notices_open(struct notices **notices);
void notices_close(struct notices *notices);

/* Between the two: notices_add(). Nothing has happened until commit gives EXIT_OK. */
enum exit_code notices_begin(struct notices *notices);
enum exit_code notices_commit(struct notices *notices);
void notices_roll_back(struct notices *notices);

/* Once what was committed has been published or told: see database_tidy(). */
void notices_tidy(struct notices *notices);

/* For many notices_find(), up to notices_roll_back(): they cost less, and nobody is kept from writing meanwhile. */
enum exit_code notices_begin_reading(struct notices *notices);

enum exit_code notices_find(struct notices *notices, const char *order_id, bool *told);

/* Notes that an order's customer was told. Harmless if that stands there already. */
enum exit_code notices_add(struct notices *notices, const char *order_id, int64_t at_ms);

#endif
