/*
 * show_metrics: GET /metrics: metrics.h as text.
 */
#ifndef ORDER_HTTP_SHOW_METRICS_H
#define ORDER_HTTP_SHOW_METRICS_H

#include "service.h"

handler show_metrics;

#endif
