#include "show_metrics.h"

#include "metrics.h"
#include "request.h"

#include "place/placement.h"
#include "store/orders.h"

void show_metrics(struct service *service, struct request *request)
{
    static const enum order_status pending = ORDER_PENDING;
    struct metrics_now now = {.placement = service->placement,
                              .broker_is_connected = placement_is_connected(service->placement),
                              .broker_is_blocked = placement_is_blocked(service->placement)};
    size_t len;
    char *text;

    now.store_is_readable =
        service->reader->operations->count(service->reader, &pending, &now.pending) == EXIT_OK;
    text = metrics_text(&now, &len);
    answer_text(&request->answer, 200, METRICS_TYPE, text, len);
}
