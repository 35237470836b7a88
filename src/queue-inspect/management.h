/*
 * management: the broker's management API, over HTTP or HTTPS, read only.
 *
 * It is asked about the virtual host of the first AMQP URL. The login is that of the API's URL or,
 * if that has none, of the first AMQP URL; it is never shown. TLS is set up as for AMQP. Redirects
 * are not followed. An answer may take 10 s and have MANAGEMENT_MAX bytes; a stop ends the wait.
 */
#ifndef QUEUE_INSPECT_MANAGEMENT_H
#define QUEUE_INSPECT_MANAGEMENT_H

#include "amqp/broker_options.h"
#include "base/report.h"

#include <cjson/cJSON.h>

#define MANAGEMENT_MAX (8 * 1024 * 1024)

struct management;

/*
 * Sets *management to a client for url: http[s]://[user:password@]host[:port][/prefix]. options
 * must be resolved and stay valid. Connects when first asked. Returns EXIT_USAGE, reported, for a
 * URL of another form. Free with management_free().
 */
enum exit_code management_new(const char *url, const struct broker_options *options,
                              struct management **management);

/* Frees management, which may be NULL. */
void management_free(struct management *management);

/*
 * Gets /api/<collection>/<virtual host>/<name><rest>. rest is the end of a path or a query, escaped
 * as in a URL. Sets *tree to the answer, or to NULL if the API answers that there is no such thing;
 * free it with cJSON_Delete(). On failure reports nothing, sets *tree to NULL, and returns
 * EXIT_UNREACHABLE if trying again may help, otherwise EXIT_LOGIN or EXIT_TOPOLOGY: see
 * management_reason().
 */
enum exit_code management_get(struct management *management, const char *collection,
                              const char *name, const char *rest, cJSON **tree);

/* Sets *major to the first number of the broker's version, or 0 if the API does not say. Fails as
 * management_get() does. */
enum exit_code management_version(struct management *management, int *major);

/*
 * Gets what is known of the nodes of the cluster: an array of their names, whether they run, which
 * others each has lost sight of (partitions), and their alarms. Fails as management_get() does; a
 * user without the tag "monitoring" is refused.
 */
enum exit_code management_nodes(struct management *management, cJSON **tree);

/* Returns why the last call failed, safe to show. Valid until the next call. */
const char *management_reason(const struct management *management);

#endif
