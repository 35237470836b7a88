/*
 * lingering: connections whose answer is sent, and whose client may still be sending. What arrives
 * is read and dropped for a while: closing at once would reset the connection, and take the answer
 * from the client.
 */
#ifndef ORDER_HTTP_LINGERING_H
#define ORDER_HTTP_LINGERING_H

#include <stdbool.h>
#include <stdint.h>

/* Milliseconds after which lingering_step() must be called again while there is any. */
#define LINGERING_STEP_MS 50

/*
 * Takes a socket whose writing end is shut down, or is about to be; a negative one is ignored.
 * There is room for few: the oldest is closed if need be.
 */
void lingering_add(int socket);

bool lingering_is_any(void);

/* Drops what has arrived. Closes those whose client has ended the connection or fallen silent, and
 * those that have taken too long. */
void lingering_step(int64_t now_ms);

/* Closes all. */
void lingering_close(void);

#endif
