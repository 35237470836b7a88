/*
 * metrics: what the worker does, counted for --metrics: without a file nothing is.
 */
#ifndef INVENTORY_WORKER_METRICS_H
#define INVENTORY_WORKER_METRICS_H

#include "hand.h"

#include "base/report.h"
#include "store/ledger.h"

#include <stdbool.h>
#include <stdint.h>

/* Opens the file of --metrics, which tells of hand, too; returns what metrics_file_open()
 * returns. */
enum exit_code metrics_open(const struct hand *hand);

/* Notes the time, which is that of all that is counted until the next call. */
void metrics_note_time(void);

/* Counts a task as its log lines say it: its decision is on disk. */
void metrics_decided(const struct task *task);

/* Counts the result of publishing the event of a task. */
void metrics_published(const struct task *task);

/* Return the monotonic clock in microseconds; 0 without a file. */
int64_t metrics_clock_us(void);

/* Counts a batch of so many deliveries, recorded since began_us, of metrics_clock_us(). */
void metrics_recorded(size_t count, int64_t began_us);

/* Measures the ledger if that is due, or at_once is true. To be called between decisions. */
void metrics_measure(struct ledger *ledger, bool at_once);

#endif
