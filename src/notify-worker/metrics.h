/* metrics: who was told and who was not, counted for --metrics. */
#ifndef NOTIFY_WORKER_METRICS_H
#define NOTIFY_WORKER_METRICS_H

#include "hand.h"
#include "notification.h"

#include "base/report.h"

#include <stddef.h>
#include <stdint.h>

/* Opens the file of --metrics; returns what metrics_file_open() returns. */
enum exit_code metrics_open(void);

/* From now on there are also the deliveries of hand; NULL: not any more. */
void metrics_of(const struct hand *hand);

/* Notes the time, which is that of all that is counted until the next call. */
void metrics_note_time(void);

/* Counts a notification of which the log says what became of it: by its verdict and outcome. */
void metrics_handled(const struct notification *notification);

/* Counts one that waits since another worker has claimed it, one that is in doubt, and one whose
 * command has failed. */
void metrics_waits(void);
void metrics_in_doubt(void);
void metrics_failed(void);

/* Counts a turn of so many notifications, claimed since began_us, of clock_monotonic_us(). */
void metrics_claimed(size_t count, int64_t began_us);

#endif
