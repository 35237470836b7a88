/* subject: what the customers of a run are told about: one type of event, from one queue. */
#ifndef NOTIFY_WORKER_SUBJECT_H
#define NOTIFY_WORKER_SUBJECT_H

#include "amqp/connection.h"
#include "base/report.h"
#include "store/notified.h"

struct subject {
    enum notified_kind kind;
    const char *event_type;
    const char *queue;
    enum exit_code (*declare)(struct connection *connection); /* of topology.h, for the queue */
    const char *told; /* begins the log line about a customer who was told */
};

/* Returns the subject of a kind; a constant. */
const struct subject *subject_of(enum notified_kind kind);

#endif
