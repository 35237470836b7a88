/* connection_metrics: how the connections of the program fare, for Prometheus. */
#ifndef AMQP_CONNECTION_METRICS_H
#define AMQP_CONNECTION_METRICS_H

#include "metrics/text.h"

/* Writes broker_connection_up, broker_connection_blocked, broker_reconnects_total and
 * broker_blocked_seconds_total, with a sample for each connection, by its purpose. */
void connection_print_metrics(const struct metrics_text *text);

#endif
