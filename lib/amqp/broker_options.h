/*
 * broker_options: which broker, how to log in, how long to try: the options that all programs
 * share.
 */
#ifndef AMQP_BROKER_OPTIONS_H
#define AMQP_BROKER_OPTIONS_H

#include "base/options.h"
#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>

struct endpoint {
    char *text; /* owns what the others point into */
    const char *user;
    const char *password;
    const char *host;
    int port;
    const char *vhost;
    bool tls;
    char name[300]; /* "host:port", safe to be shown */
};

struct broker_options {
    const char *url; /* --url, else AMQP_URL, else amqp://localhost */
    const char *authfile;
    const char *cacert;
    const char *cert;
    const char *key;
    int retries;     /* attempts to connect before giving up */
    int retry_delay; /* seconds between them */
    struct endpoint *endpoints;
    size_t endpoint_count;
    char *login; /* what --authfile held */
};

/* By hand: versions of clang-format before 19 take the braces for a block. */
/* clang-format off */
#define BROKER_OPTIONS_DEFAULT {.retries = 60, .retry_delay = 1}
/* clang-format on */

enum {
    OPTION_AUTHFILE = OPTION_LINK,
    OPTION_CACERT,
    OPTION_CERT,
    OPTION_KEY,
    OPTION_RETRIES,
    OPTION_RETRY_DELAY
};

/* For a program's string of short options, its table of long ones, and its usage text. */
#define BROKER_SHORT_OPTIONS "u:"
/* clang-format off */
#define BROKER_LONG_OPTIONS \
    {"url", required_argument, NULL, 'u'}, \
    {"authfile", required_argument, NULL, OPTION_AUTHFILE}, \
    {"cacert", required_argument, NULL, OPTION_CACERT}, \
    {"cert", required_argument, NULL, OPTION_CERT}, \
    {"key", required_argument, NULL, OPTION_KEY}, \
    {"retries", required_argument, NULL, OPTION_RETRIES}, \
    {"retry-delay", required_argument, NULL, OPTION_RETRY_DELAY}
/* clang-format on */
#define BROKER_USAGE                                                                    \
    "  -u, --url URL[,URL...]  broker: amqp:// or amqps://, tried in turn (AMQP_URL)\n" \
    "      --authfile FILE     read user name and password from FILE\n"                 \
    "      --cacert FILE       trust the certificate authorities in FILE\n"             \
    "      --cert FILE         client certificate, and\n"                               \
    "      --key FILE          its key\n"                                               \
    "      --retries N         attempts to connect before giving up (60)\n"             \
    "      --retry-delay S     seconds between them (1)\n"

/*
 * Handles one option of getopt_long(), with its argument in optarg: true if it was one of
 * BROKER_LONG_OPTIONS. Ends the program with EXIT_USAGE for an argument that cannot be.
 */
bool broker_option(struct broker_options *options, int option);

/* To be called after the options: works out the endpoints. EXIT_USAGE or EXIT_LOGIN if they cannot
 * be. */
enum exit_code broker_options_resolve(struct broker_options *options);

/* The user who logs in, if it is the same at all brokers of the list; otherwise NULL. */
const char *broker_options_user(const struct broker_options *options);

void broker_options_free(struct broker_options *options);

#endif
