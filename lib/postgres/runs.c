#include "postgres/runs.h"

#include "base/background.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/pipe.h"
#include "base/report.h"
#include "postgres/attempt.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uuid/uuid.h>

#define FIRST_RENEWAL_MS 5000 /* a process that ends sooner needs no thread, nor its connection */
#define RUN_EXTENDED "interval '20 seconds'"
#define RETRY_MS 1000
#define ANSWER_MS 5000

struct run {
    const struct address *address;
    const char *domain;
    int64_t number;
    bool is_entered;
    bool may_have_row;
    struct background *keeper; /* the thread that renews the lease; NULL if there is none */
    int bell[2];               /* ends it */
    _Atomic int64_t failed_ms; /* run_failed_ms(), set by that thread */
};

static int64_t new_number(void)
{
    int64_t number = 0;
    uuid_t random;

    while (number == 0) {
        uuid_generate_random(random);
        memcpy(&number, random, sizeof number);
        number &= INT64_MAX;
    }
    return number;
}

struct run *run_new(const struct address *address, const char *domain)
{
    struct run *run = xcalloc(1, sizeof *run);

    run->address = address;
    run->domain = domain;
    run->number = new_number();
    return run;
}

int64_t run_number(const struct run *run)
{
    return run->number;
}

int64_t run_failed_ms(const struct run *run)
{
    return run->failed_ms;
}

/* ---- the row ---- */

static void add_row(const struct run *run, struct flight *flight)
{
    char host[256] = "";
    struct parameter_int number;
    struct parameter_int pid;
    struct parameter parameters[5];

    (void)gethostname(host, sizeof host - 1);
    parameters[0] = parameter_int(run->number, &number);
    parameters[1] = parameter_text(report_name());
    parameters[2] = parameter_text(host);
    parameters[3] = parameter_int(getpid(), &pid);
    parameters[4] = parameter_text(run->domain);
    (void)flight_add(flight,
                     "INSERT INTO order_tools.runs (run, program, host, pid, domain, alive_until)"
                     " VALUES ($1, $2, $3, $4, $5, now() + " RUN_LEASE ")"
                     " ON CONFLICT (run) DO UPDATE SET alive_until = excluded.alive_until",
                     parameters, 5);
}

/* ---- the lease ---- */

/* Returns true if the bell rings within ms. */
static bool is_told_to_end(const struct run *run, int ms, int other)
{
    struct pollfd fds[2] = {{.fd = run->bell[0], .events = POLLIN},
                            {.fd = other, .events = POLLIN}};

    return poll(fds, 2, ms) > 0 && fds[0].revents != 0;
}

/* Returns whether there is a connection. */
static bool connect_keeper(const struct run *run, struct flight *flight)
{
    struct attempt *attempt;

    if (flight->connection != NULL)
        return true;
    attempt = attempt_begin(run->address);
    if (attempt == NULL)
        return false;
    if (is_told_to_end(run, -1, attempt_descriptor(attempt))) {
        attempt_abandon(attempt);
        return false;
    }
    return flight_open(flight, attempt_end(attempt));
}

/* The row may be gone, after a time when nobody could renew leases. */
static bool renew(const struct run *run, struct flight *flight)
{
    if (!connect_keeper(run, flight))
        return false;
    (void)flight_add(flight, "BEGIN", NULL, 0);
    (void)flight_add(flight, "SET LOCAL lock_timeout = '4s'", NULL, 0);
    /* A lease is short: it need not wait for a standby, which may be away. */
    (void)flight_add(flight, "SET LOCAL synchronous_commit = off", NULL, 0);
    add_row(run, flight);
    (void)flight_add(flight, "COMMIT", NULL, 0);
    return flight_land(flight, ANSWER_MS);
}

/* In a thread of its own. Reports nothing: the process learns by itself that the database is
 * away. */
static int keep_alive(void *context)
{
    struct run *run = context;
    struct flight flight = {.connection = NULL};
    int pause_ms = FIRST_RENEWAL_MS;

    while (!is_told_to_end(run, pause_ms, -1)) {
        pause_ms = renew(run, &flight) ? RUN_RENEW_MS : RETRY_MS;
        if (pause_ms == RUN_RENEW_MS)
            continue;
        run->failed_ms = clock_monotonic_ms();
        flight_close(&flight);
    }
    flight_close(&flight);
    return 0;
}

static void start_keeper(struct run *run)
{
    if (!pipe_make_bell(run->bell))
        die(EXIT_BUG, "cannot make a pipe");
    run->keeper = background_start(keep_alive, run);
    if (run->keeper != NULL)
        return;
    (void)close(run->bell[0]);
    (void)close(run->bell[1]);
}

static void stop_keeper(struct run *run)
{
    if (run->keeper == NULL)
        return;
    pipe_ring(run->bell);
    (void)background_finish(run->keeper);
    run->keeper = NULL;
    (void)close(run->bell[0]);
    (void)close(run->bell[1]);
}

/* ---- in a transaction ---- */

void run_enter(struct run *run, struct flight *flight)
{
    struct parameter_int room;
    struct parameter number = parameter_int(run->number, &room);

    run->may_have_row = true;
    if (!run->is_entered)
        add_row(run, flight);
    else
        (void)flight_add(flight,
                         "SELECT 1 / count(*) FROM (SELECT 1 FROM order_tools.runs WHERE run = $1"
                         " FOR KEY SHARE) AS own",
                         &number, 1);
}

void run_extend(const struct run *run, struct flight *flight)
{
    struct parameter_int room;
    struct parameter number = parameter_int(run->number, &room);

    (void)flight_add(flight,
                     "UPDATE order_tools.runs SET alive_until = now() + " RUN_LEASE
                     " WHERE run = $1 AND alive_until < now() + " RUN_EXTENDED,
                     &number, 1);
}

void run_entered(struct run *run)
{
    run->is_entered = true;
    if (run->keeper == NULL)
        start_keeper(run);
}

void run_doubt(struct run *run)
{
    run->is_entered = false;
}

bool run_leave(struct run *run, struct flight *flight)
{
    struct parameter_int room;
    struct parameter number = parameter_int(run->number, &room);

    stop_keeper(run);
    if (!run->may_have_row)
        return false;
    (void)flight_add(flight,
                     "DELETE FROM order_tools.runs WHERE run = $1"
                     " OR alive_until < now() - interval '1 hour'",
                     &number, 1);
    return true;
}

void run_free(struct run *run)
{
    if (run == NULL)
        return;
    stop_keeper(run);
    free(run);
}
