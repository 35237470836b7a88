/*
 * access_log: a line on standard error for each request:
 *
 *   [http] POST /order 202 76 bytes 1.234 ms 127.0.0.1:53412 0190b5a6-...
 *
 * As JSON (report.h) the members "method", "path", "status", "bytes", "ms" and "peer" follow the
 * message, which is that line.
 *
 * The path comes without its query. Of the header and the body nothing is shown, so no secret is.
 * The status is "-", or null, if the client left before there was an answer, or libmicrohttpd
 * refused what was no request.
 */
#ifndef ORDER_HTTP_ACCESS_LOG_H
#define ORDER_HTTP_ACCESS_LOG_H

#include <stdint.h>

struct access {
    const char *method;
    const char *target; /* as it came; "" if there is none */
    unsigned status;    /* 0: none */
    uint64_t bytes;     /* of the body of the answer */
    int64_t duration_us;
    const char *peer;
    const char *order_id; /* "" if it is about no one order */
};

/* Writes the line; it is buffered as log_line() (report.h) does. */
void access_log(const struct access *access);

#endif
