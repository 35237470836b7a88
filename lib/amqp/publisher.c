#include "amqp/publisher_private.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/stop.h"
#include "base/supervisor.h"

#include <stdio.h>
#include <stdlib.h>

#define WAIT_MS 60000
#define STOP_MS 10000 /* for which confirms are still awaited once a stop is requested */

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
    publisher_set_result(publisher, slot, PUBLISH_REFUSED, reason);
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
        !publisher->some_await_repair && publisher_may_resume(publisher))
        publish_unsent(publisher);
}

void publisher_service(struct publisher *publisher)
{
    amqp_frame_t frame;

    while (connection_read(publisher->connection, &frame) == CONNECTION_FRAME) {
        publisher_take_frame(publisher, &frame);
        connection_release(publisher->connection);
    }
    if (connection_is_up(publisher->connection))
        publisher_check_confirms(publisher);
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

    supervisor_progress();
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
