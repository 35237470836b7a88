/*
 * server: accepts clients, and speaks HTTP with them by libmicrohttpd, within the caller's loop:
 *
 *     while (!server_is_done()) {
 *         int due_ms = server_step();
 *
 *         ...
 *         connection_wait(connection, server_descriptor(), due_ms);
 *     }
 *
 * Nothing here waits for a client. The sockets are those of listen.h, the limits those of
 * clients.h.
 */
#ifndef ORDER_HTTP_SERVER_H
#define ORDER_HTTP_SERVER_H

#include "clients.h"
#include "service.h"

#include "base/report.h"

#include <stdbool.h>

struct server_settings {
    struct service *service; /* given to the handlers; must outlive the server, like clients */
    const struct clients_settings *clients;
    const char *certificate; /* files in PEM format, for TLS; NULL: none */
    const char *key;
};

/*
 * Starts to serve the sockets that listen_open() has opened. Returns EXIT_OK; EXIT_LOGIN if the
 * certificate or its key cannot be used; or EXIT_BUG. Failures are reported.
 */
enum exit_code server_open(const struct server_settings *settings);

/* Reads certificate and key anew, for those who connect from now on. Returns as server_open() does;
 * after a failure the old ones stay. Does nothing without them. */
enum exit_code server_renew(void);

/* Makes the descriptor below readable also while that one is. */
void server_watch(int descriptor);

/* Returns a descriptor that is readable when server_step() has something to do. */
int server_descriptor(void);

/*
 * Does what can be done without waiting. Returns the milliseconds after which it must be called
 * again, even if the descriptor is not readable; negative: never.
 */
int server_step(void);

/* Returns the sooner of two such times. */
int server_sooner(int a_ms, int b_ms);

/*
 * Stops accepting: closes the sockets of listen.h, after those that have connected by now were
 * accepted. From now on every answer is the last of its connection, and idle clients are cut off.
 */
void server_quiesce(void);

/* Returns whether, after server_quiesce(), all clients have gone, or the time for an answer is
 * over. */
bool server_is_done(void);

/* Cuts off the clients that are left, and frees all. Harmless if nothing is open. */
void server_close(void);

#endif
