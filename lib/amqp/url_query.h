/*
 * url_query: the query of an AMQP URL, "?heartbeat=30&...", as other clients take it: see
 * https://www.rabbitmq.com/docs/uri-query-parameters.
 *
 *   heartbeat           seconds; 0: none
 *   connection_timeout  milliseconds that connecting to one address may take, and logging in
 *   channel_max         a number; one channel is used, whatever it is
 *   frame_max           bytes, 4096 at least; 0: no limit of the client
 *   cacertfile, certfile, keyfile   as --cacert, --cert and --key, which count more
 *   verify              verify_peer, which is always done
 *   fail_if_no_peer_cert            true or false: about servers, without effect
 *   server_name_indication          the host of the URL, which is always sent
 *   auth_mechanism      plain
 *
 * Other parameters and values are refused by their name: none is ignored silently.
 */
#ifndef AMQP_URL_QUERY_H
#define AMQP_URL_QUERY_H

#include <stdbool.h>
#include <stddef.h>

struct url_query {
    int heartbeat_s;           /* -1 if it is not given; so the next two */
    int connection_timeout_ms; /* at least 1 */
    int frame_max;             /* 0, or at least 4096 */
    const char *cacert;        /* a part of the query; NULL if it is not given, like the next two */
    const char *cert;
    const char *key;
};

/*
 * Reads query, the part of a URL after '?', which it cuts into pieces that *settings points to; ""
 * sets none. host is that of the URL, and tls whether it is one of amqps://. Returns true; or false
 * with a reason, safe to show, in reason[0..size).
 */
bool url_query_read(char *query, const char *host, bool tls, struct url_query *settings,
                    char *reason, size_t size);

#endif
