/*
 * health: whether the program is alive.
 */
#ifndef ORDER_HTTP_HEALTH_H
#define ORDER_HTTP_HEALTH_H

#include "service.h"

/* GET /health: 200 {"status": "ok"}, as long as the program answers at all. */
handler health;

#endif
