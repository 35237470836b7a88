/*
 * leavers: clients that have left without their owner noticing.
 *
 * libmicrohttpd notices by itself, unless the end comes together with the last bytes: epoll tells
 * of both at once, and it is content with the bytes.
 */
#ifndef ORDER_HTTP_LEAVERS_H
#define ORDER_HTTP_LEAVERS_H

#include <stdint.h>

/* Cuts off all that have left, if it is time to look: once a second. now_ms is the monotonic clock,
 * here and below. */
void leavers_cut(int64_t now_ms);

/* Returns the milliseconds until it is time; INT64_MAX if no client could leave unnoticed. */
int64_t leavers_due_ms(int64_t now_ms);

#endif
