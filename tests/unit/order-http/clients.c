#include "order-http/clients.h"

#include "unit.h"

#include "base/clock.h"
#include "order-http/request.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADER_MS 60
#define BODY_MS 80
#define ANSWER_MS 100
#define IDLE_MS 40
#define LINGER_MS 2000 /* that of lingering.c */
#define LATE_MS 2000   /* after which a deadline counts as missed, on a machine however busy */

static const struct clients_settings usual = {.most = 20,
                                              .header_ms = HEADER_MS,
                                              .body_ms = BODY_MS,
                                              .answer_ms = ANSWER_MS,
                                              .idle_ms = IDLE_MS};

/* Returns an address, of IPv6 if it has a colon, and sets *len. */
static struct sockaddr *address_of(const char *text, socklen_t *len)
{
    static struct sockaddr_in v4;
    static struct sockaddr_in6 v6;

    v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(1)};
    v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(1)};
    *len = inet_pton(AF_INET6, text, &v6.sin6_addr) == 1 ? sizeof v6 : sizeof v4;
    if (*len == sizeof v6)
        return (struct sockaddr *)&v6;
    CHECK(inet_pton(AF_INET, text, &v4.sin_addr) == 1);
    return (struct sockaddr *)&v4;
}

/* Connects from an address. Returns the client's end of the connection; *client is NULL if it was
 * not taken. */
static int connect_from(const char *address, struct client **client)
{
    int ends[2] = {-1, -1};
    socklen_t len;
    struct sockaddr *socket = address_of(address, &len);

    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    *client = clients_add(ends[0], socket, len);
    if (*client == NULL)
        clients_refuse(ends[0], socket);
    return ends[1];
}

/* What the owner does when it notices that a client has gone. */
static void leave(struct client *client, int end)
{
    int socket = client->socket;

    clients_remove(client);
    (void)close(socket);
    (void)close(end);
}

/* The same, but the client's end stays. */
static void leave_to_linger(struct client *client)
{
    int socket = client->socket;

    clients_remove(client);
    (void)close(socket);
}

static const char *read_all(int end)
{
    static char text[1024];
    ssize_t got = recv(end, text, sizeof text - 1, MSG_DONTWAIT);

    text[got < 0 ? 0 : got] = '\0';
    return got < 0 ? NULL : text;
}

/* Steps until the client's end is readable. Returns the milliseconds that it took. */
static int64_t step_until_cut(int end)
{
    struct pollfd readable = {.fd = end, .events = POLLIN};
    int64_t began_ms = clock_monotonic_ms();
    int64_t took_ms;

    do {
        int due_ms = clients_step();

        (void)poll(&readable, 1, due_ms < 0 ? LATE_MS : due_ms);
        took_ms = clock_monotonic_ms() - began_ms;
    } while (readable.revents == 0 && took_ms < LATE_MS);
    return took_ms;
}

static bool begins_with(const char *text, const char *start)
{
    return text != NULL && strncmp(text, start, strlen(start)) == 0;
}

static void enforces_deadlines(void)
{
    static const struct {
        const char *name;
        enum client_phase phase;
        int after_ms;
        const char *answer;
    } rows[] = {
        {"new", CLIENT_NEW, HEADER_MS, "HTTP/1.1 408 "},
        {"idle", CLIENT_IDLE, IDLE_MS, ""},
        {"header", CLIENT_HEADER, HEADER_MS, "HTTP/1.1 408 "},
        {"body", CLIENT_BODY, BODY_MS, "HTTP/1.1 408 "},
    };

    clients_open(&usual);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct client *client;
        int end = connect_from("10.0.0.1", &client);
        int64_t took_ms;

        unit_row(rows[i].name);
        if (rows[i].phase != CLIENT_NEW)
            clients_enter(client, rows[i].phase);
        took_ms = step_until_cut(end);
        CHECK(took_ms >= rows[i].after_ms && took_ms < LATE_MS);
        CHECK(begins_with(read_all(end), rows[i].answer));
        SAME(read_all(end), "");
        leave(client, end);
        EQUAL(clients_count(), 0);
    }
    unit_row(NULL);
}

/* Bytes that come now and then are not seen here, and move nothing. */
static void counts_from_the_start_of_a_phase(void)
{
    struct client *client;
    int end = connect_from("10.0.0.1", &client);

    clients_open(&usual);
    clients_enter(client, CLIENT_BODY);
    CHECK(clients_step() <= BODY_MS);
    CHECK(step_until_cut(end) >= BODY_MS - 10);
    EQUAL(clients_step(), -1);
    leave(client, end);
}

static void lets_a_long_answer_go_on(void)
{
    struct request request = {.waits = false};
    struct client *client;
    int end = connect_from("10.0.0.1", &client);

    clients_open(&usual);
    client->request = &request;
    clients_enter(client, CLIENT_ANSWER);
    client->taken = CLIENTS_PACE * ANSWER_MS; /* far more than it has to be */
    for (int64_t began_ms = clock_monotonic_ms();
         client->taken > 0 && clock_monotonic_ms() - began_ms < LATE_MS;) {
        (void)clients_step();
        (void)poll(NULL, 0, 5);
    }
    CHECK(read_all(end) == NULL);
    EQUAL(client->taken, 0);
    CHECK(step_until_cut(end) < LATE_MS);
    SAME(read_all(end), "");
    leave(client, end);
}

static void note_left(struct request *request)
{
    CHECK(request->waits);
    *(int *)request->context += 1;
}

static void gives_up_an_answer_that_takes_too_long(void)
{
    int left = 0;
    struct request request = {.waits = true, .left = note_left, .context = &left};
    struct client *client;
    int end = connect_from("10.0.0.1", &client);
    int64_t began_ms = clock_monotonic_ms();

    clients_open(&usual);
    client->request = &request;
    clients_enter(client, CLIENT_ANSWER);
    while (request.waits && clock_monotonic_ms() - began_ms < LATE_MS) {
        (void)poll(NULL, 0, 5);
        (void)clients_step();
    }
    CHECK(clock_monotonic_ms() - began_ms >= ANSWER_MS);
    EQUAL(left, 1);
    EQUAL(request.answer.status, 503);
    CHECK(strstr(request.answer.body, "the answer takes too long") != NULL);
    CHECK(read_all(end) == NULL);
    clients_give_up();
    EQUAL(left, 1);
    answer_free(&request.answer);
    leave(client, end);
}

static void writes_nothing_into_tls(void)
{
    struct clients_settings tls = usual;
    struct client *client;
    int end;

    tls.uses_tls = true;
    clients_open(&tls);
    end = connect_from("10.0.0.1", &client);
    CHECK(step_until_cut(end) >= HEADER_MS);
    SAME(read_all(end), "");
    leave(client, end);
    clients_open(&usual);
}

static void takes_so_many_of_an_address(void)
{
    struct clients_settings two = usual;
    struct client *clients[4];
    int ends[4];

    two.most_of_address = 2;
    clients_open(&two);
    ends[0] = connect_from("10.0.0.1", &clients[0]);
    ends[1] = connect_from("10.0.0.1", &clients[1]);
    ends[2] = connect_from("10.0.0.1", &clients[2]);
    ends[3] = connect_from("10.0.0.2", &clients[3]);
    SAME(clients[0]->peer, "10.0.0.1:1");
    CHECK(clients[2] == NULL && clients[3] != NULL);
    CHECK(begins_with(read_all(ends[2]), "HTTP/1.1 429 "));
    (void)close(ends[2]);
    leave(clients[0], ends[0]);
    ends[0] = connect_from("10.0.0.1", &clients[0]);
    CHECK(clients[0] != NULL);
    leave(clients[0], ends[0]);
    leave(clients[1], ends[1]);
    leave(clients[3], ends[3]);
    clients_close();
    clients_open(&usual);
}

static void takes_so_many_of_a_network(void)
{
    static const struct {
        const char *address;
        bool is_taken;
    } rows[] = {
        {"2001:db8:0:1::1", true}, {"2001:db8:0:1:ffff:ffff:ffff:ffff", false}, /* the same /64 */
        {"2001:db8:0:2::1", true}, {"2001:db8:0:1::2", false},
        {"2001:db8:1:1::1", true}, {"10.0.0.1", true},
        {"32.1.13.184", true}, /* its bytes are 2001:0db8 */
    };
    struct clients_settings one = usual;
    struct client *clients[COUNT(rows)];
    int ends[COUNT(rows)];

    one.most_of_address = 1;
    clients_open(&one);
    for (size_t i = 0; i < COUNT(rows); i++) {
        unit_row(rows[i].address);
        ends[i] = connect_from(rows[i].address, &clients[i]);
        CHECK((clients[i] != NULL) == rows[i].is_taken);
        if (!rows[i].is_taken)
            CHECK(begins_with(read_all(ends[i]), "HTTP/1.1 429 "));
    }
    unit_row(NULL);
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (clients[i] != NULL)
            leave(clients[i], ends[i]);
        else
            (void)close(ends[i]);
    }
    clients_close();
    clients_open(&usual);
}

static void makes_room(void)
{
    struct client *clients[20];
    struct client *more;
    int ends[20];
    int end;

    clients_open(&usual);
    for (size_t i = 0; i < COUNT(clients); i++) {
        ends[i] = connect_from("10.0.0.1", &clients[i]);
        clients_enter(clients[i], CLIENT_ANSWER);
    }
    end = connect_from("10.0.0.1", &more);
    CHECK(more == NULL);
    CHECK(begins_with(read_all(end), "HTTP/1.1 503 "));
    (void)close(end);
    clients_enter(clients[7], CLIENT_IDLE);
    clients_enter(clients[3], CLIENT_IDLE);
    end = connect_from("10.0.0.1", &more);
    CHECK(more != NULL);
    SAME(read_all(ends[7]), "");
    CHECK(read_all(ends[3]) == NULL);
    leave(more, end);
    for (size_t i = 0; i < COUNT(clients); i++)
        leave(clients[i], ends[i]);
    EQUAL(clients_count(), 0);
    clients_close();
}

/* If the socket were closed with something unread, the answer would be lost. */
static void reads_on_after_a_refusal(void)
{
    struct answer answer = {0};
    struct client *client;
    int end = connect_from("10.0.0.1", &client);
    int socket = client->socket;
    char byte = 'x';

    answer_problem(&answer, 413, NULL, "too much");
    CHECK(clients_tell(client, &answer));
    answer_free(&answer);
    (void)shutdown(socket, SHUT_WR);
    clients_remove(client);
    (void)close(socket);
    CHECK(send(end, &byte, 1, MSG_NOSIGNAL) == 1);
    CHECK(clients_step() >= 0);
    CHECK(begins_with(read_all(end), "HTTP/1.1 413 "));
    SAME(read_all(end), "");
    CHECK(send(end, &byte, 1, MSG_NOSIGNAL) == 1);
    (void)shutdown(end, SHUT_WR);
    EQUAL(clients_step(), -1);
    CHECK(send(end, &byte, 1, MSG_NOSIGNAL) < 0);
    (void)close(end);
}

/* A client on a slow line takes longer over what is too large than a silent one may. */
static void reads_on_while_bytes_come(void)
{
    struct client *client;
    int end = connect_from("10.0.0.1", &client);
    int64_t began_ms = clock_monotonic_ms();
    char byte = 'x';

    client->is_refusing = true;
    clients_enter(client, CLIENT_BODY);
    leave_to_linger(client);
    while (clock_monotonic_ms() - began_ms < LINGER_MS + 500) {
        CHECK(send(end, &byte, 1, MSG_NOSIGNAL) == 1);
        (void)poll(NULL, 0, LINGER_MS / 10);
        CHECK(clients_step() >= 0);
    }
    (void)close(end);
    EQUAL(clients_step(), -1);
}

static void lets_those_go_that_have_left(void)
{
    static const enum client_phase within[] = {CLIENT_NEW, CLIENT_IDLE, CLIENT_HEADER, CLIENT_BODY};
    static const struct clients_settings patient = {
        .most = 20, .header_ms = 60000, .body_ms = 60000, .answer_ms = 60000, .idle_ms = 60000};

    struct client *clients[COUNT(within)];
    int ends[COUNT(within)];

    clients_open(&patient);
    for (size_t i = 0; i < COUNT(within); i++) {
        ends[i] = connect_from("10.0.0.1", &clients[i]);
        clients_enter(clients[i], within[i]);
        (void)shutdown(ends[i], SHUT_WR);
    }
    for (size_t i = 0; i < COUNT(within); i++) {
        /* Twice, since it looks once a second, and not at those of the last second. */
        if (step_until_cut(ends[i]) >= LATE_MS)
            (void)step_until_cut(ends[i]);
        SAME(read_all(ends[i]), "");
        leave(clients[i], ends[i]);
    }
    clients_open(&usual);
}

int main(void)
{
    unit_capture(2);
    RUN(enforces_deadlines);
    RUN(counts_from_the_start_of_a_phase);
    RUN(lets_a_long_answer_go_on);
    RUN(gives_up_an_answer_that_takes_too_long);
    RUN(writes_nothing_into_tls);
    RUN(takes_so_many_of_an_address);
    RUN(takes_so_many_of_a_network);
    RUN(makes_room);
    RUN(reads_on_after_a_refusal);
    RUN(reads_on_while_bytes_come);
    RUN(lets_those_go_that_have_left);
    return unit_end();
}
