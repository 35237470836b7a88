#include "amqp/publisher.h"

#include "amqp/publisher_culprit.h"
#include "amqp/publisher_nacks.h"
#include "amqp/publisher_returned.h"
#include "amqp/publisher_window.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/stop.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

#define WAIT_MS 60000
#define STOP_MS 10000 /* for which confirms are still awaited once a stop is requested */
#define NACK_MS 50    /* before messages that the broker could not take are published again */
#define NACK_DOUBLES 16
#define NACK_REPORT 60 /* of these attempts, the first, the 61st... are reported */
#define NACK_MOVE 3    /* of these attempts, after which another URL is tried */

struct publisher {
    struct connection *connection;
    struct publisher_settings settings;
    struct window window;
    struct culprit culprit;
    struct returned returned;
    struct nacks nacks;
    uint64_t next_tag; /* on the present connection */
    bool some_unsent;  /* messages other than suspects are still to be published */
    bool some_await_repair;
    bool is_repaired;     /* settings.repair was called on this connection */
    bool is_connected;    /* false from when note_loss() has noticed a loss until the next open */
    bool some_nacked;     /* some of those to be published were not taken: they wait */
    bool is_kept;         /* by publisher_keep() */
    bool has_given_up;    /* NACKED_GIVES_UP */
    int64_t resume_ms;    /* monotonic clock, when they are published again; 0: not known yet */
    int64_t blocked_ms;   /* monotonic clock, when the connection was last seen blocked */
    int64_t stop_seen_ms; /* monotonic clock, when a wait first met a stop; 0 if none did */
    char *reason;         /* of the last message given out that was not confirmed; or NULL */
};

static enum exit_code set_up(struct connection *connection, void *context)
{
    struct publisher *publisher = context;
    amqp_confirm_select_t select = {.nowait = 1};
    enum exit_code (*declare)(struct connection *) =
        publisher->some_await_repair ? publisher->settings.repair : publisher->settings.declare;
    enum exit_code code = declare != NULL ? declare(connection) : EXIT_OK;

    if (code != EXIT_OK)
        return code;
    publisher->is_repaired = publisher->some_await_repair;
    publisher->some_await_repair = false;
    publisher->next_tag = 1;
    return connection_status(connection,
                             amqp_send_method(connection_state(connection), CONNECTION_CHANNEL,
                                              AMQP_CONFIRM_SELECT_METHOD, &select),
                             "cannot ask for confirms");
}

struct publisher *publisher_new(const struct broker_options *options,
                                const struct publisher_settings *settings)
{
    struct publisher *publisher = xcalloc(1, sizeof *publisher);

    publisher->settings = *settings;
    publisher->connection = connection_new(options, "publishing", set_up, publisher);
    window_init(&publisher->window);
    publisher->culprit =
        (struct culprit){.window = &publisher->window, .connection = publisher->connection};
    if (settings->many_destinations)
        connection_rights_vary(publisher->connection);
    return publisher;
}

void publisher_free(struct publisher *publisher)
{
    if (publisher == NULL)
        return;
    connection_free(publisher->connection);
    returned_forget(&publisher->returned);
    nacks_free(&publisher->nacks);
    window_free(&publisher->window);
    free(publisher->reason);
    free(publisher);
}

void publisher_leave(struct publisher *publisher)
{
    connection_leave(publisher->connection);
}

struct connection *publisher_connection(struct publisher *publisher)
{
    return publisher->connection;
}

size_t publisher_pending(const struct publisher *publisher)
{
    return publisher->window.count;
}

bool publisher_has_room(const struct publisher *publisher)
{
    return window_has_room(&publisher->window);
}

static void forget_oldest(struct publisher *publisher)
{
    culprit_clear(&publisher->culprit, window_slot(&publisher->window, 0));
    window_remove_oldest(&publisher->window);
}

void publisher_forget(struct publisher *publisher)
{
    while (publisher->window.count > 0)
        forget_oldest(publisher);
    publisher->some_await_repair = false;
    publisher->some_unsent = false;
    publisher->some_nacked = false;
    publisher->has_given_up = false;
    nacks_free(&publisher->nacks);
}

const char *publisher_reason(const struct publisher *publisher)
{
    return publisher->reason == NULL ? "" : publisher->reason;
}

/* ---- what the broker says ---- */

static void set_result(struct publisher *publisher, struct slot *slot, enum publish_result result,
                       const char *reason)
{
    /* A returned message is confirmed afterwards as well. */
    if (slot->has_result || slot->awaits_repair)
        return;
    culprit_clear(&publisher->culprit, slot);
    if (result == PUBLISH_UNROUTABLE && publisher->settings.repair != NULL &&
        !publisher->is_repaired) {
        slot->awaits_repair = true;
        publisher->some_await_repair = true;
        return;
    }
    window_set_result(&publisher->window, slot, result, reason);
}

static int most_attempts(const struct publisher *publisher)
{
    return connection_options(publisher->connection)->retries;
}

/* Returns whether a message that was not taken is to be published again. */
static bool comes_again(struct publisher *publisher, const struct slot *slot)
{
    struct destination *destination;

    if (publisher->settings.nacked == NACKED_IS_FINAL)
        return false;
    destination = nacks_destination(&publisher->nacks, &slot->message);
    destination->is_waiting = publisher->settings.nacked == NACKED_GIVES_UP ||
                              (slot->nacks < most_attempts(publisher) &&
                               destination->attempts < most_attempts(publisher));
    return destination->is_waiting;
}

static void take_nack(struct publisher *publisher, struct slot *slot)
{
    if (slot->has_result || slot->awaits_repair)
        return;
    culprit_clear(&publisher->culprit, slot);
    slot->nacks++;
    if (!comes_again(publisher, slot)) {
        set_result(publisher, slot, PUBLISH_REFUSED,
                   "the broker could not take it: a queue is full, or has no leader");
        return;
    }
    slot->tag = SLOT_UNSENT;
    publisher->some_unsent = true;
    publisher->some_nacked = true;
}

static void take_ack(struct publisher *publisher, struct slot *slot)
{
    bool is_taken = !slot->has_result && !slot->awaits_repair;

    if (is_taken && publisher->nacks.count > 0 && nacks_end(&publisher->nacks, &slot->message))
        report("broker '%s' (publishing) takes messages again",
               connection_broker(publisher->connection));
    set_result(publisher, slot, PUBLISH_CONFIRMED, NULL);
}

static void take_confirm(struct publisher *publisher, uint64_t tag, bool multiple, bool is_taken)
{
    if (is_taken)
        connection_progress(publisher->connection);
    for (size_t i = 0; i < publisher->window.count; i++) {
        struct slot *slot = window_slot(&publisher->window, i);

        if (slot->tag > tag) {
            if (slot->tag == SLOT_UNSENT)
                continue;
            break;
        }
        if (slot->tag != tag && !multiple)
            continue;
        if (is_taken)
            take_ack(publisher, slot);
        else
            take_nack(publisher, slot);
    }
}

/*
 * Of several messages in flight with the same content any will do: what holds for one holds for the
 * others. The properties count, since an exchange may route by headers. If something on the broker
 * has changed them, all messages that are alike in the rest are taken for returned: some may be
 * published twice, and none is lost.
 */
static void take_returned(struct publisher *publisher)
{
    struct returned *returned = &publisher->returned;
    bool is_found = false;

    connection_progress(publisher->connection);
    for (size_t i = 0; i < publisher->window.count && !is_found; i++) {
        struct slot *slot = window_slot(&publisher->window, i);

        is_found = returned_is(returned, slot, true);
        if (is_found)
            set_result(publisher, slot, PUBLISH_UNROUTABLE, returned->reason);
    }
    for (size_t i = 0; i < publisher->window.count && !is_found; i++) {
        struct slot *slot = window_slot(&publisher->window, i);

        if (returned_is(returned, slot, false))
            set_result(publisher, slot, PUBLISH_UNROUTABLE, returned->reason);
    }
    returned_forget(returned);
}

static void take_frame(struct publisher *publisher, const amqp_frame_t *frame)
{
    if (frame->frame_type != AMQP_FRAME_METHOD) {
        if (returned_add(&publisher->returned, frame))
            take_returned(publisher);
        return;
    }
    switch (frame->payload.method.id) {
    case AMQP_BASIC_ACK_METHOD: {
        const amqp_basic_ack_t *m = frame->payload.method.decoded;

        take_confirm(publisher, m->delivery_tag, m->multiple != 0, true);
        break;
    }
    case AMQP_BASIC_NACK_METHOD: {
        const amqp_basic_nack_t *m = frame->payload.method.decoded;

        take_confirm(publisher, m->delivery_tag, m->multiple != 0, false);
        break;
    }
    case AMQP_BASIC_RETURN_METHOD:
        returned_start(&publisher->returned, frame->payload.method.decoded);
        break;
    default:
        break;
    }
}

/* ---- publishing ---- */

/* The broker would close the connection because of such a header. */
static void refuse_header(struct publisher *publisher, struct slot *slot, size_t size)
{
    char reason[128];

    if (slot->message.properties.len == SIZE_MAX)
        (void)snprintf(reason, sizeof reason, "its headers do not fit into a frame of %zu bytes",
                       connection_frame_max(publisher->connection));
    else
        (void)snprintf(reason, sizeof reason,
                       "its headers need a frame of %zu bytes, and the broker takes %zu at most",
                       size, connection_frame_max(publisher->connection));
    slot->tag = 0;
    set_result(publisher, slot, PUBLISH_REFUSED, reason);
}

static void publish_slot(struct publisher *publisher, struct slot *slot)
{
    size_t header_size = frames_header_size(&slot->message);

    if (slot->message.properties.len == SIZE_MAX ||
        header_size > connection_frame_max(publisher->connection)) {
        refuse_header(publisher, slot, header_size);
        return;
    }
    slot->tag = publisher->next_tag++;
    slot->sent_ms = clock_monotonic_ms();
    connection_publish(publisher->connection, &slot->message);
}

static void note_loss(struct publisher *publisher)
{
    if (!publisher->is_connected || connection_is_up(publisher->connection))
        return;
    publisher->is_connected = false;
    if (connection_exception(publisher->connection) != 0)
        culprit_search(&publisher->culprit);
    else
        window_narrow(&publisher->window);
    window_forget_tags(&publisher->window);
    returned_forget(&publisher->returned);
    publisher->some_unsent = true;
    publisher->some_nacked = false;
    publisher->resume_ms = 0;
}

/* ---- what the broker cannot take, or does not confirm ---- */

static int64_t pause_ms(const struct publisher *publisher, int attempt)
{
    int64_t most_ms = (int64_t)connection_options(publisher->connection)->retry_delay * 1000;
    int64_t ms = (int64_t)NACK_MS << (attempt <= NACK_DOUBLES ? attempt - 1 : NACK_DOUBLES);

    return ms < most_ms ? ms : most_ms;
}

static void report_pause(const struct publisher *publisher, const struct destination *destination)
{
    const char *broker = connection_broker(publisher->connection);

    if (publisher->has_given_up)
        report("broker '%s' (publishing) cannot take messages for '%s': a queue is full, or has no "
               "leader; giving up after %d attempts",
               broker, printable_text(destination->routing_key), destination->attempts);
    else if (destination->attempts % NACK_REPORT == 1)
        report("broker '%s' (publishing) cannot take messages for '%s': a queue is full, or has no "
               "leader; trying again",
               broker, printable_text(destination->routing_key));
}

/* To be called when nothing is in flight. */
static void begin_pause(struct publisher *publisher)
{
    const struct destination *destination = nacks_attempt(&publisher->nacks);

    publisher->resume_ms = clock_monotonic_ms() + pause_ms(publisher, destination->attempts);
    publisher->has_given_up = publisher->settings.nacked == NACKED_GIVES_UP &&
                              !publisher->is_kept &&
                              destination->attempts >= most_attempts(publisher);
    connection_wake_at(publisher->connection, publisher->resume_ms);
    window_halve(&publisher->window);
    report_pause(publisher, destination);
    if (destination->attempts % NACK_MOVE == 0 &&
        connection_options(publisher->connection)->endpoint_count > 1) {
        (void)connection_fault(publisher->connection, EXIT_UNREACHABLE,
                               "it could not take messages %d times in a row",
                               destination->attempts);
        connection_lose_useless(publisher->connection);
    }
}

/*
 * Returns whether messages that were not taken may be published again: after the pause, which
 * begins once nothing is in flight, so that delivery tags ascend in the window.
 */
static bool may_resume(struct publisher *publisher)
{
    if (!publisher->some_nacked)
        return true;
    if (window_in_flight(&publisher->window) > 0)
        return false;
    if (publisher->resume_ms == 0)
        begin_pause(publisher);
    if (clock_monotonic_ms() < publisher->resume_ms || !connection_is_up(publisher->connection))
        return false;
    publisher->some_nacked = false;
    publisher->resume_ms = 0;
    return true;
}

/*
 * Returns when the confirm of the oldest message is overdue, by the monotonic clock; 0 for never. A
 * broker that has blocked the connection has not read all that was published.
 */
static int64_t confirm_due_ms(struct publisher *publisher)
{
    const struct slot *oldest = window_oldest_in_flight(&publisher->window);
    int64_t timeout_ms = (int64_t)connection_options(publisher->connection)->confirm_timeout * 1000;

    if (connection_is_blocked(publisher->connection))
        publisher->blocked_ms = clock_monotonic_ms();
    if (oldest == NULL || timeout_ms == 0)
        return 0;
    return timeout_ms +
           (oldest->sent_ms > publisher->blocked_ms ? oldest->sent_ms : publisher->blocked_ms);
}

/* To be called when all that has arrived was read. */
static void check_confirms(struct publisher *publisher)
{
    int64_t due_ms = confirm_due_ms(publisher);

    if (due_ms != 0 && clock_monotonic_ms() >= due_ms) {
        (void)connection_fault(publisher->connection, EXIT_UNREACHABLE, "no confirm for %d s",
                               connection_options(publisher->connection)->confirm_timeout);
        connection_lose_useless(publisher->connection);
        return;
    }
    connection_wake_at(publisher->connection,
                       publisher->resume_ms != 0 ? publisher->resume_ms : due_ms);
}

/* ---- publishing again ---- */

static void publish_unsent(struct publisher *publisher)
{
    size_t in_flight = window_in_flight(&publisher->window);

    publisher->some_unsent = false;
    for (size_t i = 0; i < publisher->window.count; i++) {
        struct slot *slot = window_slot(&publisher->window, i);

        if (slot->tag != SLOT_UNSENT)
            continue;
        if (in_flight >= publisher->window.limit) {
            publisher->some_unsent = true;
            return;
        }
        publish_slot(publisher, slot);
        in_flight++;
    }
}

/* Publishes messages again, as far as they may be in flight now. */
static void publish_again(struct publisher *publisher)
{
    struct slot *suspect;

    while ((suspect = culprit_next(&publisher->culprit)) != NULL)
        publish_slot(publisher, suspect);
    if (publisher->culprit.suspects == 0 && publisher->some_unsent &&
        !publisher->some_await_repair && may_resume(publisher))
        publish_unsent(publisher);
}

void publisher_service(struct publisher *publisher)
{
    amqp_frame_t frame;

    while (connection_read(publisher->connection, &frame) == CONNECTION_FRAME) {
        take_frame(publisher, &frame);
        connection_release(publisher->connection);
    }
    if (connection_is_up(publisher->connection))
        check_confirms(publisher);
    note_loss(publisher);
    if (publisher->is_connected)
        publish_again(publisher);
}

/* ---- connecting and waiting ---- */

/*
 * Messages that were returned are published again once nothing else is in flight: on the next
 * connection, which repairs first.
 */
static bool awaits_repair(const struct publisher *publisher)
{
    return publisher->some_await_repair && window_in_flight(&publisher->window) == 0;
}

/* Whether a new message has to wait for others, or for the broker. */
static bool is_busy(const struct publisher *publisher)
{
    return connection_is_blocked(publisher->connection) || publisher->some_await_repair ||
           publisher->culprit.suspects > 0 || publisher->some_unsent ||
           window_is_at_limit(&publisher->window);
}

size_t publisher_room(const struct publisher *publisher)
{
    const struct window *window = &publisher->window;
    size_t unused = PUBLISHER_WINDOW - window->count;
    size_t allowed = unused;

    if (!connection_is_up(publisher->connection) || !publisher->is_connected ||
        is_busy(publisher) || !window_has_room(window) || !connection_takes(publisher->connection))
        return 0;
    if (window->limit < PUBLISHER_WINDOW)
        allowed = window->limit - window_in_flight(window);
    return allowed < unused ? allowed : unused;
}

enum exit_code publisher_open(struct publisher *publisher)
{
    if (awaits_repair(publisher))
        (void)connection_close(publisher->connection);
    do {
        note_loss(publisher);
        if (!publisher->is_connected) {
            enum exit_code code = connection_open(publisher->connection);

            if (code != EXIT_OK)
                return code;
            publisher->is_connected = true;
        }
        publish_again(publisher);
        if (publisher->has_given_up)
            return EXIT_UNREACHABLE;
    } while (!connection_is_up(publisher->connection));
    return EXIT_OK;
}

bool publisher_keep(struct publisher *publisher)
{
    if (connection_is_up(publisher->connection) && awaits_repair(publisher))
        connection_leave(publisher->connection);
    note_loss(publisher);
    if (!publisher->is_connected && !connection_keep(publisher->connection))
        return false;
    publisher->is_connected = true;
    publisher->is_kept = true;
    publish_again(publisher);
    return connection_is_up(publisher->connection);
}

enum exit_code publisher_try(struct publisher *publisher)
{
    enum exit_code code;

    note_loss(publisher);
    code = connection_try(publisher->connection);
    return code == EXIT_OK ? publisher_open(publisher) : code;
}

static enum exit_code await_broker(struct publisher *publisher)
{
    int timeout_ms = WAIT_MS;

    if (stop_requested()) {
        int64_t now = clock_monotonic_ms();

        if (publisher->stop_seen_ms == 0)
            publisher->stop_seen_ms = now;
        if (now - publisher->stop_seen_ms >= STOP_MS) {
            report("asked to stop, and no confirm from the broker for %d s", STOP_MS / 1000);
            return EXIT_UNREACHABLE;
        }
        timeout_ms = (int)(publisher->stop_seen_ms + STOP_MS - now);
    }
    connection_wait(publisher->connection, -1, timeout_ms);
    publisher_service(publisher);
    return publisher_open(publisher);
}

enum exit_code publisher_send(struct publisher *publisher, const struct message *message,
                              uint64_t cookie)
{
    enum exit_code code;
    struct slot *slot;

    if (publisher->window.count == PUBLISHER_WINDOW)
        die(EXIT_BUG, "a message beyond the window");
    code = publisher_open(publisher);
    while (code == EXIT_OK && is_busy(publisher))
        code = await_broker(publisher);
    slot = window_add(&publisher->window, message, cookie);
    if (code == EXIT_OK)
        publish_slot(publisher, slot);
    else
        publisher->some_unsent = true;
    return code;
}

/* Of the count oldest messages, in reverse, since the newest is confirmed last. */
static bool have_results(const struct publisher *publisher, size_t count)
{
    for (size_t i = count; i-- > 0;)
        if (!window_slot(&publisher->window, i)->has_result)
            return false;
    return true;
}

static enum exit_code await_results(struct publisher *publisher, size_t count)
{
    enum exit_code code;

    if (publisher->window.count == 0)
        return EXIT_OK;
    publisher_service(publisher);
    code = publisher_open(publisher);
    while (code == EXIT_OK && !have_results(publisher, count))
        code = await_broker(publisher);
    return code;
}

enum exit_code publisher_wait(struct publisher *publisher)
{
    return await_results(publisher, 1);
}

enum exit_code publisher_wait_all(struct publisher *publisher)
{
    return await_results(publisher, publisher->window.count);
}

bool publisher_has_result(const struct publisher *publisher)
{
    return publisher->window.count > 0 && window_slot(&publisher->window, 0)->has_result;
}

bool publisher_next(struct publisher *publisher, uint64_t *cookie, enum publish_result *result)
{
    struct slot *slot = window_slot(&publisher->window, 0);

    if (!publisher_has_result(publisher))
        return false;
    *cookie = slot->cookie;
    *result = slot->result;
    if (slot->reason != NULL) {
        free(publisher->reason);
        publisher->reason = slot->reason;
        slot->reason = NULL;
    }
    forget_oldest(publisher);
    return true;
}
