#include "amqp/broker_options.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum exit_code resolve(struct broker_options *options, const char *url)
{
    *options = (struct broker_options){0};
    options->url = url;
    return broker_options_resolve(options);
}

/* https://www.rabbitmq.com/docs/uri-spec, but for "amqp://host/". */
static void reads_urls(void)
{
    static const struct {
        const char *url;
        struct endpoint endpoint;
    } rows[] = {
        {"amqp://", {NULL, "guest", "guest", "localhost", 5672, "/", false, "localhost:5672", {0}}},
        {"amqp://host", {NULL, "guest", "guest", "host", 5672, "/", false, "host:5672", {0}}},
        {"amqp://host/", {NULL, "guest", "guest", "host", 5672, "/", false, "host:5672", {0}}},
        {"amqp://host:1/v", {NULL, "guest", "guest", "host", 1, "v", false, "host:1", {0}}},
        {"amqp://u:p@host/%2f", {NULL, "u", "p", "host", 5672, "/", false, "host:5672", {0}}},
        {"amqp://u%61:p%40@h/v%2Fw", {NULL, "ua", "p@", "h", 5672, "v/w", false, "h:5672", {0}}},
        {"amqp://u@host", {NULL, "u", "guest", "host", 5672, "/", false, "host:5672", {0}}},
        {"amqp://u:@host", {NULL, "u", "", "host", 5672, "/", false, "host:5672", {0}}},
        {"amqps://host", {NULL, "guest", "guest", "host", 5671, "/", true, "host:5671", {0}}},
        {"amqps://host:5672", {NULL, "guest", "guest", "host", 5672, "/", true, "host:5672", {0}}},
        {"amqp://[::1]", {NULL, "guest", "guest", "::1", 5672, "/", false, "::1:5672", {0}}},
        {"amqp://h%0a", {NULL, "guest", "guest", "h\n", 5672, "/", false, "h\\x0a:5672", {0}}},
    };
    struct broker_options options;

    for (size_t i = 0; i < COUNT(rows); i++) {
        unit_row(rows[i].url);
        if (EQUAL(resolve(&options, rows[i].url), EXIT_OK) && EQUAL(options.endpoint_count, 1)) {
            SAME(options.endpoints[0].user, rows[i].endpoint.user);
            SAME(options.endpoints[0].password, rows[i].endpoint.password);
            SAME(options.endpoints[0].host, rows[i].endpoint.host);
            EQUAL(options.endpoints[0].port, rows[i].endpoint.port);
            SAME(options.endpoints[0].vhost, rows[i].endpoint.vhost);
            EQUAL(options.endpoints[0].tls, rows[i].endpoint.tls);
            SAME(options.endpoints[0].name, rows[i].endpoint.name);
        }
        broker_options_free(&options);
    }
}

/* https://www.rabbitmq.com/docs/uri-query-parameters */
static void reads_the_query(void)
{
    struct broker_options options;
    const struct url_query *query;

    EQUAL(resolve(&options, "amqp://one?,amqp://two/v?heartbeat=0&&connection_timeout=2500"
                            "&channel_max=7&frame_max=8192&auth_mechanism=PLAIN,"
                            "amqps://three:1?cacertfile=/a%20b&certfile=c%2cd&keyfile=k"
                            "&verify=verify_peer&fail_if_no_peer_cert=true"
                            "&server_name_indication=Three"),
          EXIT_OK);
    if (!EQUAL(options.endpoint_count, 3))
        return;
    query = &options.endpoints[0].query;
    EQUAL(query->heartbeat_s, -1);
    EQUAL(query->connection_timeout_ms, -1);
    EQUAL(query->frame_max, -1);
    query = &options.endpoints[1].query;
    SAME(options.endpoints[1].vhost, "v");
    EQUAL(query->heartbeat_s, 0);
    EQUAL(query->connection_timeout_ms, 2500);
    EQUAL(query->frame_max, 8192);
    SAME(query->cacert, NULL);
    query = &options.endpoints[2].query;
    SAME(query->cacert, "/a b");
    SAME(query->cert, "c,d");
    SAME(query->key, "k");
    broker_options_free(&options);
}

static void names_what_it_does_not_support_in_a_query(void)
{
    static const struct {
        const char *query;
        const char *reason;
    } rows[] = {
        {"heartbeat", "the parameter 'heartbeat' has no value"},
        {"heartbeat=", "heartbeat is not a number from 0 to 65535"},
        {"heartbeat=-1", "heartbeat is not a number from 0 to 65535"},
        {"heartbeat=1s", "heartbeat is not a number from 0 to 65535"},
        {"heartbeat=99999999999999999999", "heartbeat is not a number from 0 to 65535"},
        {"connection_timeout=0", "connection_timeout is not a number from 1 to 3600000"},
        {"channel_max=70000", "channel_max is not a number from 0 to 65535"},
        {"frame_max=100", "frame_max is less than 4096 bytes"},
        {"verify=verify_none", "verify is verify_peer, and nothing else is supported: the broker's "
                               "certificate is always verified, by cacertfile or --cacert"},
        {"fail_if_no_peer_cert=1", "fail_if_no_peer_cert is neither true nor false"},
        {"server_name_indication=disable",
         "server_name_indication is not supported, but with the host itself"},
        {"auth_mechanism=external", "auth_mechanism is not supported, but with plain"},
        {"cacertfile=", "cacertfile names no file"},
        {"keyfile=k", "certfile and keyfile go together"},
        {"password=secret", "the parameter 'password' is not supported"},
        {"heartbeat=1&x%0a=\n", "the parameter 'x%0a' is not supported"},
        {"cacertfile=%zz", "the value of cacertfile is not percent-encoded"},
        {"cacertfile=%00", "the value of cacertfile is not percent-encoded"},
        {"cacertfile=a%4", "the value of cacertfile is not percent-encoded"},
    };
    struct broker_options options;

    for (size_t i = 0; i < COUNT(rows); i++) {
        char url[256];
        char said[512];

        (void)snprintf(url, sizeof url, "amqps://host?%s", rows[i].query);
        (void)snprintf(said, sizeof said, "order-tools: URL number 1: %s\n", rows[i].reason);
        unit_row(url);
        EQUAL(resolve(&options, url), EXIT_USAGE);
        SAME(unit_captured(2), said);
        broker_options_free(&options);
    }
    EQUAL(resolve(&options, "amqp://host?cacertfile=f"), EXIT_USAGE);
    SAME(unit_captured(2), "order-tools: URL number 1: cacertfile goes with amqps://\n");
    broker_options_free(&options);
}

static void refuses_what_is_no_url_without_showing_it(void)
{
    static const char *const urls[] = {"",
                                       "host",
                                       "http://host",
                                       "AMQP://host",
                                       "amqp:/host",
                                       "amqp://host:port",
                                       "amqp://host:70000",
                                       "amqp://u:secret@host/v/w",
                                       "amqp://u:secr%zzet@host",
                                       "amqp://u:1?secret=x@host",
                                       " amqp://host"};
    struct broker_options options;

    for (size_t i = 0; i < COUNT(urls); i++) {
        unit_row(urls[i]);
        EQUAL(resolve(&options, urls[i]), EXIT_USAGE);
        SAME(unit_captured(2), "order-tools: URL number 1 is not of the form "
                               "amqp://[user:password@]host[:port][/vhost], or amqps://\n");
        broker_options_free(&options);
    }
}

static void reads_a_list(void)
{
    struct broker_options options;

    EQUAL(resolve(&options, "amqp://a:x@one,amqps://a:y@two:7/v,amqp://a@three"), EXIT_OK);
    if (EQUAL(options.endpoint_count, 3)) {
        SAME(options.endpoints[0].name, "one:5672");
        SAME(options.endpoints[1].name, "two:7");
        SAME(options.endpoints[2].host, "three");
        SAME(broker_options_user(&options), "a");
    }
    broker_options_free(&options);
    EQUAL(resolve(&options, "amqp://a@one,amqp://b@two"), EXIT_OK);
    SAME(broker_options_user(&options), NULL);
    broker_options_free(&options);
    EQUAL(resolve(&options, "amqp://one,two"), EXIT_USAGE);
    CHECK(strstr(unit_captured(2), "URL number 2") != NULL);
    broker_options_free(&options);
    SAME(broker_options_user(&options), NULL);
}

static void takes_the_url_of_the_environment(void)
{
    struct broker_options options;

    (void)setenv("AMQP_URL", "amqp://elsewhere", 1);
    EQUAL(resolve(&options, NULL), EXIT_OK);
    SAME(options.endpoints[0].host, "elsewhere");
    broker_options_free(&options);
    EQUAL(resolve(&options, "amqp://given"), EXIT_OK);
    SAME(options.endpoints[0].host, "given");
    broker_options_free(&options);
    (void)setenv("AMQP_URL", "", 1);
    EQUAL(resolve(&options, NULL), EXIT_OK);
    SAME(options.endpoints[0].host, "localhost");
    broker_options_free(&options);
    (void)unsetenv("AMQP_URL");
    EQUAL(resolve(&options, NULL), EXIT_OK);
    SAME(options.endpoints[0].host, "localhost");
    broker_options_free(&options);
}

static void reads_the_type_of_queues(void)
{
    struct broker_options options = {0};

    EQUAL(broker_options_resolve(&options), EXIT_OK);
    CHECK(!options.quorum);
    broker_options_free(&options);
    (void)setenv("ORDER_QUEUE_TYPE", "quorum", 1);
    EQUAL(broker_options_resolve(&options), EXIT_OK);
    CHECK(options.quorum);
    broker_options_free(&options);
    options.queue_type = "default";
    EQUAL(broker_options_resolve(&options), EXIT_OK);
    CHECK(!options.quorum);
    broker_options_free(&options);
    options.queue_type = "classic\n";
    EQUAL(broker_options_resolve(&options), EXIT_USAGE);
    SAME(unit_captured(2),
         "order-tools: the type of queues is quorum or default, and not 'classic\\x0a'\n");
    broker_options_free(&options);
    (void)unsetenv("ORDER_QUEUE_TYPE");
}

/* In a hundred times each is the first, but for one chance in a million millions. */
static void begins_at_any_url_if_shuffled(void)
{
    bool was_first[4] = {false};
    struct broker_options options = {0};

    options.url = "amqp://a,amqp://b,amqp://c,amqp://d";
    EQUAL(broker_options_resolve(&options), EXIT_OK);
    EQUAL(options.first_endpoint, 0);
    broker_options_free(&options);
    options.shuffle = true;
    for (int i = 0; i < 100; i++) {
        EQUAL(broker_options_resolve(&options), EXIT_OK);
        if (CHECK(options.first_endpoint < 4))
            was_first[options.first_endpoint] = true;
        broker_options_free(&options);
    }
    CHECK(was_first[0] && was_first[1] && was_first[2] && was_first[3]);
}

static void needs_a_key_for_a_certificate(void)
{
    struct broker_options options = {0};

    options.cert = "cert.pem";
    EQUAL(broker_options_resolve(&options), EXIT_USAGE);
    SAME(unit_captured(2), "order-tools: --cert and --key go together\n");
    options.key = "key.pem";
    EQUAL(broker_options_resolve(&options), EXIT_OK);
    broker_options_free(&options);
}

/* Returns the code of a login by a file that holds text, and has this mode. */
static enum exit_code log_in_by_file(struct broker_options *options, const char *text, mode_t mode)
{
    char path[] = "/tmp/order-tools-authfile.XXXXXX";
    int fd = mkstemp(path);
    enum exit_code code;

    *options = (struct broker_options){0};
    options->url = "amqp://other:one@a,amqp://b";
    options->authfile = path;
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) &&
          fchmod(fd, mode) == 0);
    code = broker_options_resolve(options);
    options->authfile = NULL;
    (void)close(fd);
    (void)unlink(path);
    return code;
}

static void logs_in_by_a_file(void)
{
    static const char *const texts[] = {"username:me\npassword:a b:c\n",
                                        "username: me\npassword:  a b:c\n"};
    struct broker_options options;

    for (size_t i = 0; i < COUNT(texts); i++) {
        unit_row(texts[i]);
        EQUAL(log_in_by_file(&options, texts[i], 0600), EXIT_OK);
        for (size_t k = 0; k < options.endpoint_count; k++) {
            SAME(options.endpoints[k].user, "me");
            SAME(options.endpoints[k].password, "a b:c");
        }
        SAME(broker_options_user(&options), "me");
        broker_options_free(&options);
    }
}

static void refuses_a_file_that_is_no_login(void)
{
    static const char *const texts[] = {
        "",
        "username:me",
        "username:me\n",
        "username:me\npassword:x",
        "password:x\nusername:me\n",
        "username:me\npassword:x\nmore\n",
        "user:me\npassword:x\n",
    };
    struct broker_options options;

    for (size_t i = 0; i < COUNT(texts); i++) {
        unit_row(texts[i]);
        EQUAL(log_in_by_file(&options, texts[i], 0600), EXIT_LOGIN);
        CHECK(strstr(unit_captured(2), "does not hold a line 'username:...' and a line "
                                       "'password:...'\n") != NULL);
        broker_options_free(&options);
    }
}

static void refuses_a_file_that_others_may_read(void)
{
    static const mode_t modes[] = {0640, 0604, 0620, 0602, 0610, 0601};
    struct broker_options options;

    for (size_t i = 0; i < COUNT(modes); i++) {
        EQUAL(log_in_by_file(&options, "username:me\npassword:x\n", modes[i]), EXIT_LOGIN);
        CHECK(strstr(unit_captured(2), "chmod 600") != NULL);
        broker_options_free(&options);
    }
}

static void tells_of_a_file_that_cannot_be_read(void)
{
    struct broker_options options = {0};

    options.authfile = "/nowhere/login";
    EQUAL(broker_options_resolve(&options), EXIT_LOGIN);
    SAME(unit_captured(2),
         "order-tools: cannot open '/nowhere/login': No such file or directory\n");
    broker_options_free(&options);
}

static void tells_of_a_folder_instead_of_a_file(void)
{
    char path[] = "/tmp/order-tools-authfile.XXXXXX";
    struct broker_options options = {.authfile = path};

    CHECK(mkdtemp(path) != NULL);
    EQUAL(broker_options_resolve(&options), EXIT_LOGIN);
    CHECK(strstr(unit_captured(2), "': Is a directory\n") != NULL);
    broker_options_free(&options);
    (void)rmdir(path);
}

/* Returns a login of len bytes; valid until the next call. */
static const char *long_login(size_t len)
{
    static const char start[] = "username:me\npassword:";
    static char text[2048];

    memset(text, 'x', len);
    memcpy(text, start, sizeof start - 1);
    strcpy(text + len - 1, "\n");
    return text;
}

static void refuses_a_file_that_is_too_long(void)
{
    struct broker_options options;

    EQUAL(log_in_by_file(&options, long_login(1024), 0600), EXIT_OK);
    broker_options_free(&options);
    EQUAL(log_in_by_file(&options, long_login(1025), 0600), EXIT_LOGIN);
    CHECK(strstr(unit_captured(2), "' has more than 1024 bytes\n") != NULL);
    broker_options_free(&options);
}

int main(void)
{
    (void)unsetenv("AMQP_URL");
    (void)unsetenv("ORDER_QUEUE_TYPE");
    unit_capture(2);
    RUN(reads_urls);
    RUN(reads_the_query);
    RUN(names_what_it_does_not_support_in_a_query);
    RUN(refuses_what_is_no_url_without_showing_it);
    RUN(reads_a_list);
    RUN(takes_the_url_of_the_environment);
    RUN(reads_the_type_of_queues);
    RUN(begins_at_any_url_if_shuffled);
    RUN(needs_a_key_for_a_certificate);
    RUN(logs_in_by_a_file);
    RUN(refuses_a_file_that_is_no_login);
    RUN(refuses_a_file_that_others_may_read);
    RUN(tells_of_a_file_that_cannot_be_read);
    RUN(tells_of_a_folder_instead_of_a_file);
    RUN(refuses_a_file_that_is_too_long);
    return unit_end();
}
