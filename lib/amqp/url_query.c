#include "amqp/url_query.h"

#include "base/report.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FRAME_LEAST 4096 /* AMQP's own limit */

struct reading {
    const char *host;
    bool tls;
    struct url_query *settings;
    char *reason;
    size_t size;
};

static bool refuse(struct reading *reading, const char *format, ...) REPORT_FORMAT(2, 3);

static bool refuse(struct reading *reading, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(reading->reason, reading->size, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- values ---- */

/* Decodes %XX in place. Returns false for anything else after %, and for NUL. */
static bool decode(char *text)
{
    char *to = text;

    for (; *text != '\0'; text++) {
        char digits[3] = "";
        char *end = digits;

        if (*text == '%') {
            (void)snprintf(digits, sizeof digits, "%.2s", text + 1);
            *to = (char)strtol(digits, &end, 16);
            if (end != digits + 2 || strchr("+- \t", digits[0]) != NULL || *to == '\0')
                return false;
            text += 2;
        } else {
            *to = *text;
        }
        to++;
    }
    *to = '\0';
    return true;
}

static bool read_number(struct reading *reading, const char *name, const char *value, int least,
                        int most, int *number)
{
    char *end;
    long long read = strtoll(value, &end, 10);

    if (*value < '0' || *value > '9' || *end != '\0' || read < least || read > most)
        return refuse(reading, "%s is not a number from %d to %d", name, least, most);
    *number = (int)read;
    return true;
}

static bool read_channel_max(struct reading *reading, const char *value)
{
    int unused;

    return read_number(reading, "channel_max", value, 0, 65535, &unused);
}

static bool read_frame_max(struct reading *reading, const char *value)
{
    int *frame_max = &reading->settings->frame_max;

    if (!read_number(reading, "frame_max", value, 0, INT32_MAX, frame_max))
        return false;
    if (*frame_max > 0 && *frame_max < FRAME_LEAST)
        return refuse(reading, "frame_max is less than %d bytes", FRAME_LEAST);
    return true;
}

static bool read_heartbeat(struct reading *reading, const char *value)
{
    return read_number(reading, "heartbeat", value, 0, 65535, &reading->settings->heartbeat_s);
}

static bool read_timeout(struct reading *reading, const char *value)
{
    return read_number(reading, "connection_timeout", value, 1, 3600000,
                       &reading->settings->connection_timeout_ms);
}

/* ---- TLS and login ---- */

static bool read_file(struct reading *reading, const char *name, const char *value,
                      const char **file)
{
    if (!reading->tls)
        return refuse(reading, "%s goes with amqps://", name);
    if (*value == '\0')
        return refuse(reading, "%s names no file", name);
    *file = value;
    return true;
}

static bool read_cacert(struct reading *reading, const char *value)
{
    return read_file(reading, "cacertfile", value, &reading->settings->cacert);
}

static bool read_cert(struct reading *reading, const char *value)
{
    return read_file(reading, "certfile", value, &reading->settings->cert);
}

static bool read_key(struct reading *reading, const char *value)
{
    return read_file(reading, "keyfile", value, &reading->settings->key);
}

static bool read_verify(struct reading *reading, const char *value)
{
    return strcmp(value, "verify_peer") == 0 ||
           refuse(reading, "verify is verify_peer, and nothing else is supported: the broker's "
                           "certificate is always verified, by cacertfile or --cacert");
}

static bool read_peer_cert(struct reading *reading, const char *value)
{
    return strcmp(value, "true") == 0 || strcmp(value, "false") == 0 ||
           refuse(reading, "fail_if_no_peer_cert is neither true nor false");
}

static bool read_server_name(struct reading *reading, const char *value)
{
    return strcasecmp(value, reading->host) == 0 ||
           refuse(reading, "server_name_indication is not supported, but with the host itself");
}

static bool read_mechanism(struct reading *reading, const char *value)
{
    return strcasecmp(value, "plain") == 0 ||
           refuse(reading, "auth_mechanism is not supported, but with plain");
}

/* ---- parameters ---- */

static const struct {
    const char *name;
    bool (*read)(struct reading *reading, const char *value);
} parameters[] = {
    {"heartbeat", read_heartbeat},
    {"connection_timeout", read_timeout},
    {"channel_max", read_channel_max},
    {"frame_max", read_frame_max},
    {"cacertfile", read_cacert},
    {"certfile", read_cert},
    {"keyfile", read_key},
    {"verify", read_verify},
    {"fail_if_no_peer_cert", read_peer_cert},
    {"server_name_indication", read_server_name},
    {"auth_mechanism", read_mechanism},
};

static bool read_parameter(struct reading *reading, const char *name, char *value)
{
    if (!decode(value))
        return refuse(reading, "the value of %s is not percent-encoded", printable_text(name));
    for (size_t i = 0; i < sizeof parameters / sizeof parameters[0]; i++)
        if (strcmp(name, parameters[i].name) == 0)
            return parameters[i].read(reading, value);
    return refuse(reading, "the parameter '%s' is not supported", printable_text(name));
}

bool url_query_read(char *query, const char *host, bool tls, struct url_query *settings,
                    char *reason, size_t size)
{
    struct reading reading = {host, tls, settings, reason, size};

    *settings = (struct url_query){.heartbeat_s = -1, .connection_timeout_ms = -1, .frame_max = -1};
    while (*query != '\0') {
        char *name = query;
        size_t len = strcspn(query, "&");
        char *value;

        query += len + (query[len] == '&');
        name[len] = '\0';
        if (len == 0)
            continue;
        value = strchr(name, '=');
        if (value == NULL)
            return refuse(&reading, "the parameter '%s' has no value", printable_text(name));
        *value = '\0';
        if (!read_parameter(&reading, name, value + 1))
            return false;
    }
    if ((settings->cert == NULL) != (settings->key == NULL))
        return refuse(&reading, "certfile and keyfile go together");
    return true;
}
