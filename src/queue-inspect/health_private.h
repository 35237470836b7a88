/* health_private: what the files of health share. */
#ifndef QUEUE_INSPECT_HEALTH_PRIVATE_H
#define QUEUE_INSPECT_HEALTH_PRIVATE_H

#include "health.h"

#include "base/report.h"
#include "store/ledger.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define DETAIL_SIZE 1200

struct health {
    struct queues *queues;
    const struct health_settings *settings;
    cJSON *checks;
    FILE *data;      /* performance data, for Nagios */
    bool has_looked; /* at the queues */
    int64_t *ages;   /* seconds of the first message of each queue, or AGE_NONE if not known */
    bool has_outbox; /* there is a ledger that can be read */
    struct ledger_outbox outbox;
};

/* Appends to detail; what does not fit is cut off. */
void health_say(char detail[DETAIL_SIZE], const char *format, ...) REPORT_FORMAT(2, 3);

/* Prints what was found as metrics for Prometheus. Returns EXIT_OK, or EXIT_OUTPUT. */
enum exit_code health_print_metrics(const struct health *health, bool is_healthy);

/* Checks what is in the queues, for how long, and who consumes it. */
void health_check_queues(struct health *health);

#endif
