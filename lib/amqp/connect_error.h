/*
 * reach: why a host cannot be reached over TCP.
 */
#ifndef AMQP_CONNECT_ERROR_H
#define AMQP_CONNECT_ERROR_H

/*
 * rabbitmq-c says "a socket error occurred" whatever the reason. This tries to connect once more,
 * for the time of timeout_ms at most, and says what the system says: "Connection refused". Returns
 * a text that lasts until the next call; one that says so if this time the host could be reached.
 */
const char *connect_error_of(const char *host, int port, int timeout_ms);

/*
 * Looks the host up. Returns NULL if it has an address, or else the reason, which lasts for ever.
 * Unlike getaddrinfo() it heeds a stop, keeps connections alive (wait.h), and then says that it was
 * asked to stop.
 */
const char *connect_error_of_lookup(const char *host);

#endif
