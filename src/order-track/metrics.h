/* metrics: what was recorded, counted for --metrics. Without a file most is not. */
#ifndef ORDER_TRACK_METRICS_H
#define ORDER_TRACK_METRICS_H

#include "outcome.h"

#include "base/report.h"
#include "store/orders.h"

#include <stddef.h>
#include <stdint.h>

/* Opens the file of --metrics; returns what metrics_file_open() returns. */
enum exit_code metrics_open(void);

/* Returns the monotonic clock in microseconds; 0 without a file. */
int64_t metrics_clock_us(void);

/* Counts a batch of so many deliveries, recorded since began_us, of metrics_clock_us(). */
void metrics_recorded(size_t count, int64_t began_us);

/* Counts an outcome of the last batch as the log says it. */
void metrics_outcome(const struct outcome *outcome);

/* Counts a malformed message that was moved to the dead letters. */
void metrics_moved(void);

/* Measures the store if that is due. */
void metrics_measure(struct orders *store);

/* Sets how many are in hand, since they could not be moved. */
void metrics_stuck(size_t count);

#endif
