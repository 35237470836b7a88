#include "order-http/lingering.h"

#include "unit.h"

#include "base/clock.h"

#include <sys/socket.h>
#include <unistd.h>

#define ROOM 32 /* that of lingering.c */

/* Adds a connection. Returns the client's end. */
static int add(void)
{
    int ends[2] = {-1, -1};

    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    lingering_add(ends[0]);
    return ends[1];
}

static bool is_closed(int end)
{
    char byte;

    return recv(end, &byte, 1, MSG_DONTWAIT) == 0;
}

static void drops_what_comes(void)
{
    static const char text[] = "more than it wants";
    int end = add();

    CHECK(lingering_is_any());
    CHECK(send(end, text, sizeof text, MSG_NOSIGNAL) == (ssize_t)sizeof text);
    lingering_step(clock_monotonic_ms());
    CHECK(!is_closed(end));
    (void)shutdown(end, SHUT_WR);
    lingering_step(clock_monotonic_ms());
    CHECK(is_closed(end));
    CHECK(!lingering_is_any());
    (void)close(end);
}

static void closes_those_that_are_silent(void)
{
    int64_t now_ms = clock_monotonic_ms();
    int silent = add();
    int talking = add();

    lingering_step(now_ms + 1500);
    CHECK(send(talking, "x", 1, MSG_NOSIGNAL) == 1);
    lingering_step(now_ms + 1900);
    CHECK(!is_closed(silent));
    lingering_step(now_ms + 3000);
    CHECK(is_closed(silent));
    CHECK(!is_closed(talking));
    /* Not for ever, however much comes. */
    for (int at_ms = 3500; at_ms < 40000; at_ms += 500) {
        (void)send(talking, "x", 1, MSG_NOSIGNAL);
        lingering_step(now_ms + at_ms);
    }
    CHECK(is_closed(talking));
    CHECK(!lingering_is_any());
    (void)close(silent);
    (void)close(talking);
}

static void makes_room_by_closing_the_oldest(void)
{
    int ends[ROOM + 2];

    for (int i = 0; i < ROOM; i++)
        ends[i] = add();
    /* Whoever leaves changes nothing in the order of the others. */
    (void)shutdown(ends[0], SHUT_WR);
    lingering_step(clock_monotonic_ms());
    CHECK(is_closed(ends[0]));
    ends[ROOM] = add();
    CHECK(!is_closed(ends[1]));
    ends[ROOM + 1] = add();
    CHECK(is_closed(ends[1]));
    for (int i = 2; i < ROOM + 2; i++)
        CHECK(!is_closed(ends[i]));
    lingering_close();
    CHECK(!lingering_is_any());
    for (int i = 0; i < ROOM + 2; i++) {
        CHECK(is_closed(ends[i]));
        (void)close(ends[i]);
    }
}

int main(void)
{
    RUN(drops_what_comes);
    RUN(closes_those_that_are_silent);
    RUN(makes_room_by_closing_the_oldest);
    return unit_end();
}
