#include "place/placement.h"

#include "unit.h"

#include "amqp/connection.h"
#include "base/background.h"
#include "base/clock.h"
#include "base/stop.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ORDER \
    "{\"user_id\": \"u\", \"restaurant_id\": \"r\", \"items\": [{\"sku\": \"s\", \"qty\": 1}]}"
#define OTHER \
    "{\"user_id\": \"v\", \"restaurant_id\": \"r\", \"items\": [{\"sku\": \"s\", \"qty\": 1}]}"
#define AT_ONCE_MS 1000 /* more than a call takes that does not wait, even on a busy machine */

static const unsigned char id[UUID_BYTES] = {1};

/* What was told or refused since the last call of heard(). */
static char lines[4096];

static void add_line(const char *word, uint64_t number)
{
    size_t len = strlen(lines);

    (void)snprintf(lines + len, sizeof lines - len, "%s %d\n", word, (int)number);
}

static const char *heard(void)
{
    static char all[sizeof lines];

    strcpy(all, lines);
    lines[0] = '\0';
    return all;
}

static void tell(void *context, const struct receipt *receipt)
{
    (void)context;
    add_line(order_status_name(receipt_status(receipt)), receipt->number);
}

static void refuse(void *context, const struct json_piece *piece)
{
    (void)context;
    add_line("refused", piece->number);
}

/* Returns a socket that listens, whose backlog takes connections that nobody answers. */
static int silent_broker(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    CHECK(bind(fd, (const struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(fd, 8) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static struct endpoint endpoint = {
    .name = "127.0.0.1", .host = "127.0.0.1", .user = "guest", .password = "guest", .vhost = "/"};
static struct broker_options options = {
    .endpoints = &endpoint, .endpoint_count = 1, .retries = 1, .retry_delay = 1};

static struct placement *open_one(int port)
{
    struct placement_settings settings = {.options = &options,
                                          .never_waits = true,
                                          .patience_ms = 100,
                                          .refuse = refuse,
                                          .tell = tell};
    struct placement *placement = NULL;

    endpoint.port = port;
    EQUAL(placement_open(&settings, &placement), EXIT_OK);
    return placement;
}

static void await_room(struct placement *placement)
{
    EQUAL(placement_turn(placement), EXIT_OK);
    while (!placement_has_room(placement)) {
        connection_wait(placement_connection(placement), -1, placement_due_ms(placement));
        EQUAL(placement_turn(placement), EXIT_OK);
    }
}

/* Returns a placement whose broker does not listen, and that has room. */
static struct placement *open_alone(void)
{
    struct placement *placement;
    int port;

    (void)close(silent_broker(&port));
    placement = open_one(port);
    await_room(placement);
    return placement;
}

static void take(struct placement *placement, const char *text, const unsigned char *order_id,
                 uint64_t number)
{
    struct json_piece piece = {.text = text, .len = strlen(text), .number = number};
    struct order_fault fault;
    struct order order;

    CHECK(order_read(&order, text, strlen(text), &fault));
    placement_take(placement, &order, order_id, NULL, &piece);
    order_free(&order);
}

/* Turns until something was told, or some seconds have passed. */
static void turn_until_heard(struct placement *placement)
{
    int64_t until_ms = clock_monotonic_ms() + 5000;

    do {
        EQUAL(placement_turn(placement), EXIT_OK);
        if (lines[0] != '\0')
            return;
        connection_wait(placement_connection(placement), -1, placement_due_ms(placement));
    } while (clock_monotonic_ms() < until_ms);
}

/* Places orders and closes. Nothing may wait for the broker. */
static void place_without_waiting(int port)
{
    struct placement *placement = open_one(port);
    int64_t began_ms = clock_monotonic_ms();

    CHECK(!placement_is_connected(placement));
    await_room(placement);
    take(placement, ORDER, NULL, 1);
    take(placement, ORDER, NULL, 2);
    turn_until_heard(placement);
    CHECK(clock_monotonic_ms() - began_ms < AT_ONCE_MS);
    SAME(heard(), "PENDING 1\nPENDING 2\n");
    CHECK(placement_is_idle(placement));
    EQUAL(placement_verdict(placement), EXIT_PENDING);
    placement_close(placement);
}

static void tells_pending_at_once_if_nobody_listens(void)
{
    int port;
    int fd = silent_broker(&port);

    (void)close(fd);
    place_without_waiting(port);
    CHECK(strstr(unit_captured(2), "cannot connect") != NULL);
}

/* The attempt goes on in the background, and ends when the socket is closed. */
static void *close_later(void *context)
{
    (void)sleep(2);
    (void)close(*(int *)context);
    return NULL;
}

static void tells_pending_at_once_if_the_broker_is_silent(void)
{
    int port;
    int fd = silent_broker(&port);

    CHECK(background_detach(close_later, &fd));
    place_without_waiting(port);
}

static void reports_and_tries_again(void)
{
    int port;
    int fd = silent_broker(&port);
    struct placement *placement;
    int64_t until_ms = clock_monotonic_ms() + 5000;

    (void)close(fd);
    placement = open_one(port);
    EQUAL(placement_turn(placement), EXIT_OK);
    while (clock_monotonic_ms() < until_ms && strstr(unit_captured(2), "every 1 s") == NULL) {
        connection_wait(placement_connection(placement), -1, -1);
        EQUAL(placement_turn(placement), EXIT_OK);
    }
    CHECK(clock_monotonic_ms() < until_ms);
    placement_close(placement);
}

static void takes_an_id(void)
{
    struct placement *placement = open_alone();

    take(placement, ORDER, id, 1);
    take(placement, ORDER, id, 2);
    take(placement, OTHER, id, 3);
    turn_until_heard(placement);
    SAME(heard(), "refused 3\nPENDING 1\nPENDING 2\n");
    take(placement, OTHER, id, 4);
    take(placement, ORDER, id, 5);
    turn_until_heard(placement);
    SAME(heard(), "refused 4\nPENDING 5\n");
    placement_close(placement);
}

/* The folder of the store becomes a file's. */
static void goes_on_after_a_failure_of_the_store(void)
{
    struct placement *placement = open_alone();

    CHECK(rename(getenv("ORDER_STORE"), "moved.db") == 0);
    take(placement, ORDER, NULL, 1);
    EQUAL(placement_turn(placement), EXIT_STORE);
    EQUAL(placement_turn(placement), EXIT_STORE);
    CHECK(placement_abandon(placement));
    CHECK(!placement_abandon(placement));
    CHECK(rename("moved.db", getenv("ORDER_STORE")) == 0);
    SAME(heard(), "");
    take(placement, ORDER, NULL, 2);
    turn_until_heard(placement);
    SAME(heard(), "PENDING 2\n");
    placement_close(placement);
    (void)unit_captured(2);
}

int main(void)
{
    char folder[] = "/tmp/unit-placement-XXXXXX";

    if (mkdtemp(folder) == NULL || chdir(folder) != 0 || setenv("ORDER_STORE", "orders.db", 1) != 0)
        return 1;
    unit_capture(2);
    stop_on_signals();
    RUN(tells_pending_at_once_if_nobody_listens);
    RUN(tells_pending_at_once_if_the_broker_is_silent);
    RUN(reports_and_tries_again);
    RUN(takes_an_id);
    RUN(goes_on_after_a_failure_of_the_store);
    (void)unlink("orders.db");
    (void)unlink("orders.db-runs");
    (void)unlink("orders.db-wal");
    (void)unlink("orders.db-shm");
    (void)rmdir(folder);
    return unit_end();
}
