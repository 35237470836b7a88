/*
 * broker_options: which broker to connect to, how to log in and how long to try. All programs that
 * use a broker have these options.
 */
#ifndef AMQP_BROKER_OPTIONS_H
#define AMQP_BROKER_OPTIONS_H

#include "amqp/url_query.h"
#include "base/options.h"
#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>

/* One broker of the list. All texts but name point into text. */
struct endpoint {
    char *text; /* the URL, cut into pieces; allocated */
    const char *user;
    const char *password;
    const char *host;
    int port;
    const char *vhost;
    bool tls;
    char name[300]; /* "host:port" for messages, without control characters */
    struct url_query query;
};

struct broker_options {
    const char *url;      /* --url: one URL, or several with commas between; NULL if not given */
    const char *authfile; /* --authfile: NULL if not given, like the following */
    const char *cacert;
    const char *cert;
    const char *key;
    int retries;                /* attempts to connect before giving up */
    int retry_delay;            /* seconds between attempts */
    bool shuffle;               /* begin at a random one of the URLs and addresses */
    int confirm_timeout;        /* seconds that a confirm may take; 0: any time */
    const char *queue_type;     /* --queue-type: NULL if not given */
    struct endpoint *endpoints; /* set by broker_options_resolve(), in the order to be tried */
    size_t endpoint_count;
    size_t first_endpoint; /* where to begin; the first of the list follows the last */
    size_t first_address;  /* the same for the addresses of one host */
    bool quorum;           /* set by broker_options_resolve(): declare quorum queues */
    char *login;           /* private: the contents of the authfile */
};

/* What the command line says about the broker; before it is read, the defaults. */
extern struct broker_options broker_options;

/* The options that set broker_options: a group for the table of a program. */
extern struct option_entry broker_option_table[];

/* Those of a program that also publishes, and declares queues: a second group. */
extern struct option_entry publishing_option_table[];

/*
 * Sets the endpoints from url, else from the environment variable AMQP_URL, else
 * "amqp://localhost". User and password of the authfile, if one is given, replace those in the
 * URLs. Sets quorum from queue_type, else from the environment variable ORDER_QUEUE_TYPE. Call it
 * once, after the command line was read; free with broker_options_free(), also after a failure.
 *
 * Returns EXIT_OK; EXIT_USAGE if a URL is malformed or has a query parameter that is not supported
 * (url_query.h), only one of cert and key is given, or the type of queues is neither "quorum" nor
 * "default"; EXIT_LOGIN if the authfile cannot be read, is malformed, or is accessible to others
 * than file_is_private() allows (private_file.h). Failures are reported.
 */
enum exit_code broker_options_resolve(struct broker_options *options);

/*
 * Returns the user name to log in with, if it is the same for all endpoints; otherwise, or without
 * endpoints, NULL. It lasts until broker_options_free().
 */
const char *broker_options_user(const struct broker_options *options);

/* Frees the endpoints and forgets them. Harmless without any. */
void broker_options_free(struct broker_options *options);

#endif
