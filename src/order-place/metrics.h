/* metrics: what has become of the input, counted for --metrics. */
#ifndef ORDER_PLACE_METRICS_H
#define ORDER_PLACE_METRICS_H

#include "base/report.h"
#include "place/placement.h"
#include "place/receipts.h"

enum refusal {
    REFUSAL_MALFORMED, /* not JSON, too large, or not all there */
    REFUSAL_INVALID,   /* JSON, but not an order */
    REFUSAL_TAKEN      /* other content under an order_id that is known */
};

/* Opens the file of --metrics; returns what metrics_file_open() returns. */
enum exit_code metrics_open(void);

/* From now on there are also those of the placement; NULL: not any more. */
void metrics_of(struct placement *placement);

void metrics_receipt(const struct receipt *receipt);
void metrics_refusal(enum refusal why);

#endif
