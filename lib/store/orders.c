#include "store/orders.h"

const char *order_status_name(enum order_status status)
{
    return status == ORDER_PENDING ? "PENDING" : "PLACED";
}
