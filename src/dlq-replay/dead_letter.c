#include "dead_letter.h"

#include "amqp/bytes.h"
#include "amqp/topology.h"
#include "json/json.h"
#include "message/envelope.h"
#include "order/event.h"

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
    body_check_free(&letter->check);
    if (letter->delivery != NULL)
        empty_amqp_pool(&letter->pool);
}

/* Returns the type of event that the worker expects; NULL for a queue that is not ours. */
static const char *expected_type(const struct dead_letter *letter)
{
    if (dead_letter_died_in(letter, RESERVED_QUEUE))
        return EVENT_RESERVED;
    return !letter->history.has_death || dead_letter_died_in(letter, PLACED_QUEUE) ? EVENT_PLACED
                                                                                   : NULL;
}

void dead_letter_check_other(struct dead_letter *letter, amqp_bytes_t body, cJSON *tree)
{
    body_check_free(&letter->check);
    body_check(&letter->check, expected_type(letter), body, tree);
    letter->is_checked = true;
}

const struct body_check *dead_letter_check(struct dead_letter *letter)
{
    if (!letter->is_checked && letter->delivery != NULL)
        dead_letter_check_other(letter, letter->delivery->body, NULL);
    return &letter->check;
}

cJSON *dead_letter_envelope(struct dead_letter *letter, const char *queue)
{
    const struct body_check *check = dead_letter_check(letter);
    struct envelope_source source = {.delivery = letter->delivery,
                                     .properties = letter->is_readable ? letter->properties : NULL,
                                     .history = &letter->history,
                                     .body_is_json = check->is_json};
    cJSON *envelope = envelope_of(&source, queue);

    json_need(check->error == NULL ? cJSON_AddNullToObject(envelope, "error")
                                   : cJSON_AddStringToObject(envelope, "error", check->error));
    return envelope;
}
