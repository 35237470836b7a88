#include "dead_letter.h"

#include "amqp/bytes.h"
#include "amqp/topology.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "json/foreign.h"
#include "json/json.h"
#include "message/envelope.h"
#include "order/event.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

bool dead_letter_died_in(const struct dead_letter *letter, const char *queue)
{
    return letter->history.has_death && bytes_are(letter->history.death.queue, queue);
}

void dead_letter_read(struct dead_letter *letter, struct delivery *delivery)
{
    static const amqp_basic_properties_t none;

    memset(letter, 0, sizeof *letter);
    letter->delivery = delivery;
    init_amqp_pool(&letter->pool, 1024);
    letter->properties = delivery_properties(delivery, &letter->pool);
    letter->is_readable = letter->properties != NULL;
    if (!letter->is_readable)
        letter->properties = &none;
    history_read(letter->properties, &letter->history);
}

void dead_letter_free(struct dead_letter *letter)
{
    free(letter->check.order_id);
    free(letter->first_error);
    if (letter->delivery != NULL)
        empty_amqp_pool(&letter->pool);
}

/* Returns the type of which body is a sound or a malformed event, of those that order-track takes.
 * NULL if it is of another type, which order-track ignores. */
static const char *outcome_type(amqp_bytes_t body)
{
    static const char *const types[] = {EVENT_RESERVED, EVENT_FAILED, EVENT_RELEASED,
                                        EVENT_HANDED_OVER};

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct order_fault fault;
        struct order order;
        enum event_verdict verdict = event_read(&order, types[i], body.bytes, body.len, &fault);

        if (verdict == EVENT_SOUND)
            order_free(&order);
        if (verdict != EVENT_OTHER_TYPE)
            return types[i];
    }
    return NULL;
}

/* Returns the type of event that the worker expects; NULL if it takes any, or is none of ours. */
static const char *expected_type(const struct dead_letter *letter, amqp_bytes_t body)
{
    static const struct {
        const char *queue;
        const char *type;
    } expected[] = {{PLACED_QUEUE, EVENT_PLACED},
                    {DEAD_LETTER_QUEUE, EVENT_PLACED}, /* moved out of it, from where is unknown */
                    {RESERVED_QUEUE, EVENT_RESERVED},
                    {FAILED_QUEUE, EVENT_FAILED},
                    {CANCELLED_QUEUE, EVENT_CANCELLED},
                    {RELEASED_QUEUE, EVENT_RELEASED}};

    if (!letter->history.has_death)
        return EVENT_PLACED;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        if (dead_letter_died_in(letter, expected[i].queue))
            return expected[i].type;
    return dead_letter_died_in(letter, OUTCOME_QUEUE) ? outcome_type(body) : NULL;
}

bool dead_letter_is_order(const struct dead_letter *letter)
{
    const char *type;

    if (dead_letter_died_in(letter, OUTCOME_QUEUE))
        return false;
    type = expected_type(letter, amqp_empty_bytes);
    return type == NULL || strcmp(type, EVENT_PLACED) == 0;
}

static char *find_order_id(const cJSON *tree)
{
    const char *id = json_member_text(tree, "order_id");

    return id != NULL && text_is_printable(id, strlen(id), SIZE_MAX) ? xstrdup(id) : NULL;
}

/* Returns whether body is an event of this type; if not, check has the reason. */
static bool is_sound(struct body_check *check, const char *type, amqp_bytes_t body)
{
    struct order order;

    if (event_read(&order, type, body.bytes, body.len, &check->fault) != EVENT_SOUND) {
        check->error = check->fault.reason;
        return false;
    }
    order_free(&order);
    return true;
}

/* Checks body as an event of this type; type is NULL if no worker of ours would get it: then there
 * is no error. tree as in dead_letter_check_other(). */
static void check_body(struct body_check *check, const char *type, amqp_bytes_t body, cJSON *tree)
{
    size_t mark = foreign_mark(body.bytes, body.len);
    const char *text = (const char *)body.bytes + mark;
    cJSON *own = NULL;
    bool sound;
    unsigned traits;
    size_t at;

    *check = (struct body_check){0};
    sound = type != NULL && is_sound(check, type, body);
    if (tree == NULL && json_check(text, body.len - mark, &traits, &at) == NULL)
        own = json_parse_scanned(text, body.len - mark, traits);
    /* A worker skips a byte order mark, but with one the body is not JSON: an order_id counts only
     * if the worker would take the event. */
    if (sound || mark == 0)
        check->order_id = find_order_id(tree != NULL ? tree : own);
    check->is_json = own != NULL && mark == 0 && envelope_shows(own, traits);
    cJSON_Delete(own);
}

void dead_letter_home(const struct dead_letter *letter, const char *queue, struct death *home)
{
    const struct history *history = &letter->history;

    if (history->has_death) {
        *home = history->death;
        if (home->has_other_keys && home->queue.len > 0) {
            home->exchange = amqp_empty_bytes;
            home->routing_key = home->queue;
        }
        return;
    }
    *home = (struct death){
        .queue = history->queue.len > 0 ? history->queue : amqp_cstring_bytes(queue),
        .exchange = letter->delivery->exchange,
        .routing_key = letter->delivery->routing_key,
        .reason = amqp_cstring_bytes("moved by dlq-replay"),
        .time = clock_utc_ms() / 1000,
    };
}

static void check(struct dead_letter *letter, amqp_bytes_t body, cJSON *tree)
{
    free(letter->check.order_id);
    check_body(&letter->check, expected_type(letter, body), body, tree);
    letter->is_checked = true;
}

const struct body_check *dead_letter_check(struct dead_letter *letter)
{
    if (!letter->is_checked && letter->delivery != NULL)
        check(letter, letter->delivery->body, NULL);
    return &letter->check;
}

/* Keeps what was said to the body as it was found. */
static void keep_first_error(struct dead_letter *letter)
{
    const char *error = dead_letter_check(letter)->error;

    letter->first_error = error == NULL ? NULL : xstrdup(error);
    letter->is_mended = true;
}

void dead_letter_check_other(struct dead_letter *letter, amqp_bytes_t body, cJSON *tree)
{
    if ((letter->delivery != NULL || letter->is_checked) && !letter->is_mended)
        keep_first_error(letter);
    check(letter, body, tree);
}

const char *dead_letter_first_error(struct dead_letter *letter)
{
    return letter->is_mended ? letter->first_error : dead_letter_check(letter)->error;
}

cJSON *dead_letter_envelope(struct dead_letter *letter, const char *queue)
{
    const struct body_check *check = dead_letter_check(letter);
    struct envelope_source source = {.delivery = letter->delivery,
                                     .properties = letter->is_readable ? letter->properties : NULL,
                                     .history = &letter->history,
                                     .body_is_json = check->is_json};
    cJSON *envelope = envelope_of(&source, queue);

    json_add_text(envelope, "error", check->error);
    return envelope;
}
