/*
 * reach: why a host cannot be reached over TCP.
 */
#ifndef REACH_H
#define REACH_H

/*
 * rabbitmq-c says "a socket error occurred" whatever the reason. This tries to connect once more, for the
 * time of timeout_ms at most, and says what the system says: "Connection refused". Returns a text that lasts
 * until the next call; one that says so if this time the host could be reached.
 */
const char *reach_reason(const char *host, int port, int timeout_ms);

#endif
