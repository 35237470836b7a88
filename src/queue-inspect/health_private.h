/* health_private: what the files of health share. */
#ifndef QUEUE_INSPECT_HEALTH_PRIVATE_H
#define QUEUE_INSPECT_HEALTH_PRIVATE_H

#include "health.h"

#include "base/report.h"

#include <cjson/cJSON.h>
#include <stdio.h>

#define DETAIL_SIZE 1200

struct health {
    struct queues *queues;
    const struct health_settings *settings;
    cJSON *checks;
    FILE *data; /* performance data, for Nagios */
};

/* Appends to detail; what does not fit is cut off. */
void health_say(char detail[DETAIL_SIZE], const char *format, ...) REPORT_FORMAT(2, 3);

/* Checks what is in the queues, for how long, and who consumes it. */
void health_check_queues(struct health *health);

#endif
