#include "amqp/publisher.h"

#include "amqp/bytes.h"
#include "amqp/connection.h"
#include "amqp/properties.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/stop.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MS 60000
#define WINDOW_BYTES ((size_t)16 << 20) /* kept at once, whatever their number */
#define SMALL 65536                     /* memory of a message that is kept for the next one */
#define ROOM_MAX ((size_t)4 << 20) /* for headers to be encoded: larger ones fit into no frame */
#define STOP_MS 10000     /* that a confirm is still waited for once a stop was asked for */
#define UNSENT UINT64_MAX /* the tag of a message that is not on its way */

/*
 * One message whose fate was not given out yet. Tags ascend with the place in the window among
 * those that are on their way. Its parts stand one behind the other in memory of its own, which is
 * used again.
 */
struct slot {
    uint64_t tag; /* on the present connection; 0 if settled, or UNSENT */
    uint64_t cookie;
    bool settled;
    bool came_back;  /* and is to be published again, after a repair */
    bool is_suspect; /* the broker may have closed because of it: it is published alone */
    bool is_accused; /* it closed while this was alone, with an answer that is to be heard twice */
    enum publish_result fate;
    char *reason; /* why the broker did not take it; owned, or NULL */
    char *memory;
    size_t capacity;
    amqp_bytes_t exchange;
    amqp_bytes_t routing_key;
    amqp_bytes_t properties; /* encoded */
    amqp_bytes_t body;
};

struct returned_message {
    bool awaited; /* a basic.return came; its header and body follow */
    bool has_header;
    amqp_bytes_t exchange; /* owned, like the next two */
    amqp_bytes_t routing_key;
    amqp_bytes_t properties;
    char *body;
    size_t body_size;
    size_t received;
    char reason[256];
};

struct publisher {
    struct connection *connection;
    struct publisher_settings settings;
    struct slot *slots[PUBLISHER_WINDOW]; /* made when first used */
    size_t head;                          /* the oldest */
    size_t count;
    size_t bytes; /* of all of them */
    uint64_t next_tag;
    size_t suspects;
    size_t window; /* messages on their way at once: fewer after a loss, PUBLISHER_WINDOW at most */
    bool some_unsent; /* messages that are no suspects wait to be published */
    bool some_came_back;
    bool is_repaired;  /* this connection began with settings.repair */
    bool is_connected; /* the connection is up, unless it was lost and note_loss() does not know it
                          yet */
    int64_t stop_seen_ms; /* when a wait first met a stop; 0 if none did */
    struct returned_message returned;
    char *reason; /* of the last message given out that was not taken; or NULL */
};

static struct slot *slot_at(struct publisher *publisher, size_t index)
{
    return publisher->slots[(publisher->head + index) % PUBLISHER_WINDOW];
}

static enum exit_code set_up(struct connection *connection, void *context)
{
    struct publisher *publisher = context;
    amqp_confirm_select_t select = {.nowait = 1};
    enum exit_code (*declare)(struct connection *) =
        publisher->some_came_back ? publisher->settings.repair : publisher->settings.declare;
    enum exit_code code = declare != NULL ? declare(connection) : EXIT_OK;

    if (code != EXIT_OK)
        return code;
    publisher->is_repaired = publisher->some_came_back;
    publisher->some_came_back = false;
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
    publisher->window = PUBLISHER_WINDOW;
    publisher->connection = connection_new(options, "publishing", set_up, publisher);
    if (settings->many_destinations)
        connection_rights_vary(publisher->connection);
    return publisher;
}

static void forget_returned(struct publisher *publisher)
{
    amqp_bytes_free(publisher->returned.exchange);
    amqp_bytes_free(publisher->returned.routing_key);
    amqp_bytes_free(publisher->returned.properties);
    free(publisher->returned.body);
    memset(&publisher->returned, 0, sizeof publisher->returned);
}

void publisher_free(struct publisher *publisher)
{
    if (publisher == NULL)
        return;
    connection_free(publisher->connection);
    forget_returned(publisher);
    for (size_t i = 0; i < PUBLISHER_WINDOW; i++) {
        if (publisher->slots[i] != NULL) {
            free(publisher->slots[i]->memory);
            free(publisher->slots[i]->reason);
        }
        free(publisher->slots[i]);
    }
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
    return publisher->count;
}

bool publisher_has_room(const struct publisher *publisher)
{
    return publisher->count < PUBLISHER_WINDOW && publisher->bytes < WINDOW_BYTES;
}

/* Whether or not it is the culprit: it need not be published alone any more. */
static void clear_suspect(struct publisher *publisher, struct slot *slot)
{
    if (!slot->is_suspect)
        return;
    slot->is_suspect = false;
    if (--publisher->suspects == 0)
        connection_expect_refusal(publisher->connection, false);
}

static void forget_oldest(struct publisher *publisher)
{
    struct slot *slot = slot_at(publisher, 0);

    clear_suspect(publisher, slot);
    free(slot->reason);
    slot->reason = NULL;
    publisher->bytes -= slot->capacity;
    if (slot->capacity > SMALL) {
        free(slot->memory);
        slot->memory = NULL;
        slot->capacity = 0;
    }
    publisher->head = (publisher->head + 1) % PUBLISHER_WINDOW;
    publisher->count--;
}

void publisher_forget(struct publisher *publisher)
{
    while (publisher->count > 0)
        forget_oldest(publisher);
    publisher->some_came_back = false;
    publisher->some_unsent = false;
}

const char *publisher_reason(const struct publisher *publisher)
{
    return publisher->reason == NULL ? "" : publisher->reason;
}

/* ---- what the broker says ---- */

static bool is_on_its_way(const struct slot *slot)
{
    return !slot->settled && !slot->came_back && slot->tag != UNSENT;
}

/* reason is NULL for a message that was confirmed. */
static void settle(struct publisher *publisher, struct slot *slot, enum publish_result fate,
                   const char *reason)
{
    /* A message that came back is confirmed as well, afterwards. */
    if (slot->settled || slot->came_back)
        return;
    clear_suspect(publisher, slot);
    if (fate == PUBLISH_UNROUTABLE && publisher->settings.repair != NULL &&
        !publisher->is_repaired) {
        slot->came_back = true;
        publisher->some_came_back = true;
        return;
    }
    if (publisher->window < PUBLISHER_WINDOW)
        publisher->window++;
    slot->settled = true;
    slot->fate = fate;
    if (reason != NULL)
        slot->reason = xstrdup(reason);
}

static void settle_tag(struct publisher *publisher, uint64_t tag, bool multiple,
                       enum publish_result fate, const char *reason)
{
    connection_progress(publisher->connection);
    for (size_t i = 0; i < publisher->count; i++) {
        struct slot *slot = slot_at(publisher, i);

        if (slot->tag > tag) {
            if (slot->tag == UNSENT)
                continue;
            break;
        }
        if (slot->tag == tag || multiple)
            settle(publisher, slot, fate, reason);
    }
}

static bool is_returned(const struct slot *slot, const struct returned_message *returned,
                        bool with_properties)
{
    const amqp_bytes_t body = {.len = returned->body_size, .bytes = returned->body};

    return is_on_its_way(slot) && bytes_equal(slot->body, body) &&
           bytes_equal(slot->routing_key, returned->routing_key) &&
           bytes_equal(slot->exchange, returned->exchange) &&
           (!with_properties || properties_are_alike(slot->properties, returned->properties));
}

/*
 * A returned message does not say which it was. Of those on their way that look the same, any will
 * do: what is known of one of them is as true of the other. Their properties count, since an
 * exchange may route by headers. If something on the broker has changed them, it may be any of
 * those that are the same but for that, and all are taken for returned: what is sent again for it
 * comes twice, and nothing is lost.
 */
static void settle_returned(struct publisher *publisher)
{
    bool is_found = false;

    connection_progress(publisher->connection);
    for (size_t i = 0; i < publisher->count && !is_found; i++) {
        is_found = is_returned(slot_at(publisher, i), &publisher->returned, true);
        if (is_found)
            settle(publisher, slot_at(publisher, i), PUBLISH_UNROUTABLE,
                   publisher->returned.reason);
    }
    for (size_t i = 0; i < publisher->count && !is_found; i++)
        if (is_returned(slot_at(publisher, i), &publisher->returned, false))
            settle(publisher, slot_at(publisher, i), PUBLISH_UNROUTABLE,
                   publisher->returned.reason);
    forget_returned(publisher);
}

static amqp_bytes_t copy_bytes(amqp_bytes_t bytes)
{
    amqp_bytes_t copy = amqp_bytes_malloc_dup(bytes);

    if (copy.bytes == NULL && bytes.len > 0)
        die_no_memory();
    return copy;
}

static void start_returned(struct publisher *publisher, const amqp_basic_return_t *m)
{
    forget_returned(publisher);
    publisher->returned.awaited = true;
    publisher->returned.exchange = copy_bytes(m->exchange);
    publisher->returned.routing_key = copy_bytes(m->routing_key);
    (void)snprintf(publisher->returned.reason, sizeof publisher->returned.reason, "%d %s",
                   m->reply_code, printable_up_to(200, m->reply_text.bytes, m->reply_text.len));
}

static void take_returned_part(struct publisher *publisher, const amqp_frame_t *frame)
{
    struct returned_message *returned = &publisher->returned;

    if (!returned->awaited)
        return;
    if (frame->frame_type == AMQP_FRAME_HEADER) {
        returned->has_header = true;
        returned->properties = copy_bytes(frame->payload.properties.raw);
        returned->body_size = (size_t)frame->payload.properties.body_size;
        returned->body = xcalloc(returned->body_size + 1, 1);
    } else if (returned->has_header) {
        amqp_bytes_t part = frame->payload.body_fragment;
        size_t room = returned->body_size - returned->received;
        size_t len = part.len < room ? part.len : room;

        memcpy(returned->body + returned->received, part.bytes, len);
        returned->received += len;
    }
    if (returned->has_header && returned->received == returned->body_size)
        settle_returned(publisher);
}

static void take_frame(struct publisher *publisher, const amqp_frame_t *frame)
{
    if (frame->frame_type != AMQP_FRAME_METHOD) {
        take_returned_part(publisher, frame);
        return;
    }
    switch (frame->payload.method.id) {
    case AMQP_BASIC_ACK_METHOD: {
        const amqp_basic_ack_t *m = frame->payload.method.decoded;

        settle_tag(publisher, m->delivery_tag, m->multiple != 0, PUBLISH_CONFIRMED, NULL);
        break;
    }
    case AMQP_BASIC_NACK_METHOD: {
        const amqp_basic_nack_t *m = frame->payload.method.decoded;

        settle_tag(publisher, m->delivery_tag, m->multiple != 0, PUBLISH_REFUSED,
                   "the broker could not take the message");
        break;
    }
    case AMQP_BASIC_RETURN_METHOD:
        start_returned(publisher, frame->payload.method.decoded);
        break;
    default:
        break;
    }
}

/* ---- publishing ---- */

static void put(struct slot *slot, size_t *at, amqp_bytes_t *part, const void *bytes, size_t len)
{
    part->bytes = slot->memory + *at;
    part->len = len;
    if (len > 0)
        memcpy(part->bytes, bytes, len);
    *at += len;
}

static void encode_properties(struct slot *slot, size_t at,
                              const amqp_basic_properties_t *properties)
{
    int len;

    slot->properties.bytes = slot->memory + at;
    slot->properties.len = slot->capacity - at;
    len = amqp_encode_properties(AMQP_BASIC_CLASS, (void *)(uintptr_t)properties, slot->properties);
    slot->properties.len = len < 0 ? SIZE_MAX : (size_t)len;
}

static struct slot *new_slot(struct publisher *publisher)
{
    struct slot **slot =
        &publisher->slots[(publisher->head + publisher->count++) % PUBLISHER_WINDOW];

    if (*slot == NULL)
        *slot = xcalloc(1, sizeof **slot);
    return *slot;
}

static void keep(struct publisher *publisher, const struct message *message, uint64_t cookie)
{
    struct slot *slot = new_slot(publisher);
    size_t exchange_len = strlen(message->exchange);
    size_t key_len = strlen(message->routing_key);
    size_t plain = exchange_len + key_len + message->body.len;
    size_t room = 1024;

    slot->cookie = cookie;
    slot->settled = false;
    slot->came_back = false;
    slot->is_accused = false;
    slot->tag = UNSENT;
    do {
        size_t at = 0;

        if (slot->capacity < plain + room) {
            slot->capacity = plain + room;
            slot->memory = xrealloc(slot->memory, slot->capacity);
        }
        put(slot, &at, &slot->exchange, message->exchange, exchange_len);
        put(slot, &at, &slot->routing_key, message->routing_key, key_len);
        put(slot, &at, &slot->body, message->body.bytes, message->body.len);
        encode_properties(slot, at, message->properties);
        room *= 2;
        /* Headers can be larger than was reckoned with. */
    } while (slot->properties.len == SIZE_MAX && room <= ROOM_MAX);
    publisher->bytes += slot->capacity;
}

/* The broker would answer to such a header by closing the connection. */
static void refuse_header(struct publisher *publisher, struct slot *slot, size_t size)
{
    char reason[128];

    if (slot->properties.len == SIZE_MAX)
        (void)snprintf(reason, sizeof reason, "its headers do not fit into a frame of %zu bytes",
                       connection_frame_max(publisher->connection));
    else
        (void)snprintf(reason, sizeof reason,
                       "its headers need a frame of %zu bytes, and the broker takes %zu at most",
                       size, connection_frame_max(publisher->connection));
    slot->tag = 0;
    settle(publisher, slot, PUBLISH_REFUSED, reason);
}

static void publish_slot(struct publisher *publisher, struct slot *slot)
{
    const struct frames_message message = {.exchange = slot->exchange,
                                           .routing_key = slot->routing_key,
                                           .properties = slot->properties,
                                           .body = slot->body};

    size_t header_size = frames_header_size(&message);

    if (slot->properties.len == SIZE_MAX ||
        header_size > connection_frame_max(publisher->connection)) {
        refuse_header(publisher, slot, header_size);
        return;
    }
    slot->tag = publisher->next_tag++;
    connection_publish(publisher->connection, &message);
}

/*
 * Once nothing else is on its way: what came back is published again on the next connection, which
 * sets up what was missing.
 */
static void close_for_returned(struct publisher *publisher)
{
    if (!publisher->some_came_back)
        return;
    for (size_t i = 0; i < publisher->count; i++)
        if (is_on_its_way(slot_at(publisher, i)))
            return;
    (void)connection_close(publisher->connection);
}

/* ---- the culprit ---- */

/*
 * The broker objects to a message by closing the channel or the connection, and does not say to
 * which. Of those that were on their way each is a suspect from then on: they are published again
 * one at a time, each once the one before is confirmed, and nothing else is. The one that is alone
 * on its way when the broker closes again is the culprit.
 *
 * An answer that the broker may have given for troubles of its own has to be heard twice, and
 * counts as a failed attempt like any other loss. The others do not: each makes suspects of
 * messages that were none before, or settles one, so there is an end to them.
 */

static void accuse(struct publisher *publisher, struct slot *slot)
{
    if (connection_exception_is_doubtful(publisher->connection) && !slot->is_accused) {
        slot->is_accused = true;
        return;
    }
    connection_progress(publisher->connection);
    settle(publisher, slot, PUBLISH_REFUSED, connection_reason(publisher->connection));
}

static void suspect(struct publisher *publisher, struct slot *slot)
{
    if (!connection_exception_is_doubtful(publisher->connection))
        connection_progress(publisher->connection);
    slot->is_suspect = true;
    publisher->suspects++;
}

static void blame(struct publisher *publisher)
{
    bool was_alone = publisher->suspects > 0;

    for (size_t i = 0; i < publisher->count; i++) {
        struct slot *slot = slot_at(publisher, i);

        if (is_on_its_way(slot) && was_alone)
            accuse(publisher, slot);
        else if (is_on_its_way(slot))
            suspect(publisher, slot);
    }
    connection_expect_refusal(publisher->connection, publisher->suspects > 0);
}

/* If the connection is gone, nothing is on its way any more. */
static size_t count_on_their_way(struct publisher *publisher)
{
    size_t count = 0;

    for (size_t i = 0; i < publisher->count; i++)
        if (is_on_its_way(slot_at(publisher, i)))
            count++;
    return count;
}

/*
 * Whatever cuts connections may cut the next one as soon, and each message on its way then may
 * reach its queue once more: half as many next time, and one more with each that is confirmed.
 */
static void narrow_window(struct publisher *publisher)
{
    size_t count = count_on_their_way(publisher);

    if (count > 0)
        publisher->window = (count + 1) / 2;
}

static void note_loss(struct publisher *publisher)
{
    if (!publisher->is_connected || connection_is_up(publisher->connection))
        return;
    publisher->is_connected = false;
    if (connection_exception(publisher->connection) != 0)
        blame(publisher);
    else
        narrow_window(publisher);
    for (size_t i = 0; i < publisher->count; i++) {
        struct slot *slot = slot_at(publisher, i);

        slot->tag = slot->settled ? 0 : UNSENT;
    }
    publisher->some_unsent = true;
}

/* The first one, unless it is on its way. */
static void publish_suspect(struct publisher *publisher)
{
    for (size_t i = 0; i < publisher->count && publisher->suspects > 0; i++) {
        struct slot *slot = slot_at(publisher, i);

        if (slot->is_suspect && slot->tag == UNSENT)
            publish_slot(publisher, slot);
        if (slot->is_suspect)
            return;
    }
}

/* May one more message be on its way? */
static bool window_is_open(struct publisher *publisher)
{
    return publisher->window >= PUBLISHER_WINDOW ||
           count_on_their_way(publisher) < publisher->window;
}

static void publish_unsent(struct publisher *publisher)
{
    size_t on_their_way = count_on_their_way(publisher);

    publisher->some_unsent = false;
    for (size_t i = 0; i < publisher->count; i++) {
        struct slot *slot = slot_at(publisher, i);

        if (slot->settled || slot->came_back || slot->tag != UNSENT)
            continue;
        if (on_their_way >= publisher->window) {
            publisher->some_unsent = true;
            return;
        }
        publish_slot(publisher, slot);
        on_their_way++;
    }
}

/* Publishes what is not on its way and may be. */
static void publish_due(struct publisher *publisher)
{
    if (publisher->suspects > 0)
        publish_suspect(publisher);
    if (publisher->suspects == 0 && publisher->some_unsent && !publisher->some_came_back)
        publish_unsent(publisher);
}

void publisher_service(struct publisher *publisher)
{
    amqp_frame_t frame;

    while (connection_read(publisher->connection, &frame) == CONNECTION_FRAME) {
        take_frame(publisher, &frame);
        connection_release(publisher->connection);
    }
    note_loss(publisher);
    if (publisher->is_connected)
        publish_due(publisher);
}

/* ---- connecting and waiting ---- */

static void start_over(struct publisher *publisher)
{
    publisher->is_connected = true;
    forget_returned(publisher);
    for (size_t i = 0; i < publisher->count; i++)
        slot_at(publisher, i)->came_back = false;
}

/* Connects if need be, and publishes again whatever the last connection left without a fate. */
static enum exit_code revive(struct publisher *publisher)
{
    close_for_returned(publisher);
    do {
        note_loss(publisher);
        if (!publisher->is_connected) {
            enum exit_code code = connection_open(publisher->connection);

            if (code != EXIT_OK)
                return code;
            start_over(publisher);
        }
        publish_due(publisher);
    } while (!connection_is_up(publisher->connection));
    return EXIT_OK;
}

enum exit_code publisher_open(struct publisher *publisher)
{
    return revive(publisher);
}

enum exit_code publisher_try(struct publisher *publisher)
{
    enum exit_code code;

    note_loss(publisher);
    if (publisher->is_connected)
        return revive(publisher);
    code = connection_try(publisher->connection);
    if (code != EXIT_OK)
        return code;
    start_over(publisher);
    return revive(publisher);
}

/* Waits until the broker says something, and takes it in. */
static enum exit_code wait_for_word(struct publisher *publisher)
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
    return revive(publisher);
}

enum exit_code publisher_send(struct publisher *publisher, const struct message *message,
                              uint64_t cookie)
{
    enum exit_code code;

    if (publisher->count == PUBLISHER_WINDOW)
        die(EXIT_BUG, "a message beyond the window");
    code = revive(publisher);
    while (code == EXIT_OK &&
           (connection_is_blocked(publisher->connection) || publisher->some_came_back ||
            publisher->suspects > 0 || publisher->some_unsent || !window_is_open(publisher)))
        code = wait_for_word(publisher);
    keep(publisher, message, cookie);
    if (code == EXIT_OK)
        publish_slot(publisher, slot_at(publisher, publisher->count - 1));
    else
        publisher->some_unsent = true;
    return code;
}

/* Is the fate known of the first count messages? */
static bool settled_up_to(struct publisher *publisher, size_t count)
{
    /* From the end: the last ones are the last to be confirmed. */
    for (size_t i = count; i-- > 0;)
        if (!slot_at(publisher, i)->settled)
            return false;
    return true;
}

static enum exit_code settle_first(struct publisher *publisher, size_t count)
{
    enum exit_code code = EXIT_OK;

    if (publisher->count == 0)
        return EXIT_OK;
    publisher_service(publisher);
    code = revive(publisher);
    while (code == EXIT_OK && !settled_up_to(publisher, count))
        code = wait_for_word(publisher);
    return code;
}

enum exit_code publisher_wait(struct publisher *publisher)
{
    return settle_first(publisher, publisher->count > 0 ? 1 : 0);
}

enum exit_code publisher_wait_all(struct publisher *publisher)
{
    return settle_first(publisher, publisher->count);
}

bool publisher_next(struct publisher *publisher, uint64_t *cookie, enum publish_result *fate)
{
    struct slot *slot = slot_at(publisher, 0);

    if (publisher->count == 0 || !slot->settled)
        return false;
    *cookie = slot->cookie;
    *fate = slot->fate;
    if (slot->reason != NULL) {
        free(publisher->reason);
        publisher->reason = slot->reason;
        slot->reason = NULL;
    }
    forget_oldest(publisher);
    return true;
}

void event_properties(amqp_basic_properties_t *properties, const char *event_type,
                      const char *order_id, const char *message_id)
{
    memset(properties, 0, sizeof *properties);
    properties->_flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG |
                         AMQP_BASIC_CORRELATION_ID_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG |
                         AMQP_BASIC_TIMESTAMP_FLAG | AMQP_BASIC_TYPE_FLAG | AMQP_BASIC_APP_ID_FLAG;
    properties->content_type = amqp_cstring_bytes("application/json");
    properties->delivery_mode = AMQP_DELIVERY_PERSISTENT;
    properties->correlation_id = amqp_cstring_bytes(order_id);
    properties->message_id = amqp_cstring_bytes(message_id);
    properties->timestamp = (uint64_t)(clock_utc_ms() / 1000);
    properties->type = amqp_cstring_bytes(event_type);
    properties->app_id = amqp_cstring_bytes(report_name());
}
