/*
 * listen: the sockets on which clients connect: addresses, Unix sockets, and those that systemd
 * hands over.
 */
#ifndef ORDER_HTTP_LISTEN_H
#define ORDER_HTTP_LISTEN_H

#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#define LISTEN_DEFAULT "127.0.0.1:8001"

/* An address to listen on. */
struct listen_address {
    struct sockaddr_storage socket;
    socklen_t len;
};

/*
 * Reads "ADDRESS:PORT", with a numeric address, one of IPv6 in brackets; or "unix:PATH". Port 0
 * stands for any that is free. Returns NULL, or the reason, a constant, why it is no address.
 */
const char *listen_parse(const char *text, struct listen_address *address);

/* Returns whether only this machine, or for a Unix socket only its owner, can connect. */
bool listen_is_local(const struct listen_address *address);

/* Size of a buffer for an address as text. */
#define LISTEN_TEXT_SIZE (sizeof(struct sockaddr_un) + 8)

/* Writes an address as listen_parse() reads it; "unix" for a Unix socket without a path. */
void listen_text(const struct sockaddr *address, socklen_t len, char text[LISTEN_TEXT_SIZE]);

/* ---- the sockets of the program ---- */

/*
 * Opens the sockets: those that systemd hands over (LISTEN_FDS), and that of where, if it is not
 * NULL; if there is neither, that of LISTEN_DEFAULT. All are non-blocking. A Unix socket is made
 * with mode 0600, in place of one that nobody listens on any more. Returns EXIT_OK; EXIT_USAGE for
 * a malformed address, or one that is not local unless is_guarded; or EXIT_UNREACHABLE. Failures
 * are reported.
 */
enum exit_code listen_open(const char *where, bool is_guarded);

/* Reports where the open sockets listen: clients are served from now on. */
void listen_tell(void);

/* Returns how many sockets are open. */
size_t listen_count(void);

/* Returns the descriptor of an open socket. */
int listen_descriptor(size_t index);

/* Closes the sockets, and removes the Unix socket that was made. Harmless if none is open. */
void listen_close(void);

#endif
