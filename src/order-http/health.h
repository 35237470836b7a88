/*
 * health: whether this program is alive, and whether it can do its work, for those who watch it.
 *
 *   GET /health  200 {"status": "ok"}
 *   GET /ready   200 {"status": "ready", "store": "ok", "broker": "connected"}
 *                503 {"status": "not ready", "store": "not readable", "broker": "away"}, or one of
 *                    the two
 *
 * While the broker is away, orders are stored all the same: their answers say PENDING.
 */
#ifndef ORDER_HTTP_HEALTH_H
#define ORDER_HTTP_HEALTH_H

#include "service.h"

handler health;
handler ready;

#endif
