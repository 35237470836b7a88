/*
 * tcp_connect: connects to a host of which the name may stand for several addresses, such as those
 * of all nodes of a cluster.
 *
 * rabbitmq-c gives up at the first address that does not answer.
 */
#ifndef AMQP_TCP_CONNECT_H
#define AMQP_TCP_CONNECT_H

#include <stddef.h>

/*
 * Tries the addresses of host in turn, each for up to timeout_ms, until one takes the connection;
 * begins with that of number first, counted from 0 and over again after the last. Sends heartbeats
 * meanwhile (wait.h). Once a stop is requested no further address is tried.
 *
 * Returns a socket that does not block, for the caller to close. Otherwise -1, with what the system
 * says of the last address in *reason, which lasts until the next call: "Connection refused".
 */
int tcp_connect(const char *host, int port, size_t first, int timeout_ms, const char **reason);

#endif
