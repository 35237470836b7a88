/*
 * reach: TCP connections that rabbitmq-c does not make itself: one that is begun ahead of time, and one that finds out
 * why a host cannot be reached.
 */
#ifndef REACH_H
#define REACH_H

/*
 * rabbitmq-c says "a socket error occurred" whatever the reason. This tries to connect once more, for the
 * time of timeout_ms at most, and says what the system says: "Connection refused". Returns a text that lasts
 * until the next call; one that says so if this time the host could be reached.
 */
const char *reach_reason(const char *host, int port, int timeout_ms);

/*
 * Begins to connect to a host that takes no asking around: an address, or localhost. Never waits. A descriptor for
 * reach_finish(), to be closed; -1 if there is none.
 */
int reach_begin(const char *host, int port);

/*
 * Waits, for timeout_ms at most, until the connection is made. 0, or an errno value. Then it does not block, and suits
 * amqp_tcp_socket_set_sockfd().
 */
int reach_finish(int fd, int timeout_ms);

#endif
