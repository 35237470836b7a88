/*
 * clients: the connections at hand: how many there may be, and how long each may take.
 *
 * The deadlines are absolute: a client that sends or takes a byte now and then does not move them.
 * The one exception is an answer that is so long that it takes more than its time: it goes on as
 * long as the client has taken CLIENTS_PACE bytes a second since the last look.
 *
 * A client is in one phase at a time. What a deadline does depends on it:
 *
 *   phase            since                              at the deadline
 *   CLIENT_NEW       it has connected                   408, and the connection is cut
 *   CLIENT_IDLE      its last answer was sent           the connection is cut
 *   CLIENT_HEADER    the first line of a request        408, and the connection is cut
 *   CLIENT_BODY      the header was complete            408, and the connection is cut
 *   CLIENT_ANSWER    the request was complete           503 if it still waits, otherwise it is cut
 *
 * To cut is to shut the socket down; its owner notices, closes it and calls clients_remove(). With
 * TLS nothing but the owner can write to the socket, so that there is no 408.
 */
#ifndef ORDER_HTTP_CLIENTS_H
#define ORDER_HTTP_CLIENTS_H

#include "answer.h"
#include "listen.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define CLIENTS_PACE 65536 /* bytes a second */

enum client_phase { CLIENT_NEW, CLIENT_IDLE, CLIENT_HEADER, CLIENT_BODY, CLIENT_ANSWER };
#define CLIENT_PHASES 5

struct request;

struct client {
    int socket;
    char peer[LISTEN_TEXT_SIZE]; /* its address, fit to be shown */
    enum client_phase phase;
    struct request *request; /* the one at hand, or NULL */
    bool is_refusing;        /* was answered before all that it sends was read */
    uint64_t taken;          /* bytes of the answer that were handed out since since_ms */

    /* Private to clients.c and leavers.c. */
    struct sockaddr_storage address;
    int64_t since_ms;    /* in this phase, or since the last look at its pace */
    struct client *next; /* in the same phase, for a shorter time */
    struct client *previous;
};

struct clients_settings {
    int most;            /* connections in all */
    int most_of_address; /* connections of one address; 0: no limit */
    int header_ms;
    int body_ms;
    int answer_ms;
    int idle_ms;
    bool uses_tls;
};

/*
 * Sets the limits. Raises the limit of open files (RLIMIT_NOFILE) if it can; where that is too low
 * for so many connections, fewer are allowed, which is reported.
 */
void clients_open(const struct clients_settings *settings);

/*
 * Takes a new connection, which its owner closes after clients_remove(). Returns NULL, with nothing
 * taken, if there are too many: then clients_refuse() it. Makes room once nearly all connections
 * are in use; until the owner of the one that goes has noticed, there may be one too many.
 */
struct client *clients_add(int socket, const struct sockaddr *address, socklen_t len);

/* Returns the client with that socket, which has just been added; NULL if there is none. */
struct client *clients_of_socket(int socket);

/* Forgets the client that was added with that socket, if it is there still: the owner could not
 * take it, and has closed the socket. */
void clients_lose(int socket);

/* Cuts off the client that has been idle longest; if there is none, one that has connected and sent
 * nothing. */
void clients_make_room(void);

/*
 * Answers 408 to the client that has been longest at sending a body, drops that, and cuts the
 * client off. Returns false if none has been at it for a second.
 */
bool clients_end_slowest_body(void);

/* Answers a connection that was not taken, as far as that is possible: 429 if it is one too many of
 * its address, otherwise 503. Closes it. */
void clients_refuse(int socket, const struct sockaddr *address);

/*
 * Forgets a client, whose socket the caller is about to close. If it may have been answered before
 * all that it sends was read, what it still sends is read and dropped, on a descriptor of its own,
 * until it is silent for a moment: closing at once would reset the connection, and take the answer
 * from the client.
 */
void clients_remove(struct client *client);

/* Returns the client that has been in this phase longest, or NULL. */
struct client *clients_oldest(enum client_phase phase);

/* Moves a client to a phase, which starts now. */
void clients_enter(struct client *client, enum client_phase phase);

/* Writes an answer, whose body is in memory, straight to the socket of a client that has not read
 * its answer or sent its request to the end. Returns false if it cannot be: with TLS. */
bool clients_tell(struct client *client, const struct answer *answer);

/* Cuts a client off. */
void clients_cut(struct client *client);

/* Cuts off those that are idle or, since a moment, new: the program ends. */
void clients_cut_idle(void);

/* Takes the requests that wait from their handlers, and answers them with 503. */
void clients_give_up(void);

/* Returns how many there are. */
size_t clients_count(void);

/*
 * Enforces all deadlines that have passed, and cuts off clients that have left. Returns the
 * milliseconds until it has to be called again; negative: not before something happens.
 */
int clients_step(void);

/* Closes what clients_remove() has left open, and frees all. */
void clients_close(void);

#endif
