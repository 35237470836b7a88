#include "leavers.h"

#include "clients.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#define STEP_MS 1000

/* Phases in which all that has arrived was read, and the connection is over if no more comes. */
static const enum client_phase reading[] = {CLIENT_NEW, CLIENT_IDLE, CLIENT_HEADER, CLIENT_BODY};

#define READING (sizeof reading / sizeof reading[0])

static int64_t look_ms; /* when to look next */

static bool has_left(const struct client *client)
{
    char byte;

    return recv(client->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

void leavers_cut(int64_t now_ms)
{
    if (now_ms < look_ms)
        return;
    look_ms = now_ms + STEP_MS;
    for (size_t i = 0; i < READING; i++) {
        struct client *client = clients_oldest(reading[i]);

        while (client != NULL && now_ms - client->since_ms >= STEP_MS) {
            struct client *next = client->next;

            if (has_left(client))
                clients_cut(client);
            client = next;
        }
    }
}

int64_t leavers_due_ms(int64_t now_ms)
{
    for (size_t i = 0; i < READING; i++)
        if (clients_oldest(reading[i]) != NULL)
            return look_ms > now_ms ? look_ms - now_ms : 0;
    return INT64_MAX;
}
