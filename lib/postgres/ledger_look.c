/* ledger_look: what is owed, for one who only looks: within a second. */
#include "base/clock.h"
#include "base/stop.h"
#include "base/wait.h"
#include "postgres/attempt.h"
#include "postgres/ledger.h"
#include "postgres/open.h"

#include <poll.h>
#include <stdio.h>

#define LOOK_MS 1000

/* Of the event of an order's end, the time is that of the end: there are none without a column
 * ended_at, in tables of version 1. */
#define COUNT_OWED                                                                            \
    "SELECT count(*), (extract(epoch FROM now() - min(CASE WHEN o.seq = r.seq"                \
    " THEN r.decided_at ELSE (to_jsonb(r) ->> 'ended_at')::timestamptz END)) * 1000)::bigint" \
    " FROM order_tools.outbox o JOIN order_tools.reservations r"                              \
    " ON r.seq = " ORDER_OF_EVENT("o.seq")

/* Returns whether there is a connection; otherwise fills in flight->fault. */
static bool connect_within(const struct address *address, int64_t deadline_ms,
                           struct flight *flight)
{
    struct attempt *attempt = attempt_begin(address);
    int64_t left_ms;

    if (attempt == NULL) {
        fault_set(&flight->fault, FAULT_AWAY, "there is no room for a thread");
        return false;
    }
    while (!wait_is_ready(attempt_descriptor(attempt), POLLIN)) {
        left_ms = deadline_ms - clock_monotonic_ms();
        if (left_ms <= 0 || stop_requested()) {
            attempt_abandon(attempt);
            fault_set(&flight->fault, FAULT_AWAY, "it does not answer");
            return false;
        }
        wait_for(attempt_descriptor(attempt), POLLIN, (int)left_ms, true);
    }
    return flight_open(flight, attempt_end(attempt));
}

static bool count_owed(struct flight *flight, int64_t deadline_ms, struct ledger_outbox *outbox)
{
    const PGresult *result;
    size_t place;

    (void)flight_add(flight, "BEGIN READ ONLY", NULL, 0);
    /* A server does not notice that nobody waits any more: at a lock, for example. */
    (void)flight_add(flight, "SET LOCAL statement_timeout = '1s'", NULL, 0);
    place = flight_add(flight, COUNT_OWED, NULL, 0);
    (void)flight_add(flight, "COMMIT", NULL, 0);
    if (!flight_land(flight, deadline_ms - clock_monotonic_ms()))
        return false;
    result = flight_result(flight, place);
    outbox->count = result_int(result, 0, 0);
    outbox->oldest_age_ms = outbox->count == 0 ? 0 : result_int(result, 0, 1);
    return true;
}

static enum ledger_look look_at(const struct address *address, bool is_named,
                                struct ledger_outbox *outbox, char reason[LEDGER_REASON_SIZE])
{
    int64_t deadline_ms = clock_monotonic_ms() + LOOK_MS;
    struct flight flight = {.connection = NULL};
    bool seen =
        connect_within(address, deadline_ms, &flight) && count_owed(&flight, deadline_ms, outbox);

    flight_close(&flight);
    if (seen)
        return LEDGER_SEEN;
    if (flight.fault.kind == FAULT_ABSENT && !is_named)
        return LEDGER_ABSENT;
    (void)snprintf(reason, LEDGER_REASON_SIZE, "cannot read PostgreSQL '%s': %s", address->name,
                   flight.fault.reason);
    return LEDGER_UNREADABLE;
}

enum ledger_look postgres_ledger_look(const char *uri, struct ledger_outbox *outbox,
                                      char reason[LEDGER_REASON_SIZE])
{
    struct address *address = NULL;
    enum ledger_look look = LEDGER_UNREADABLE;

    if (libpq_load() &&
        address_read(uri, postgres_ledger_kind.variable, false, &address) == EXIT_OK)
        look = look_at(address, uri != NULL, outbox, reason);
    else
        (void)snprintf(reason, LEDGER_REASON_SIZE, "PostgreSQL cannot be used, as was reported");
    address_free(address);
    return look;
}
