/*
 * management: the broker's management API, over HTTP or HTTPS, read only.
 *
 * It is asked about one virtual host, that of the first AMQP URL. The login is the one in the API's
 * own URL, or else that of the first AMQP URL; neither is ever shown. Certificates are trusted as
 * for AMQP. Redirects are not followed, an answer has 10 s and MANAGEMENT_MAX bytes at most, and a
 * stop that is asked for ends the wait for it.
 */
#ifndef QUEUE_INSPECT_MANAGEMENT_H
#define QUEUE_INSPECT_MANAGEMENT_H

#include "amqp/broker_options.h"
#include "base/report.h"

#include <cjson/cJSON.h>

#define MANAGEMENT_MAX (8 * 1024 * 1024)

struct management;

/*
 * For url, http[s]://[user:password@]host[:port][/prefix]. Connects on first use. The options are
 * resolved, and outlive it. EXIT_USAGE, reported, for a URL that will not do.
 */
enum exit_code management_new(const char *url, const struct broker_options *options,
                              struct management **management);

/* NULL is harmless. */
void management_free(struct management *management);

/*
 * Gets /api/<collection>/<virtual host>/<name><rest>, where rest is the end of a path or a query,
 * as it stands in a URL. *tree, NULL if there is no such thing, is the caller's to free with
 * cJSON_Delete(). Without a word if it fails: management_reason() says why. EXIT_UNREACHABLE means
 * try again.
 */
enum exit_code management_get(struct management *management, const char *collection,
                              const char *name, const char *rest, cJSON **tree);

/* Finds the first number of the broker's version, 0 if it does not say. Fails as management_get()
 * does. */
enum exit_code management_version(struct management *management, int *major);

/* Why the last attempt failed: safe to be shown. */
const char *management_reason(const struct management *management);

#endif
