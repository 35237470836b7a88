#include "order-http/listen.h"

#include "unit.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void reads_addresses(void)
{
    static const struct {
        const char *text;
        bool is_local;
    } rows[] = {
        {"127.0.0.1:8001", true},
        {"127.255.0.1:1", true},
        {"[::1]:8001", true},
        {"[::ffff:127.0.0.1]:8001", true},
        {"unix:/run/order-http.sock", true},
        {"0.0.0.0:80", false},
        {"10.1.2.3:65535", false},
        {"128.0.0.1:0", false},
        {"[::]:8001", false},
        {"[fe80::1]:8001", false},
        {"[::ffff:10.0.0.1]:8001", false},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct listen_address address;
        char text[LISTEN_TEXT_SIZE];

        unit_row(rows[i].text);
        if (!SAME(listen_parse(rows[i].text, &address), NULL))
            continue;
        listen_text((struct sockaddr *)&address.socket, address.len, text);
        SAME(text, rows[i].text);
        EQUAL(listen_is_local(&address), rows[i].is_local);
    }
    unit_row(NULL);
}

static void refuses_others(void)
{
    static const char no_port[] = "it does not end in ':' and a port from 0 to 65535";
    static const char not_numeric[] = "its address is not numeric";
    static const char brackets[] = "an address of IPv6, and no other, stands in brackets";
    static const struct {
        const char *text;
        const char *reason;
    } rows[] = {
        {"", no_port},
        {"127.0.0.1", no_port},
        {"8001", no_port},
        {"127.0.0.1:", no_port},
        {"127.0.0.1:65536", no_port},
        {"127.0.0.1:-1", no_port},
        {"127.0.0.1:+1", no_port},
        {"127.0.0.1: 1", no_port},
        {"127.0.0.1:80x", no_port},
        {"127.0.0.1:000080", no_port},
        {"localhost:8001", not_numeric},
        {"*:8001", not_numeric},
        {":8001", not_numeric},
        {"127.1:8001", not_numeric},
        {"127.0.0.1.5:8001", not_numeric},
        {"[::g]:8001", not_numeric},
        {"[]:8001", brackets},
        {"[127.0.0.1]:8001", brackets},
        {"::1:8001", brackets},
        {"[::1:8001", brackets},
        {"unix:", "it has no path"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct listen_address address;

        unit_row(rows[i].text);
        SAME(listen_parse(rows[i].text, &address), rows[i].reason);
    }
    unit_row(NULL);
}

static void takes_no_path_that_does_not_fit(void)
{
    char text[sizeof "unit:" + sizeof(struct sockaddr_un)] = "unix:";
    struct listen_address address;
    size_t most = sizeof((struct sockaddr_un *)0)->sun_path;

    memset(text + strlen("unix:"), 'a', most - 1);
    SAME(listen_parse(text, &address), NULL);
    text[strlen(text)] = 'a';
    SAME(listen_parse(text, &address), "its path is too long");
}

static void names_a_client_of_a_unix_socket(void)
{
    struct sockaddr_un nameless = {.sun_family = AF_UNIX};
    char text[LISTEN_TEXT_SIZE];

    listen_text((struct sockaddr *)&nameless, sizeof nameless.sun_family, text);
    SAME(text, "unix");
}

static void keeps_a_unix_socket_to_its_owner(void)
{
    char where[64];
    const char *path = where + strlen("unix:");
    struct stat info;

    (void)snprintf(where, sizeof where, "unix:/tmp/unit-listen-%ld", (long)getpid());
    EQUAL(listen_open(where, false), EXIT_OK);
    EQUAL(listen_count(), 1);
    EQUAL(stat(path, &info), 0);
    EQUAL(info.st_mode & 0777, 0600);
    CHECK(S_ISSOCK(info.st_mode));
    listen_close();
    EQUAL(listen_count(), 0);
    EQUAL(stat(path, &info), -1);
    listen_close();
}

static void does_not_listen_for_everybody_by_itself(void)
{
    EQUAL(listen_open("0.0.0.0:0", false), EXIT_USAGE);
    SAME(unit_captured(2), "order-tools: '0.0.0.0:0' can be reached from other machines: that "
                           "takes --token-file, or --insecure\n");
    EQUAL(listen_open("0.0.0.0:0", true), EXIT_OK);
    EQUAL(listen_count(), 1);
    listen_close();
}

/* Listens as a child of systemd, which has given it so many sockets. */
static enum exit_code listen_to_inherited(const char *number)
{
    char pid[16];

    (void)snprintf(pid, sizeof pid, "%ld", (long)getpid());
    (void)setenv("LISTEN_PID", pid, 1);
    (void)setenv("LISTEN_FDS", number, 1);
    return listen_open(NULL, false);
}

static _Noreturn void inherit_socket(int type, in_addr_t ip, bool listens)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(ip)};
    int fd = socket(AF_INET, type, 0);

    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        (listens && listen(fd, 1) != 0) || dup2(fd, 3) != 3)
        _exit(99);
    exit(listen_to_inherited("1") == EXIT_OK && listen_count() == 1 ? 0 : EXIT_USAGE);
}

static void inherit_listening(void)
{
    inherit_socket(SOCK_STREAM, INADDR_LOOPBACK, true);
}

static void inherit_exposed(void)
{
    inherit_socket(SOCK_STREAM, INADDR_ANY, true);
}

static void inherit_silent(void)
{
    inherit_socket(SOCK_STREAM, INADDR_LOOPBACK, false);
}

static void inherit_datagrams(void)
{
    inherit_socket(SOCK_DGRAM, INADDR_LOOPBACK, false);
}

static void inherit_too_many(void)
{
    exit(listen_to_inherited("16"));
}

static void inherits_only_what_listens(void)
{
    static const struct {
        void (*inherit)(void);
        enum exit_code code;
        const char *message;
    } rows[] = {
        {inherit_listening, EXIT_OK, ""},
        {inherit_exposed, EXIT_USAGE, "can be reached from other machines"},
        {inherit_silent, EXIT_USAGE, "descriptor 3 is not a stream socket that listens"},
        {inherit_datagrams, EXIT_USAGE, "descriptor 3 is not a stream socket that listens"},
        {inherit_too_many, EXIT_USAGE, "LISTEN_FDS: more than 15 sockets"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        EQUAL(unit_exit_code(rows[i].inherit), rows[i].code);
        CHECK(strstr(unit_captured(2), rows[i].message) != NULL);
    }
}

int main(void)
{
    unit_capture(2);
    RUN(reads_addresses);
    RUN(refuses_others);
    RUN(takes_no_path_that_does_not_fit);
    RUN(names_a_client_of_a_unix_socket);
    RUN(keeps_a_unix_socket_to_its_owner);
    RUN(does_not_listen_for_everybody_by_itself);
    RUN(inherits_only_what_listens);
    return unit_end();
}
