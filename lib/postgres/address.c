#include "postgres/address.h"

#include "base/memory.h"
#include "base/text.h"
#include "postgres/libpq.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

static const char *option_of(const PQconninfoOption *options, const char *keyword)
{
    while (options->keyword != NULL && strcmp(options->keyword, keyword) != 0)
        options++;
    return options->val;
}

/* Returns the value of an option or, if the URI has none, that of the environment as libpq takes
 * it, or otherwise. */
static const char *value_of(const PQconninfoOption *options, const char *keyword,
                            const char *variable, const char *otherwise)
{
    const char *value = option_of(options, keyword);

    if (value == NULL)
        value = getenv(variable);
    return value == NULL || *value == '\0' ? otherwise : value;
}

static const char *host_of(const PQconninfoOption *options)
{
    const char *host = value_of(options, "host", "PGHOST", NULL);

    return host != NULL ? host : value_of(options, "hostaddr", "PGHOSTADDR", "");
}

/* Moves *list past its next element, unless it is the last one, and returns the length of that. */
static size_t take_element(const char **list, const char **element)
{
    size_t len = strcspn(*list, ",");

    *element = *list;
    if ((*list)[len] != '\0')
        *list += len + 1;
    return len;
}

/* Writes each host with its port; one port may be that of all hosts. */
static void print_hosts(const char *hosts, const char *ports, char *text, size_t size)
{
    const char *host;
    const char *port;
    size_t len = 0;
    bool is_last;

    do {
        size_t host_len = take_element(&hosts, &host);
        size_t port_len = take_element(&ports, &port);

        is_last = host[host_len] == '\0';
        len += (size_t)snprintf(text + len, size - len, "%.*s%s%.*s%s", (int)host_len, host,
                                port_len == 0 ? "" : ":", (int)port_len, port, is_last ? "" : ",");
    } while (!is_last && len < size);
}

/* Of a service only the name is known here. */
static char *name_of(const PQconninfoOption *options)
{
    const char *service = value_of(options, "service", "PGSERVICE", NULL);
    const char *host = host_of(options);
    const char *port = value_of(options, "port", "PGPORT", "");
    const char *database = value_of(options, "dbname", "PGDATABASE", "");
    char hosts[PRINTABLE_MAX];
    char text[2 * PRINTABLE_MAX];

    print_hosts(*host == '\0' ? "local" : host, port, hosts, sizeof hosts);
    if (service != NULL && *host == '\0')
        (void)snprintf(text, sizeof text, "service %s", service);
    else
        (void)snprintf(text, sizeof text, "%s/%s", hosts, database);
    return xstrdup(printable_text(text));
}

/* ---- what a connection asks for ---- */

static void add(struct address *address, const char *keyword, const char *value)
{
    size_t i = 0;

    while (address->keywords[i] != NULL)
        i++;
    address->keywords[i] = keyword;
    address->values[i] = value;
}

/* Of a parameter that is given twice the last one counts: so the URI counts more than what stands
 * before it, and less than what stands after it. */
static void fill_in(struct address *address, bool needs_primary)
{
    add(address, "connect_timeout", "5");
    add(address, "tcp_user_timeout", "20000");
    add(address, "keepalives_idle", "5");
    add(address, "keepalives_interval", "5");
    add(address, "keepalives_count", "3");
    if (needs_primary)
        add(address, "target_session_attrs", "read-write");
    add(address, "dbname", address->uri);
    add(address, "fallback_application_name", report_name());
    add(address, "client_encoding", "UTF8");
}

static struct address *new_address(const char *uri, const char *name, bool needs_primary)
{
    struct address *address = xcalloc(1, sizeof *address);

    address->uri = xstrdup(uri);
    address->name = xstrdup(name);
    fill_in(address, needs_primary);
    return address;
}

/* libpq's own reason may contain the URI, and so a password. */
static enum exit_code refuse(const char *origin, char *reason)
{
    report("%s is not a URI of PostgreSQL; it may hold a password, and is not shown", origin);
    libpq.PQfreemem(reason);
    return EXIT_STORE;
}

enum exit_code address_read(const char *name, const char *variable, bool is_written,
                            struct address **address)
{
    const char *uri = name != NULL ? name : getenv(variable);
    char *reason = NULL;
    PQconninfoOption *options = libpq.PQconninfoParse(uri, &reason);
    char *shown;

    *address = NULL;
    if (options == NULL)
        return refuse(name != NULL ? "the database that was named" : variable, reason);
    if (name != NULL && option_of(options, "password") != NULL) {
        report("a password in the command line is seen by every user: keep it in the file that "
               "PGPASSFILE names");
        libpq.PQconninfoFree(options);
        return EXIT_STORE;
    }
    shown = name_of(options);
    /* Several hosts may also be behind one name, or in a service file. */
    *address = new_address(uri, shown, is_written || strchr(host_of(options), ',') != NULL);
    free(shown);
    libpq.PQconninfoFree(options);
    return EXIT_OK;
}

struct address *address_copy(const struct address *address)
{
    struct address *copy = new_address(address->uri, address->name, false);

    memcpy(copy->keywords, address->keywords, sizeof copy->keywords);
    for (size_t i = 0; address->keywords[i] != NULL; i++)
        copy->values[i] = address->values[i] == address->uri ? copy->uri : address->values[i];
    return copy;
}

void address_free(struct address *address)
{
    if (address == NULL)
        return;
    free(address->uri);
    free(address->name);
    free(address);
}
