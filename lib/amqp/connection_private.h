/*
 * connection_private: what the files of the connection share. Include connection.h elsewhere.
 *
 *   connection.c          its life: opening, with retries, and closing; and its state
 *   connection_attempt.c  one attempt to connect: socket, TLS, login, channel, setup
 *   connection_failure.c  the reason of a failure, and taking the connection down
 *   connection_keep.c     attempts in the background
 *   connection_read.c     frames that arrive
 *   connection_publish.c  messages that leave
 *   connection_wait.c     heartbeats, and the wait for something to happen
 */
#ifndef AMQP_CONNECTION_PRIVATE_H
#define AMQP_CONNECTION_PRIVATE_H

#include "amqp/connection.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct connection {
    const struct broker_options *options;
    const char *purpose;
    connection_setup *setup; /* or NULL */
    void *context;
    amqp_connection_state_t state;   /* NULL while down */
    const struct endpoint *endpoint; /* of the connection, or of the last attempt */
    bool has_logged_in;              /* there */
    size_t moves; /* from the first endpoint to the one that is to be tried next */
    unsigned generation;
    int failures;         /* attempts in a row that led to nothing */
    enum exit_code final; /* EXIT_OK, or the code that every further connection_open() returns */
    int64_t up_since_ms;  /* monotonic clock; 0 until the setup has succeeded */
    int64_t next_beat_ms; /* monotonic clock */
    int64_t wake_ms;      /* monotonic clock; 0 for none: connection_wake_at() */
    bool is_blocked;
    int64_t blocked_since_ms; /* monotonic clock; while is_blocked */
    int64_t blocked_ms;       /* in all, before that */
    unsigned seen_generation; /* private to connection_each() */
    bool is_leaving;          /* connection.close was sent */
    bool channel_is_open;     /* channel.open-ok was read */
    bool is_missed;           /* the last attempt to open it has failed */
    bool is_lost_quietly;     /* connection_lose_quietly() was the last to lose it */
    bool rights_vary;
    bool expects_refusal;
    unsigned exception;         /* connection_exception() */
    int send_errno;             /* why sending failed, or 0; what has arrived is still read */
    size_t frame_max;           /* bytes; agreed with the broker, for frames that are sent */
    int frame_margin;           /* bytes beyond frame_max up to which frames are read */
    struct frames unsent;       /* published, and not sent yet */
    int64_t stuck_since_ms;     /* monotonic clock; since when the socket takes nothing, or 0 */
    struct background *attempt; /* one under way: nothing else of the connection may be used then */
    bool is_kept;               /* by connection_keep(): the bell is there, and nothing may wait */
    int bell[2];                /* rung when an attempt has ended */
    int failed_attempts;        /* of connection_keep(), in a row, with failed_code */
    enum exit_code failed_code;
    int64_t next_attempt_ms; /* monotonic clock */
    char reason[1024];       /* of the last failure */
    struct connection *next; /* among all connections of the program */
};

/* The first frame_margin; and the second, once a frame was larger than the first allows. */
#define FRAME_MARGIN (1 << 20)
#define FRAME_MARGIN_WIDE (32 << 20)

/* Notes that the connection is not blocked any more, if it was. */
void connection_unblock(struct connection *connection);

/* Destroys the connection to the broker without closing it, and reports nothing. */
void connection_disconnect(struct connection *connection);

/*
 * Takes the connection down because of connection.close or channel.close, whose reply code and text
 * are given; records the reason, which begins with what.
 */
void connection_lose_closed(struct connection *connection, const char *what, uint16_t code,
                            amqp_bytes_t text);

/*
 * Sends what was published. Returns false if that failed, now or before. connection_read() reports
 * it, since the broker's reason may have arrived and is to be read first. Of a connection that is
 * kept only what the socket takes at once is sent; returns false also if some is left.
 */
bool connection_flush(struct connection *connection);

/*
 * Handles a method that concerns the connection as a whole: it is closed, blocked, cancelled...
 * Returns false if it is not one of these.
 */
bool connection_handle(struct connection *connection, const amqp_method_t *method);

/* Takes the connection down if status says that a frame is unreadable; returns false otherwise. */
bool connection_drop_unreadable(struct connection *connection, int status);

/* Waits for the attempt that is under way, if there is one. */
void connection_end_attempt(struct connection *connection);

/* Returns in how many milliseconds connection_keep() may make the next attempt; 0 for at once. */
int connection_attempt_in_ms(const struct connection *connection);

/* Adds the connection to those that heartbeats are sent for, or removes it. */
void connection_register(struct connection *connection);
void connection_unregister(struct connection *connection);

/* Tells the service manager (supervisor.h) how it is with all connections. To be called whenever
 * that has changed for one of them. Does nothing in the thread of an attempt. */
void connection_tell_supervisor(void);

/* Schedules the next heartbeat after one was sent, or the connection was opened, at now_ms. */
void connection_schedule_beat(struct connection *connection, int64_t now_ms);

#endif
