/*
 * daemons: the instances of libmicrohttpd. An instance keeps its certificate: for another one a new
 * instance is started, which takes all connections from then on, and the older one is stopped once
 * its own have ended.
 */
#ifndef ORDER_HTTP_DAEMONS_H
#define ORDER_HTTP_DAEMONS_H

#include "server.h"

#include "base/report.h"

#include <stdbool.h>
#include <sys/socket.h>

/* Starts one, and reads the certificate for it. Returns as server_open() does; after a failure, the
 * one before goes on. */
enum exit_code daemons_start(const struct server_settings *settings);

/* Returns a descriptor that is readable when the newest one has something to do. */
int daemons_descriptor(void);

/* Gives a connection to the newest one. Returns false, with the socket closed, if it cannot be
 * taken. */
bool daemons_add(int socket, const struct sockaddr *address, socklen_t len);

/* Does what can be done without waiting. Returns as server_step() does. */
int daemons_run(void);

/* Stops all, and ends their connections. Harmless if there is none. */
void daemons_stop(void);

#endif
