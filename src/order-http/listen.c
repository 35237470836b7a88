#include "listen.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG 1024
#define SOCKETS_MAX 16
#define FIRST_INHERITED 3 /* the first descriptor that systemd hands over */
#define UNIX_PREFIX "unix:"
#define UNIX_MASK 0177 /* leaves mode 0600 */

static int sockets[SOCKETS_MAX];
static size_t count;
static char made_path[sizeof(struct sockaddr_un)]; /* of the Unix socket that was made; or "" */
static struct stat made;

/* ---- addresses ---- */

static const char *parse_unix(const char *path, struct listen_address *address)
{
    struct sockaddr_un *to = (struct sockaddr_un *)&address->socket;

    if (*path == '\0')
        return "it has no path";
    if (strlen(path) >= sizeof to->sun_path)
        return "its path is too long";
    to->sun_family = AF_UNIX;
    (void)strcpy(to->sun_path, path);
    address->len = sizeof *to;
    return NULL;
}

static bool parse_port(const char *text, in_port_t *port)
{
    char *end;
    unsigned long value;

    if (*text == '\0' || text[strspn(text, "0123456789")] != '\0' || strlen(text) > 5)
        return false;
    value = strtoul(text, &end, 10);
    *port = htons((uint16_t)value);
    return value <= UINT16_MAX;
}

/* Reads a numeric address, without its port. */
static bool parse_host(const char *host, in_port_t port, struct listen_address *address)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address->socket;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address->socket;

    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = port;
        address->len = sizeof *v4;
        return true;
    }
    memset(&address->socket, 0, sizeof address->socket);
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) != 1)
        return false;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = port;
    address->len = sizeof *v6;
    return true;
}

const char *listen_parse(const char *text, struct listen_address *address)
{
    const char *colon = strrchr(text, ':');
    bool is_bracketed = text[0] == '[' && colon != NULL && colon > text && colon[-1] == ']';
    char host[INET6_ADDRSTRLEN] = "";
    in_port_t port = 0;
    size_t len;

    memset(address, 0, sizeof *address);
    if (strncmp(text, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
        return parse_unix(text + strlen(UNIX_PREFIX), address);
    if (colon == NULL || !parse_port(colon + 1, &port))
        return "it does not end in ':' and a port from 0 to 65535";
    len = (size_t)(colon - text) - (is_bracketed ? 2 : 0);
    if (len < sizeof host)
        (void)snprintf(host, sizeof host, "%.*s", (int)len, text + is_bracketed);
    if ((strchr(host, ':') != NULL) != is_bracketed)
        return "an address of IPv6, and no other, stands in brackets";
    return parse_host(host, port, address) ? NULL : "its address is not numeric";
}

bool listen_is_local(const struct listen_address *address)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address->socket;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address->socket;

    switch (address->socket.ss_family) {
    case AF_UNIX:
        return true;
    case AF_INET:
        return ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    default:
        return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) ||
               (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) &&
                v6->sin6_addr.s6_addr[12] == IN_LOOPBACKNET);
    }
}

void listen_text(const struct sockaddr *address, socklen_t len, char text[LISTEN_TEXT_SIZE])
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
    const struct sockaddr_un *local = (const struct sockaddr_un *)address;
    bool has_path = len > offsetof(struct sockaddr_un, sun_path) && local->sun_path[0] != '\0';
    char host[INET6_ADDRSTRLEN] = "?";

    switch (address->sa_family) {
    case AF_INET:
        (void)inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        (void)snprintf(text, LISTEN_TEXT_SIZE, "%s:%u", host, ntohs(v4->sin_port));
        break;
    case AF_INET6:
        (void)inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        (void)snprintf(text, LISTEN_TEXT_SIZE, "[%s]:%u", host, ntohs(v6->sin6_port));
        break;
    default:
        (void)snprintf(text, LISTEN_TEXT_SIZE, "unix%s%s", has_path ? ":" : "",
                       has_path ? local->sun_path : "");
        break;
    }
}

/* ---- making a socket ---- */

static enum exit_code cannot_listen(const char *text)
{
    report_errno("cannot listen on '%s'", printable_text(text));
    return EXIT_UNREACHABLE;
}

/* Returns a non-blocking, close-on-exec socket for an address; -1 with errno set on failure. */
static int new_socket(const struct listen_address *address)
{
    int family = address->socket.ss_family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd >= 0 && family != AF_UNIX)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    return fd;
}

/*
 * Removes a Unix socket that nobody listens on. Returns false, with errno set, if the path is taken
 * by something else.
 */
static bool make_way(const struct listen_address *address)
{
    const char *path = ((const struct sockaddr_un *)&address->socket)->sun_path;
    struct stat info;
    int fd;

    if (lstat(path, &info) != 0)
        return errno == ENOENT;
    errno = EADDRINUSE;
    if (!S_ISSOCK(info.st_mode) || (fd = new_socket(address)) < 0)
        return false;
    if (connect(fd, (const struct sockaddr *)&address->socket, address->len) == 0 ||
        errno != ECONNREFUSED) {
        (void)close(fd);
        errno = EADDRINUSE;
        return false;
    }
    (void)close(fd);
    return unlink(path) == 0;
}

static bool bind_unix(int fd, const struct listen_address *address)
{
    const char *path = ((const struct sockaddr_un *)&address->socket)->sun_path;
    mode_t mask;
    bool is_bound;

    if (!make_way(address))
        return false;
    mask = umask(UNIX_MASK);
    is_bound = bind(fd, (const struct sockaddr *)&address->socket, address->len) == 0;
    (void)umask(mask);
    if (is_bound && lstat(path, &made) == 0)
        (void)strcpy(made_path, path);
    return is_bound;
}

static bool bind_to(int fd, const struct listen_address *address)
{
    if (address->socket.ss_family == AF_UNIX)
        return bind_unix(fd, address);
    return bind(fd, (const struct sockaddr *)&address->socket, address->len) == 0;
}

static enum exit_code refuse_to_expose(const char *text)
{
    report("'%s' can be reached from other machines: that takes --token-file, or --insecure",
           printable_text(text));
    return EXIT_USAGE;
}

static enum exit_code open_address(const char *text, bool is_guarded)
{
    struct listen_address address;
    const char *reason = listen_parse(text, &address);
    int fd;

    if (reason != NULL) {
        report("--listen: cannot use '%s': %s", printable_text(text), reason);
        return EXIT_USAGE;
    }
    if (!is_guarded && !listen_is_local(&address))
        return refuse_to_expose(text);
    fd = new_socket(&address);
    if (fd < 0)
        return cannot_listen(text);
    sockets[count++] = fd;
    return bind_to(fd, &address) && listen(fd, BACKLOG) == 0 ? EXIT_OK : cannot_listen(text);
}

/* ---- systemd's ---- */

/* Returns a number of the environment, and removes it, so that no child takes it for its own. */
static long take_number(const char *name)
{
    const char *text = getenv(name);
    long number = text == NULL ? 0 : strtol(text, NULL, 10);

    (void)unsetenv(name);
    return number;
}

static bool is_listening(int fd)
{
    int type = 0;
    int listens = 0;
    socklen_t type_len = sizeof type;
    socklen_t listens_len = sizeof listens;

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) == 0 && type == SOCK_STREAM &&
           getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &listens_len) == 0 && listens != 0;
}

static enum exit_code inherit(int fd, bool is_guarded)
{
    struct listen_address address = {.len = sizeof address.socket};
    char text[LISTEN_TEXT_SIZE];
    int flags = fcntl(fd, F_GETFL);

    if (!is_listening(fd) ||
        getsockname(fd, (struct sockaddr *)&address.socket, &address.len) != 0) {
        report("LISTEN_FDS: descriptor %d is not a stream socket that listens", fd);
        return EXIT_USAGE;
    }
    listen_text((struct sockaddr *)&address.socket, address.len, text);
    if (!is_guarded && !listen_is_local(&address))
        return refuse_to_expose(text);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return cannot_listen(text);
    sockets[count++] = fd;
    return EXIT_OK;
}

static enum exit_code inherit_all(bool is_guarded)
{
    bool are_ours = take_number("LISTEN_PID") == (long)getpid();
    long number = take_number("LISTEN_FDS");
    enum exit_code code = EXIT_OK;

    (void)unsetenv("LISTEN_FDNAMES");
    if (!are_ours || number <= 0)
        return EXIT_OK;
    if (number > SOCKETS_MAX - 1) {
        report("LISTEN_FDS: more than %d sockets", SOCKETS_MAX - 1);
        return EXIT_USAGE;
    }
    for (int fd = FIRST_INHERITED; code == EXIT_OK && fd < FIRST_INHERITED + (int)number; fd++)
        code = inherit(fd, is_guarded);
    return code;
}

/* ---- all ---- */

enum exit_code listen_open(const char *where, bool is_guarded)
{
    enum exit_code code = inherit_all(is_guarded);

    if (where == NULL && count == 0)
        where = LISTEN_DEFAULT;
    if (code == EXIT_OK && where != NULL)
        code = open_address(where, is_guarded);
    return code;
}

static void tell(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    char text[LISTEN_TEXT_SIZE];

    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return;
    listen_text((struct sockaddr *)&address, len, text);
    report_notice("listening on %s", printable_text(text));
}

void listen_tell(void)
{
    for (size_t i = 0; i < count; i++)
        tell(sockets[i]);
}

size_t listen_count(void)
{
    return count;
}

int listen_descriptor(size_t index)
{
    return sockets[index];
}

/* Another program may have put its own socket in place of this one. */
static void remove_made(void)
{
    struct stat info;

    if (made_path[0] != '\0' && lstat(made_path, &info) == 0 && info.st_dev == made.st_dev &&
        info.st_ino == made.st_ino)
        (void)unlink(made_path);
    made_path[0] = '\0';
}

void listen_close(void)
{
    remove_made();
    while (count > 0)
        (void)close(sockets[--count]);
}
