#include "management.h"

#include "base/memory.h"
#include "base/stop.h"
#include "base/text.h"
#include "json/json.h"

#include <curl/curl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In all less than an AMQP connection survives without heartbeats. */
#define CONNECT_SECONDS 5L
#define ANSWER_SECONDS 10L

#define HTTP_OK 200
#define HTTP_UNAUTHORIZED 401
#define HTTP_FORBIDDEN 403
#define HTTP_NOT_FOUND 404
#define HTTP_SERVER_ERROR 500

struct management {
    CURL *curl;
    char *base;  /* the URL without its login and without a slash at its end */
    char *vhost; /* escaped */
    char *answer;
    size_t length;
    bool too_large;
    char reason[1024];
};

const char *management_reason(const struct management *management)
{
    return management->reason;
}

/* Sets the reason of a failure. Returns code. */
REPORT_FORMAT(3, 4)
static enum exit_code fault(struct management *management, enum exit_code code, const char *format,
                            ...)
{
    int len = snprintf(management->reason, sizeof management->reason, "management API '%s': ",
                       printable_up_to(200, management->base, strlen(management->base)));
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(management->reason + len, sizeof management->reason - (size_t)len, format,
                    arguments);
    va_end(arguments);
    return code;
}

/* ---- the URL ---- */

/* Returns text escaped for a URL. Free with curl_free(). */
static char *escape(struct management *management, const char *text)
{
    char *escaped = curl_easy_escape(management->curl, text, 0);

    if (escaped == NULL)
        die_no_memory();
    return escaped;
}

/* Returns a part of url, decoded, or NULL if there is none. Free with curl_free(). */
static char *url_part(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    CURLUcode code = curl_url_get(url, part, &text, CURLU_URLDECODE);

    if (code == CURLUE_OUT_OF_MEMORY)
        die_no_memory();
    return code == CURLUE_OK ? text : NULL;
}

static bool url_has(CURLU *url, CURLUPart part)
{
    char *text = url_part(url, part);

    curl_free(text);
    return text != NULL;
}

static bool is_http(CURLU *url)
{
    char *scheme = url_part(url, CURLUPART_SCHEME);
    bool http = scheme != NULL && (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);

    curl_free(scheme);
    return http;
}

static void need_option(CURLcode code)
{
    if (code == CURLE_OUT_OF_MEMORY)
        die_no_memory();
    if (code != CURLE_OK)
        die(EXIT_BUG, "cannot set up HTTP: %s", curl_easy_strerror(code));
}

/* Takes the login out of url; without one, that for AMQP is used. */
static void set_login(struct management *management, CURLU *url, const struct endpoint *endpoint)
{
    char *user = url_part(url, CURLUPART_USER);
    char *password = url_part(url, CURLUPART_PASSWORD);
    const char *own_password = password != NULL ? password : "";

    need_option(curl_easy_setopt(management->curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC));
    need_option(
        curl_easy_setopt(management->curl, CURLOPT_USERNAME, user != NULL ? user : endpoint->user));
    need_option(curl_easy_setopt(management->curl, CURLOPT_PASSWORD,
                                 user != NULL ? own_password : endpoint->password));
    curl_free(user);
    curl_free(password);
    (void)curl_url_set(url, CURLUPART_USER, NULL, 0);
    (void)curl_url_set(url, CURLUPART_PASSWORD, NULL, 0);
}

static void set_base(struct management *management, CURLU *url)
{
    char *text = NULL;
    size_t len;

    if (curl_url_get(url, CURLUPART_URL, &text, 0) != CURLUE_OK)
        die_no_memory();
    management->base = xstrdup(text);
    curl_free(text);
    len = strlen(management->base);
    while (len > 0 && management->base[len - 1] == '/')
        management->base[--len] = '\0';
}

static enum exit_code read_url(struct management *management, const char *text,
                               const struct endpoint *endpoint)
{
    CURLU *url = curl_url();
    enum exit_code code = EXIT_OK;

    if (url == NULL)
        die_no_memory();
    if (curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK || !is_http(url) ||
        url_has(url, CURLUPART_QUERY) || url_has(url, CURLUPART_FRAGMENT)) {
        /* The URL is not shown, since it may hold a password. */
        report("the URL of the management API is not of the form "
               "http[s]://[user:password@]host[:port]");
        code = EXIT_USAGE;
    } else {
        set_login(management, url, endpoint);
        set_base(management, url);
    }
    curl_url_cleanup(url);
    return code;
}

/* ---- setting up ---- */

static size_t take_answer(char *bytes, size_t size, size_t count, void *context)
{
    struct management *management = context;
    size_t len = size * count;

    management->too_large = len > MANAGEMENT_MAX - management->length;
    if (management->too_large)
        return 0;
    management->answer = xrealloc(management->answer, management->length + len + 1);
    memcpy(management->answer + management->length, bytes, len);
    management->length += len;
    return len;
}

static int end_on_stop(void *context, curl_off_t to_get, curl_off_t got, curl_off_t to_send,
                       curl_off_t sent)
{
    (void)context;
    (void)to_get;
    (void)got;
    (void)to_send;
    (void)sent;
    return stop_requested() ? 1 : 0;
}

static void set_trust(CURL *curl, const struct broker_options *options)
{
    need_option(curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L));
    need_option(curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L));
    if (options->cacert != NULL)
        need_option(curl_easy_setopt(curl, CURLOPT_CAINFO, options->cacert));
    if (options->cert != NULL) {
        need_option(curl_easy_setopt(curl, CURLOPT_SSLCERT, options->cert));
        need_option(curl_easy_setopt(curl, CURLOPT_SSLKEY, options->key));
    }
}

static void set_limits(struct management *management)
{
    CURL *curl = management->curl;

    need_option(curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https"));
    need_option(curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L));
    need_option(curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS));
    need_option(curl_easy_setopt(curl, CURLOPT_TIMEOUT, ANSWER_SECONDS));
    need_option(curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L));
    need_option(curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L));
    need_option(curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, end_on_stop));
    need_option(curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer));
    need_option(curl_easy_setopt(curl, CURLOPT_WRITEDATA, management));
}

enum exit_code management_new(const char *url, const struct broker_options *options,
                              struct management **management)
{
    struct management *made = xcalloc(1, sizeof *made);
    enum exit_code code;

    need_option(curl_global_init(CURL_GLOBAL_DEFAULT));
    made->curl = curl_easy_init();
    if (made->curl == NULL)
        die_no_memory();
    code = read_url(made, url, &options->endpoints[0]);
    if (code != EXIT_OK) {
        management_free(made);
        return code;
    }
    set_limits(made);
    set_trust(made->curl, options);
    made->vhost = escape(made, options->endpoints[0].vhost);
    *management = made;
    return EXIT_OK;
}

void management_free(struct management *management)
{
    if (management == NULL)
        return;
    curl_easy_cleanup(management->curl);
    free(management->base);
    curl_free(management->vhost);
    free(management->answer);
    free(management);
    curl_global_cleanup();
}

/* ---- asking ---- */

static void set_url(struct management *management, const char *collection, const char *name,
                    const char *rest)
{
    char *escaped = escape(management, name);
    size_t size = strlen(management->base) + strlen(collection) + strlen(management->vhost) +
                  strlen(escaped) + strlen(rest) + sizeof "/api///";
    char *url = xmalloc(size);

    (void)snprintf(url, size, "%s/api/%s/%s/%s%s", management->base, collection, management->vhost,
                   escaped, rest);
    need_option(curl_easy_setopt(management->curl, CURLOPT_URL, url));
    free(url);
    curl_free(escaped);
}

static enum exit_code transfer_fault(struct management *management, CURLcode failed)
{
    long reason = 0;

    if (failed == CURLE_OUT_OF_MEMORY)
        die_no_memory();
    if (management->too_large)
        return fault(management, EXIT_TOPOLOGY, "the answer has more than %d bytes",
                     MANAGEMENT_MAX);
    if (failed == CURLE_COULDNT_CONNECT &&
        curl_easy_getinfo(management->curl, CURLINFO_OS_ERRNO, &reason) == CURLE_OK && reason != 0)
        return fault(management, EXIT_UNREACHABLE, "cannot connect: %s", strerror((int)reason));
    switch (failed) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
        return fault(management, EXIT_LOGIN, "%s", curl_easy_strerror(failed));
    default:
        return fault(management, EXIT_UNREACHABLE, "%s", curl_easy_strerror(failed));
    }
}

static enum exit_code status_fault(struct management *management, long status)
{
    if (status == HTTP_UNAUTHORIZED || status == HTTP_FORBIDDEN)
        return fault(management, EXIT_LOGIN,
                     "it refused the login, or a right to what is there (%ld)", status);
    return fault(management, status >= HTTP_SERVER_ERROR ? EXIT_UNREACHABLE : EXIT_TOPOLOGY,
                 "it answered with HTTP status %ld", status);
}

/* Any web server may answer 404; the API's answer is JSON with an error. */
static bool says_not_found(const struct management *management)
{
    const char *reason;
    cJSON *tree = json_parse(management->answer, management->length, &reason);
    bool says = json_member_text(tree, "error") != NULL;

    cJSON_Delete(tree);
    return says;
}

static enum exit_code read_answer(struct management *management, cJSON **tree)
{
    const char *reason = "it is empty";

    if (management->length > 0)
        *tree = json_parse(management->answer, management->length, &reason);
    if (*tree == NULL)
        return fault(management, EXIT_TOPOLOGY, "the answer is not JSON: %s", reason);
    return EXIT_OK;
}

/* Gets the URL that is set. */
static enum exit_code get(struct management *management, cJSON **tree)
{
    CURLcode failed;
    long status = 0;

    *tree = NULL;
    management->length = 0;
    management->too_large = false;
    failed = curl_easy_perform(management->curl);
    if (failed != CURLE_OK)
        return transfer_fault(management, failed);
    need_option(curl_easy_getinfo(management->curl, CURLINFO_RESPONSE_CODE, &status));
    if (status == HTTP_NOT_FOUND && management->length > 0 && says_not_found(management))
        return EXIT_OK;
    if (status != HTTP_OK)
        return status_fault(management, status);
    return read_answer(management, tree);
}

enum exit_code management_get(struct management *management, const char *collection,
                              const char *name, const char *rest, cJSON **tree)
{
    set_url(management, collection, name, rest);
    return get(management, tree);
}

/* Gets what is not part of a virtual host. */
static enum exit_code get_path(struct management *management, const char *path, cJSON **tree)
{
    size_t size = strlen(management->base) + strlen(path) + 1;
    char *url = xmalloc(size);

    (void)snprintf(url, size, "%s%s", management->base, path);
    need_option(curl_easy_setopt(management->curl, CURLOPT_URL, url));
    free(url);
    return get(management, tree);
}

enum exit_code management_version(struct management *management, int *major)
{
    cJSON *tree;
    enum exit_code code = get_path(management, "/api/overview?columns=rabbitmq_version", &tree);
    const char *version = json_member_text(tree, "rabbitmq_version");

    *major = version != NULL ? atoi(version) : 0;
    cJSON_Delete(tree);
    return code;
}

enum exit_code management_nodes(struct management *management, cJSON **tree)
{
    return get_path(management,
                    "/api/nodes?columns=name,running,partitions,mem_alarm,disk_free_alarm", tree);
}
