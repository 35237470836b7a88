/*
 * connect_error: finds out why a host cannot be reached over TCP.
 *
 * rabbitmq-c says "a socket error occurred" whatever the reason.
 */
#ifndef AMQP_CONNECT_ERROR_H
#define AMQP_CONNECT_ERROR_H

/*
 * Tries once more to connect, for up to timeout_ms for each address of the host, and returns what
 * the system says: "Connection refused". If it can be reached this time, the text says so. The text
 * lasts until the next call.
 */
const char *connect_error_of(const char *host, int port, int timeout_ms);

/*
 * Looks up the addresses of a host. Returns NULL if there is one; otherwise the reason, a text of
 * the C library or a constant. Unlike getaddrinfo() it lets heartbeats be sent meanwhile (wait.h),
 * and returns "asked to stop" once a stop is requested.
 */
const char *connect_error_of_lookup(const char *host);

#endif
