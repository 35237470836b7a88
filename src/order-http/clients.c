#include "clients.h"

#include "leavers.h"
#include "lingering.h"
#include "metrics.h"
#include "request.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/report.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define DESCRIPTORS_KEPT 64 /* for all that is not a client: store, broker, log, lingering */
#define YOUNG_MS 1000       /* a client that is new may take so long before it counts as idle */
#define RETRY_AFTER "1"

/* After the phases of clients.h: the socket is shut down, and the owner has not noticed yet. */
#define CUT CLIENT_PHASES

static const struct clients_settings *settings;
static size_t most;
static size_t count;
static size_t cut_count; /* of them, those that are cut off */

/* The clients of each phase, in the order of since_ms. */
static struct {
    struct client *first;
    struct client *last;
} phases[CLIENT_PHASES + 1];

/* ---- limits ---- */

static rlim_t raise_open_files(rlim_t wanted)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return wanted;
    if (limit.rlim_cur >= wanted)
        return limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        (void)getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

void clients_open(const struct clients_settings *given)
{
    rlim_t wanted = (rlim_t)given->most + DESCRIPTORS_KEPT;
    rlim_t files = raise_open_files(wanted);

    settings = given;
    most = (size_t)given->most;
    if (files >= wanted)
        return;
    most = (size_t)(files > 2 * DESCRIPTORS_KEPT ? files - DESCRIPTORS_KEPT : files / 2);
    report_warning("%zu connections at most: %ju files may be open", most, (uintmax_t)files);
}

/* ---- phases ---- */

static void append(struct client *client, int phase)
{
    client->phase = (enum client_phase)phase;
    client->since_ms = clock_monotonic_ms();
    client->next = NULL;
    client->previous = phases[phase].last;
    if (client->previous != NULL)
        client->previous->next = client;
    else
        phases[phase].first = client;
    phases[phase].last = client;
}

static void take_out(struct client *client)
{
    if (client->previous != NULL)
        client->previous->next = client->next;
    else
        phases[client->phase].first = client->next;
    if (client->next != NULL)
        client->next->previous = client->previous;
    else
        phases[client->phase].last = client->previous;
}

static void move(struct client *client, int phase)
{
    take_out(client);
    append(client, phase);
}

struct client *clients_oldest(enum client_phase phase)
{
    return phases[phase].first;
}

void clients_enter(struct client *client, enum client_phase phase)
{
    if ((int)client->phase != CUT)
        move(client, (int)phase);
}

void clients_cut(struct client *client)
{
    (void)shutdown(client->socket, SHUT_RDWR);
    cut_count += (int)client->phase != CUT;
    move(client, CUT);
}

/* ---- coming ---- */

/* Of IPv6, a site has the lower half for itself. */
static bool is_same_address(const struct sockaddr_storage *a, const struct sockaddr *b)
{
    const struct sockaddr_in *a4 = (const struct sockaddr_in *)a;
    const struct sockaddr_in *b4 = (const struct sockaddr_in *)b;
    const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)a;
    const struct sockaddr_in6 *b6 = (const struct sockaddr_in6 *)b;

    if (a->ss_family != b->sa_family)
        return false;
    if (a->ss_family == AF_INET)
        return a4->sin_addr.s_addr == b4->sin_addr.s_addr;
    return a->ss_family == AF_INET6 &&
           memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof a6->sin6_addr / 2) == 0;
}

static int count_address(const struct sockaddr *address)
{
    int found = 0;

    for (size_t phase = 0; phase <= CUT; phase++)
        for (struct client *client = phases[phase].first; client != NULL; client = client->next)
            found += is_same_address(&client->address, address);
    return found;
}

static bool is_one_too_many(const struct sockaddr *address)
{
    return settings->most_of_address > 0 && count_address(address) >= settings->most_of_address;
}

void clients_make_room(void)
{
    struct client *idle = phases[CLIENT_IDLE].first;
    struct client *fresh = phases[CLIENT_NEW].first;

    if (idle != NULL)
        clients_cut(idle);
    else if (fresh != NULL && clock_monotonic_ms() - fresh->since_ms >= YOUNG_MS)
        clients_cut(fresh);
}

struct client *clients_add(int socket, const struct sockaddr *address, socklen_t len)
{
    struct client *client;

    if (count - cut_count >= most - most / 16)
        clients_make_room();
    if (count - cut_count >= most || is_one_too_many(address))
        return NULL;
    client = xcalloc(1, sizeof *client);
    client->socket = socket;
    memcpy(&client->address, address, len);
    listen_text(address, len, client->peer);
    append(client, CLIENT_NEW);
    count++;
    return client;
}

/* ---- going ---- */

static bool write_answer(int socket, const struct answer *answer)
{
    size_t len;
    char *wire = answer_on_wire(answer, &len);
    bool is_written = send(socket, wire, len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len;

    free(wire);
    return is_written;
}

void clients_refuse(int socket, const struct sockaddr *address)
{
    struct answer answer = {0};
    bool is_address = is_one_too_many(address);

    metrics_connection_cut(is_address ? METRICS_CUT_ADDRESS : METRICS_CUT_FULL);
    if (is_address)
        answer_problem(&answer, 429, NULL, "there are %d connections of this address already",
                       settings->most_of_address);
    else
        answer_problem(&answer, 503, NULL, "there are %zu connections already", most);
    answer_add(&answer, "Retry-After", RETRY_AFTER);
    if (!settings->uses_tls && write_answer(socket, &answer)) {
        (void)shutdown(socket, SHUT_WR);
        lingering_add(socket);
    } else {
        (void)close(socket);
    }
    answer_free(&answer);
}

static void forget(struct client *client)
{
    take_out(client);
    cut_count -= (int)client->phase == CUT;
    count--;
    free(client);
}

void clients_remove(struct client *client)
{
    if ((client->is_refusing && (int)client->phase != CUT) || client->phase == CLIENT_NEW)
        lingering_add(fcntl(client->socket, F_DUPFD_CLOEXEC, 0));
    forget(client);
}

struct client *clients_of_socket(int socket)
{
    struct client *client = phases[CLIENT_NEW].last;

    while (client != NULL && client->socket != socket)
        client = client->previous;
    return client;
}

void clients_lose(int socket)
{
    struct client *client = clients_of_socket(socket);

    if (client != NULL)
        forget(client);
}

bool clients_tell(struct client *client, const struct answer *answer)
{
    if (settings->uses_tls)
        return false;
    client->is_refusing = true;
    if (!write_answer(client->socket, answer))
        return false;
    if (client->request != NULL) {
        client->request->is_answered = true;
        client->request->sent = answer->len;
    }
    return true;
}

/* ---- deadlines ---- */

static void time_out(struct client *client, const char *what, enum metrics_cut why)
{
    struct answer none = {0};
    struct answer *answer = client->request == NULL ? &none : &client->request->answer;

    metrics_connection_cut(why);
    answer_free(answer);
    answer_problem(answer, 408, NULL, "the %s did not arrive in time", what);
    (void)clients_tell(client, answer);
    answer_free(&none);
    if (client->request != NULL)
        request_drop_body(client->request);
    clients_cut(client);
}

bool clients_end_slowest_body(void)
{
    struct client *slowest = phases[CLIENT_BODY].first;

    if (slowest == NULL || clock_monotonic_ms() - slowest->since_ms < YOUNG_MS)
        return false;
    time_out(slowest, "body", METRICS_CUT_BODY);
    return true;
}

static void end_answer(struct client *client)
{
    uint64_t expected = (uint64_t)settings->answer_ms * CLIENTS_PACE / 1000;

    if (client->taken < expected && !request_give_up(client->request)) {
        metrics_connection_cut(METRICS_CUT_ANSWER);
        clients_cut(client);
        return;
    }
    client->taken = 0;
    move(client, CLIENT_ANSWER);
}

static void end_phase(struct client *client)
{
    switch (client->phase) {
    case CLIENT_NEW:
    case CLIENT_HEADER:
        time_out(client, "header", METRICS_CUT_HEADER);
        break;
    case CLIENT_IDLE:
        clients_cut(client);
        break;
    case CLIENT_BODY:
        time_out(client, "body", METRICS_CUT_BODY);
        break;
    case CLIENT_ANSWER:
        end_answer(client);
        break;
    }
}

static int patience_ms(int phase)
{
    const int patience[CLIENT_PHASES] = {
        [CLIENT_NEW] = settings->header_ms,    [CLIENT_IDLE] = settings->idle_ms,
        [CLIENT_HEADER] = settings->header_ms, [CLIENT_BODY] = settings->body_ms,
        [CLIENT_ANSWER] = settings->answer_ms,
    };

    return patience[phase];
}

static void expire(int phase, int64_t now_ms)
{
    struct client *client = phases[phase].first;

    while (client != NULL && now_ms - client->since_ms >= patience_ms(phase)) {
        end_phase(client);
        client = phases[phase].first;
    }
}

/* ---- the step ---- */

static int until_next(int64_t now_ms)
{
    int64_t next_ms = leavers_due_ms(now_ms);

    if (lingering_is_any() && next_ms > LINGERING_STEP_MS)
        next_ms = LINGERING_STEP_MS;
    for (int phase = 0; phase < CLIENT_PHASES; phase++) {
        const struct client *client = phases[phase].first;
        int64_t left_ms;

        if (client == NULL)
            continue;
        left_ms = client->since_ms + patience_ms(phase) - now_ms;
        if (left_ms < next_ms)
            next_ms = left_ms > 0 ? left_ms : 0;
    }
    return next_ms == INT64_MAX ? -1 : (int)next_ms;
}

int clients_step(void)
{
    int64_t now_ms = clock_monotonic_ms();

    lingering_step(now_ms);
    leavers_cut(now_ms);
    for (int phase = 0; phase < CLIENT_PHASES; phase++)
        expire(phase, now_ms);
    return until_next(now_ms);
}

void clients_cut_idle(void)
{
    int64_t now_ms = clock_monotonic_ms();
    struct client *fresh;

    while (phases[CLIENT_IDLE].first != NULL)
        clients_cut(phases[CLIENT_IDLE].first);
    while ((fresh = phases[CLIENT_NEW].first) != NULL && now_ms - fresh->since_ms >= YOUNG_MS)
        clients_cut(fresh);
}

void clients_give_up(void)
{
    for (struct client *client = phases[CLIENT_ANSWER].first; client != NULL; client = client->next)
        (void)request_give_up(client->request);
}

size_t clients_count(void)
{
    return count;
}

void clients_close(void)
{
    lingering_close();
}
