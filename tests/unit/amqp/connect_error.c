#include "amqp/connect_error.h"

#include "unit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 100

/* Returns a socket that is bound to a port of 127.0.0.1. */
static int bind_socket(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    CHECK(bind(fd, (const struct sockaddr *)&address, size) == 0 &&
          getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static void says_why_a_port_cannot_be_reached(void)
{
    int port;
    int fd = bind_socket(&port);

    SAME(connect_error_of("127.0.0.1", port, PATIENCE_MS), "Connection refused");
    CHECK(listen(fd, 8) == 0);
    SAME(connect_error_of("127.0.0.1", port, PATIENCE_MS),
         "the connection failed, but would succeed now");
    (void)close(fd);
}

/* A backlog that is full, since nobody takes what is in it. */
static void waits_no_longer_than_it_is_told(void)
{
    int port;
    int fd = bind_socket(&port);
    int waiting[4];

    CHECK(listen(fd, 0) == 0);
    for (size_t i = 0; i < COUNT(waiting); i++) {
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                      .sin_port = htons((uint16_t)port)};

        waiting[i] = socket(AF_INET, SOCK_STREAM, 0);
        CHECK(fcntl(waiting[i], F_SETFL, O_NONBLOCK) == 0);
        (void)connect(waiting[i], (const struct sockaddr *)&address, sizeof address);
    }
    SAME(connect_error_of("127.0.0.1", port, PATIENCE_MS), "Connection timed out");
    for (size_t i = 0; i < COUNT(waiting); i++)
        (void)close(waiting[i]);
    (void)close(fd);
}

/* A name that nobody needs to ask for: a label has at most 63 characters. */
static void says_why_a_name_has_no_address(void)
{
    static const char name[] = "a-label-of-more-characters-than-a-name-may-have-"
                               "in-the-domain-name-system.example";
    const char *reason = connect_error_of_lookup(name);

    CHECK(reason != NULL);
    SAME(connect_error_of(name, 5672, PATIENCE_MS), reason);
}

static void looks_up_no_address(void)
{
    static const char *const hosts[] = {"localhost", "127.0.0.1", "::1"};

    for (size_t i = 0; i < COUNT(hosts); i++)
        SAME(connect_error_of_lookup(hosts[i]), NULL);
}

static void needs_descriptors(void)
{
    struct rlimit before;
    struct rlimit none;

    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
    CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
    SAME(connect_error_of_lookup("broker.example"), "Too many open files");
    SAME(connect_error_of("127.0.0.1", 1, PATIENCE_MS), "Too many open files");
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
}

int main(void)
{
    RUN(says_why_a_port_cannot_be_reached);
    RUN(waits_no_longer_than_it_is_told);
    RUN(says_why_a_name_has_no_address);
    RUN(looks_up_no_address);
    RUN(needs_descriptors);
    return unit_end();
}
