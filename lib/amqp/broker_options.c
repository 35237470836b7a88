#include "amqp/broker_options.h"

#include "amqp/rabbitmq.h"
#include "base/memory.h"
#include "base/text.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define AUTHFILE_MAX 1024

struct broker_options broker_options = {.retries = 60, .retry_delay = 1, .confirm_timeout = 30};

struct option_entry broker_option_table[] = {
    {"url", "URL[,URL...]", "brokers to try in turn, amqp:// or amqps:// (AMQP_URL)", .letter = 'u',
     .text = &broker_options.url},
    {"authfile", "FILE", "read user name and password from FILE", .text = &broker_options.authfile},
    {"cacert", "FILE", "trust the certificate authorities in FILE", .text = &broker_options.cacert},
    {"cert", "FILE", "present the client certificate in FILE", .text = &broker_options.cert},
    {"key", "FILE", "private key of that certificate", .text = &broker_options.key},
    {"retries", "N", "attempts to connect before giving up (60)", .number = &broker_options.retries,
     .least = 1, .most = 1000000},
    {"retry-delay", "S", "seconds between these attempts (1)",
     .number = &broker_options.retry_delay, .most = 86400},
    {"shuffle", NULL, "begin at a random one of the URLs and addresses",
     .flag = &broker_options.shuffle},
    {0},
};

struct option_entry publishing_option_table[] = {
    {"confirm-timeout", "S", "leave a broker that does not confirm for S seconds; 0: never (30)",
     .number = &broker_options.confirm_timeout, .most = 86400},
    {"queue-type", "quorum|default", "how to declare missing queues (ORDER_QUEUE_TYPE)",
     .text = &broker_options.queue_type},
    {0},
};

/*
 * Returns the rest of the line at *at after prefix and spaces, and moves *at to the next line. NULL
 * if there is no complete line that starts with prefix.
 */
static char *take_line(char **at, const char *prefix)
{
    size_t len = strlen(prefix);
    char *value = *at + len;
    char *end;

    if (strncmp(*at, prefix, len) != 0)
        return NULL;
    while (*value == ' ')
        value++;
    end = strchr(value, '\n');
    if (end == NULL)
        return NULL;
    *end = '\0';
    *at = end + 1;
    return value;
}

static enum exit_code read_authfile(struct broker_options *options, int fd)
{
    struct stat info;
    ssize_t got;

    if (fstat(fd, &info) != 0) {
        report_errno("cannot read '%s'", options->authfile);
        return EXIT_LOGIN;
    }
    if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        report("'%s' holds a password and must be its owner's alone: chmod 600 it",
               options->authfile);
        return EXIT_LOGIN;
    }
    options->login = xcalloc(1, AUTHFILE_MAX + 2);
    got = read(fd, options->login, AUTHFILE_MAX + 1);
    if (got < 0) {
        report_errno("cannot read '%s'", options->authfile);
        return EXIT_LOGIN;
    }
    if (got > AUTHFILE_MAX) {
        report("'%s' has more than %d bytes", options->authfile, AUTHFILE_MAX);
        return EXIT_LOGIN;
    }
    return EXIT_OK;
}

/* Reads a line "username:NAME" and a line "password:SECRET", the format of rabbitmq-c's tools. */
static enum exit_code load_login(struct broker_options *options, const char **user,
                                 const char **password)
{
    int fd = open(options->authfile, O_RDONLY | O_CLOEXEC);
    enum exit_code code;
    char *at;

    if (fd < 0) {
        report_errno("cannot open '%s'", options->authfile);
        return EXIT_LOGIN;
    }
    code = read_authfile(options, fd);
    (void)close(fd);
    if (code != EXIT_OK)
        return code;
    at = options->login;
    *user = take_line(&at, "username:");
    *password = *user == NULL ? NULL : take_line(&at, "password:");
    if (*password == NULL || *at != '\0') {
        report("'%s' does not hold a line 'username:...' and a line 'password:...'",
               options->authfile);
        return EXIT_LOGIN;
    }
    return EXIT_OK;
}

/* URLs are named by their number, because they may contain a password. */
static enum exit_code refuse_url(const struct broker_options *options)
{
    report("URL number %zu is not of the form amqp://[user:password@]host[:port][/vhost], or "
           "amqps://",
           options->endpoint_count);
    return EXIT_USAGE;
}

/* Cuts the query off the URL. Returns it; "" if there is none; or NULL if a '@' in it says that the
 * '?' belongs to a password, which must not be shown. */
static char *cut_query(char *url)
{
    char *query = url + strcspn(url, "?");

    if (*query == '\0')
        return query;
    *query++ = '\0';
    return strchr(query, '@') == NULL ? query : NULL;
}

static enum exit_code add_endpoint(struct broker_options *options, const char *url, size_t len)
{
    struct endpoint *endpoint;
    struct amqp_connection_info info;
    char reason[512];
    char *query;

    options->endpoints =
        xrealloc(options->endpoints, (options->endpoint_count + 1) * sizeof *options->endpoints);
    endpoint = &options->endpoints[options->endpoint_count++];
    memset(endpoint, 0, sizeof *endpoint);
    endpoint->text = xcalloc(len + 1, 1);
    memcpy(endpoint->text, url, len);
    query = cut_query(endpoint->text);
    if (query == NULL || amqp_parse_url(endpoint->text, &info) != AMQP_STATUS_OK)
        return refuse_url(options);
    endpoint->user = info.user;
    endpoint->password = info.password;
    endpoint->host = info.host;
    endpoint->port = info.port;
    /* "amqp://host/" means the default virtual host to people, and an empty name to the parser. */
    endpoint->vhost = *info.vhost == '\0' ? "/" : info.vhost;
    endpoint->tls = info.ssl != 0;
    (void)snprintf(endpoint->name, sizeof endpoint->name, "%s:%d",
                   printable_up_to(200, endpoint->host, strlen(endpoint->host)), endpoint->port);
    if (url_query_read(query, endpoint->host, endpoint->tls, &endpoint->query, reason,
                       sizeof reason))
        return EXIT_OK;
    report("URL number %zu: %s", options->endpoint_count, reason);
    return EXIT_USAGE;
}

static enum exit_code split_urls(struct broker_options *options, const char *urls)
{
    for (;;) {
        size_t len = strcspn(urls, ",");
        enum exit_code code = add_endpoint(options, urls, len);

        if (code != EXIT_OK || urls[len] == '\0')
            return code;
        urls += len + 1;
    }
}

static enum exit_code read_queue_type(struct broker_options *options)
{
    const char *environment = getenv("ORDER_QUEUE_TYPE");
    const char *name = options->queue_type;

    if (name == NULL)
        name = environment != NULL && *environment != '\0' ? environment : "default";
    options->quorum = strcmp(name, "quorum") == 0;
    if (options->quorum || strcmp(name, "default") == 0)
        return EXIT_OK;
    report("the type of queues is quorum or default, and not '%s'", printable_text(name));
    return EXIT_USAGE;
}

/* So that not all clients of a cluster are on the node that comes first in the list. */
static void choose_first(struct broker_options *options)
{
    size_t number;

    if (!options->shuffle || getentropy(&number, sizeof number) != 0)
        return;
    options->first_endpoint = number % options->endpoint_count;
    options->first_address = number / options->endpoint_count;
}

enum exit_code broker_options_resolve(struct broker_options *options)
{
    const char *environment = getenv("AMQP_URL");
    const char *user = NULL;
    const char *password = NULL;
    const char *urls = options->url;
    enum exit_code code;

    if (urls == NULL)
        urls = environment != NULL && *environment != '\0' ? environment : "amqp://localhost";
    if ((options->cert == NULL) != (options->key == NULL)) {
        report("--cert and --key go together");
        return EXIT_USAGE;
    }
    code = split_urls(options, urls);
    if (code == EXIT_OK)
        choose_first(options);
    if (code == EXIT_OK)
        code = read_queue_type(options);
    if (code != EXIT_OK || options->authfile == NULL)
        return code;
    code = load_login(options, &user, &password);
    for (size_t i = 0; i < options->endpoint_count && code == EXIT_OK; i++) {
        options->endpoints[i].user = user;
        options->endpoints[i].password = password;
    }
    return code;
}

const char *broker_options_user(const struct broker_options *options)
{
    for (size_t i = 1; i < options->endpoint_count; i++)
        if (strcmp(options->endpoints[i].user, options->endpoints[0].user) != 0)
            return NULL;
    return options->endpoint_count > 0 ? options->endpoints[0].user : NULL;
}

void broker_options_free(struct broker_options *options)
{
    for (size_t i = 0; i < options->endpoint_count; i++)
        free(options->endpoints[i].text);
    free(options->endpoints);
    free(options->login);
    options->endpoints = NULL;
    options->endpoint_count = 0;
    options->login = NULL;
}
