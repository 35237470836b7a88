#include "cancelling.h"

#include "amqp/publisher.h"
#include "amqp/topology.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/stop.h"
#include "engine/open.h"
#include "json/writer.h"
#include "message/event_properties.h"
#include "message/send_spans.h"
#include "order/event.h"

#include <stdlib.h>
#include <string.h>

#define BATCH_MAX 500 /* fewer than PUBLISHER_WINDOW, so that the publisher has room for all */

/* A cancellation of the batch, beside what is stored of it. */
struct request {
    struct cancel_receipt receipt;
    int64_t key;
    char *reason;
    char *event; /* to be published; NULL if there is none */
    char *trace; /* context that it carries, or NULL */
    bool is_confirmed;
};

struct cancelling {
    struct cancelling_settings settings;
    struct cancellations *store;
    struct publisher *publisher;
    struct send_spans spans; /* of what is on its way */
    struct request requests[BATCH_MAX];
    struct cancellation stored[BATCH_MAX]; /* the same ones, as they are given to the store */
    size_t count;
    int64_t confirmed[BATCH_MAX]; /* keys of those that are to be marked */
    bool is_offline;
    int64_t offline_since_ms; /* by the monotonic clock; or when cancelling_retry() last tried */
    bool some_refused;        /* by the broker: reported, and pending */
    bool some_pending;
    enum exit_code failure;
};

static enum exit_code fail(struct cancelling *cancelling, enum exit_code code)
{
    if (cancelling->failure == EXIT_OK || code == EXIT_STORE)
        cancelling->failure = code;
    return cancelling->failure;
}

/* ---- the batch ---- */

bool cancelling_has_room(const struct cancelling *cancelling, const unsigned char *id)
{
    if (cancelling->count == BATCH_MAX)
        return false;
    for (size_t i = 0; i < cancelling->count; i++)
        if (memcmp(cancelling->requests[i].receipt.id, id, UUID_BYTES) == 0)
            return false;
    return true;
}

static struct request *add_request(struct cancelling *cancelling, const unsigned char *id)
{
    struct request *request = &cancelling->requests[cancelling->count++];

    *request = (struct request){.key = 0};
    memcpy(request->receipt.id, id, UUID_BYTES);
    return request;
}

void cancelling_take(struct cancelling *cancelling, const unsigned char *id, const char *reason,
                     uint64_t number, uint64_t line)
{
    struct cancellation *stored = &cancelling->stored[cancelling->count];
    struct request *request = add_request(cancelling, id);

    request->receipt.number = number;
    request->receipt.line = line;
    request->reason = xstrdup(reason);
    *stored = (struct cancellation){.cancelled_at = clock_utc_ms(),
                                    .reason = request->reason,
                                    .trace = cancelling->settings.trace};
    memcpy(stored->id, id, UUID_BYTES);
}

static void clear_batch(struct cancelling *cancelling)
{
    for (size_t i = 0; i < cancelling->count; i++) {
        free(cancelling->requests[i].reason);
        free(cancelling->requests[i].event);
        free(cancelling->requests[i].trace);
    }
    cancelling->count = 0;
}

bool cancelling_oldest(const struct cancelling *cancelling, uint64_t *number, uint64_t *line)
{
    if (cancelling->count == 0)
        return false;
    *number = cancelling->requests[0].receipt.number;
    *line = cancelling->requests[0].receipt.line;
    return true;
}

/* Returns the event, with the time and the reason of the first cancellation of the order. */
static char *print_event(const struct cancellation *cancellation)
{
    struct json_writer line;
    char order_id[UUID_TEXT_SIZE];
    char ts[CLOCK_TEXT_SIZE];

    uuid_to_text(cancellation->id, order_id);
    clock_rfc3339(cancellation->cancelled_at, ts);
    json_writer_start(&line);
    json_writer_member(&line, "{\"event_type\":", EVENT_CANCELLED);
    json_writer_member(&line, ",\"order_id\":", order_id);
    json_writer_member(&line, ",\"reason\":", cancellation->reason);
    json_writer_member(&line, ",\"ts\":", ts);
    json_writer_raw(&line, "}");
    return json_writer_end(&line);
}

/* Notes in a request how the store has it. */
static void note_stored(struct request *request, const struct cancellation *stored)
{
    request->key = stored->key;
    request->receipt.state = stored->state;
    request->receipt.is_repeated = stored->is_repeated;
    free(request->event);
    free(request->trace);
    request->trace = stored->trace == NULL ? NULL : xstrdup(stored->trace);
    request->event = stored->state == CANCELLATION_PENDING ? print_event(stored) : NULL;
}

/* Visits each cancellation of the batch as the store has it. */
static bool note_added(void *context, size_t index, const struct cancellation *stored)
{
    struct cancelling *cancelling = context;

    note_stored(&cancelling->requests[index], stored);
    return true;
}

/* ---- the broker ---- */

static void note_refusal(struct cancelling *cancelling, const struct request *request)
{
    char id[UUID_TEXT_SIZE];

    uuid_to_text(request->receipt.id, id);
    report("the cancellation of order %s is stored, but the broker did not take it: %s", id,
           publisher_reason(cancelling->publisher));
    cancelling->some_refused = true;
}

static void take_results(struct cancelling *cancelling)
{
    uint64_t index;
    enum publish_result result;

    while (publisher_next(cancelling->publisher, &index, &result)) {
        struct request *request = &cancelling->requests[index];

        send_spans_take(&cancelling->spans, cancelling->publisher, index, result);
        request->is_confirmed = result == PUBLISH_CONFIRMED;
        if (!request->is_confirmed)
            note_refusal(cancelling, request);
    }
}

static enum exit_code publish(struct cancelling *cancelling, size_t index)
{
    const struct request *request = &cancelling->requests[index];
    amqp_basic_properties_t properties;
    struct trace_headers headers;
    struct message message = {.exchange = ORDERS_EXCHANGE,
                              .routing_key = CANCELLED_KEY,
                              .properties = &properties,
                              .body = amqp_cstring_bytes(request->event)};
    char order_id[UUID_TEXT_SIZE];
    char message_id[UUID_TEXT_SIZE];

    uuid_to_text(request->receipt.id, order_id);
    message_id_of(EVENT_CANCELLED, order_id, message_id);
    event_properties(&properties, EVENT_CANCELLED, order_id, message_id);
    send_spans_add(&cancelling->spans, &message, &properties, &headers, request->trace, index);
    return publisher_send(cancelling->publisher, &message, index);
}

static enum exit_code publish_all(struct cancelling *cancelling)
{
    bool some = false;
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < cancelling->count && code == EXIT_OK; i++) {
        if (cancelling->requests[i].event == NULL)
            continue;
        if (!some)
            code = publisher_open(cancelling->publisher);
        some = true;
        if (code == EXIT_OK)
            code = publish(cancelling, i);
    }
    return code == EXIT_OK ? publisher_wait_all(cancelling->publisher) : code;
}

/* Publishes the batch, and waits for the confirms. What the broker has not confirmed in the end is
 * left pending. */
static void send_batch(struct cancelling *cancelling)
{
    enum exit_code code;

    if (cancelling->is_offline)
        return;
    code = publish_all(cancelling);
    take_results(cancelling);
    if (code == EXIT_OK)
        return;
    publisher_forget(cancelling->publisher);
    send_spans_forget(&cancelling->spans);
    cancelling->is_offline = true;
    cancelling->offline_since_ms = clock_monotonic_ms();
    if (code != EXIT_UNREACHABLE)
        (void)fail(cancelling, code);
}

/* ---- receipts ---- */

static enum exit_code mark_confirmed(struct cancelling *cancelling)
{
    size_t count = 0;

    for (size_t i = 0; i < cancelling->count; i++) {
        struct request *request = &cancelling->requests[i];

        if (!request->is_confirmed)
            continue;
        request->receipt.state = CANCELLATION_SENT;
        cancelling->confirmed[count++] = request->key;
    }
    if (count == 0)
        return EXIT_OK;
    return cancelling->store->operations->mark_sent(cancelling->store, cancelling->confirmed,
                                                    count);
}

/* Publishes and marks the batch, and tells its receipts. */
static enum exit_code finish_batch(struct cancelling *cancelling, bool tells)
{
    const struct cancelling_settings *settings = &cancelling->settings;
    enum exit_code code;

    send_batch(cancelling);
    code = mark_confirmed(cancelling);
    if (code != EXIT_OK)
        return fail(cancelling, code);
    for (size_t i = 0; i < cancelling->count; i++) {
        const struct cancel_receipt *receipt = &cancelling->requests[i].receipt;

        if (receipt->state == CANCELLATION_PENDING)
            cancelling->some_pending = true;
        if (tells)
            settings->tell(settings->context, receipt);
    }
    clear_batch(cancelling);
    cancelling->store->operations->idle(cancelling->store);
    return cancelling->failure;
}

enum exit_code cancelling_turn(struct cancelling *cancelling)
{
    enum exit_code code;

    publisher_service(cancelling->publisher);
    if (cancelling->count == 0)
        return cancelling->failure;
    code = cancelling->store->operations->add(cancelling->store, cancelling->stored,
                                              cancelling->count, note_added, cancelling);
    return code == EXIT_OK ? finish_batch(cancelling, true) : fail(cancelling, code);
}

/* ---- what was left pending ---- */

static bool take_pending(void *context, size_t index, const struct cancellation *stored)
{
    struct cancelling *cancelling = context;
    struct cancellation pending = *stored;

    (void)index;
    /* Published also if the outcome has come meanwhile, so that it does not stay pending. */
    pending.state = CANCELLATION_PENDING;
    pending.is_repeated = false;
    note_stored(add_request(cancelling, stored->id), &pending);
    return cancelling->count < BATCH_MAX;
}

enum exit_code cancelling_send_pending(struct cancelling *cancelling, bool tells)
{
    int64_t after = 0;

    do {
        enum exit_code code = cancelling->store->operations->each_pending(cancelling->store, after,
                                                                          take_pending, cancelling);

        if (code != EXIT_OK)
            return fail(cancelling, code);
        if (cancelling->count == 0)
            break;
        after = cancelling->requests[cancelling->count - 1].key;
        (void)finish_batch(cancelling, tells);
    } while (cancelling->failure == EXIT_OK && !stop_requested() &&
             (tells || !cancelling->is_offline));
    return cancelling->failure;
}

enum exit_code cancelling_retry(struct cancelling *cancelling)
{
    int64_t delay_ms = (int64_t)cancelling->settings.options->retry_delay * 1000;

    if (!cancelling->is_offline || clock_monotonic_ms() - cancelling->offline_since_ms < delay_ms)
        return cancelling->failure;
    cancelling->offline_since_ms = clock_monotonic_ms();
    if (publisher_try(cancelling->publisher) != EXIT_OK)
        return cancelling->failure;
    cancelling->is_offline = false;
    return cancelling_send_pending(cancelling, false);
}

/* ---- the whole ---- */

enum exit_code cancelling_open(const struct cancelling_settings *settings,
                               struct cancelling **cancelling)
{
    struct cancelling *opened = xcalloc(1, sizeof *opened);
    struct store_patience patience = {.attempts = settings->options->retries,
                                      .delay_s = settings->options->retry_delay};
    enum exit_code code = engine_open_cancellations(NULL, &patience, &opened->store);

    opened->settings = *settings;
    opened->publisher = publisher_new(
        settings->options, &(struct publisher_settings){.declare = topology_declare_orders,
                                                        .repair = topology_declare_cancelled});
    if (code == EXIT_OK)
        code = opened->store->operations->claim(opened->store);
    if (code != EXIT_OK) {
        cancelling_close(opened);
        return code;
    }
    *cancelling = opened;
    return EXIT_OK;
}

void cancelling_close(struct cancelling *cancelling)
{
    if (cancelling == NULL)
        return;
    clear_batch(cancelling);
    if (cancelling->store != NULL)
        cancelling->store->operations->close(cancelling->store);
    publisher_free(cancelling->publisher);
    send_spans_free(&cancelling->spans);
    free(cancelling);
}

bool cancelling_is_in_doubt(const struct cancelling *cancelling)
{
    return cancelling->count > 0 && cancelling->store->operations->is_in_doubt(cancelling->store);
}

struct connection *cancelling_connection(struct cancelling *cancelling)
{
    return publisher_connection(cancelling->publisher);
}

enum exit_code cancelling_verdict(const struct cancelling *cancelling)
{
    if (cancelling->some_refused)
        return EXIT_REFUSED;
    return cancelling->some_pending ? EXIT_PENDING : EXIT_OK;
}
