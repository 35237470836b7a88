/* metrics: who was told and who was not, counted for --metrics. Without a file most is not. */
#ifndef NOTIFY_WORKER_METRICS_H
#define NOTIFY_WORKER_METRICS_H

#include "hand.h"
#include "notification.h"

#include "base/report.h"
#include "store/notified.h"

#include <stddef.h>
#include <stdint.h>

/* Opens the file of --metrics; returns what metrics_file_open() returns. */
enum exit_code metrics_open(void);

/* From now on there are also the deliveries of hand; NULL: not any more. */
void metrics_of(const struct hand *hand);

/* Counts notifications of which the log says what became of them: by their verdict and outcome. */
void metrics_handled(struct notification *const handled[], size_t handled_count);

/* Counts one that waits since another worker has claimed it, one that is in doubt, and one whose
 * command has failed. */
void metrics_waits(void);
void metrics_in_doubt(void);
void metrics_failed(void);

/* Returns the monotonic clock in microseconds; 0 without a file. */
int64_t metrics_clock_us(void);

/* Counts a turn of so many notifications, claimed since began_us, of metrics_clock_us(). */
void metrics_claimed(size_t claimed_count, int64_t began_us);

/* Measures the store if that is due. */
void metrics_measure(struct notified *notified);

#endif
