#include "subject.h"

#include "amqp/topology.h"
#include "order/event.h"

static const struct subject subjects[] = {
    [NOTIFIED_RESERVED] = {NOTIFIED_RESERVED, EVENT_RESERVED, RESERVED_QUEUE, topology_declare,
                           "[notify] Order confirmed: "},
    [NOTIFIED_FAILED] = {NOTIFIED_FAILED, EVENT_FAILED, FAILED_QUEUE, topology_declare,
                         "[notify] Order failed: "},
    [NOTIFIED_RELEASED] = {NOTIFIED_RELEASED, EVENT_RELEASED, RELEASED_QUEUE,
                           topology_declare_released, "[notify] Order released: "},
};

const struct subject *subject_of(enum notified_kind kind)
{
    return &subjects[kind];
}
