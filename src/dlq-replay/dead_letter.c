#include "dead_letter.h"

#include "amqp/bytes.h"
#include "amqp/topology.h"
#include "base/memory.h"
#include "base/report.h"
#include "base/text.h"
#include "json/json.h"
#include "message/envelope.h"
#include "order/event.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

bool dead_letter_died_in(const struct dead_letter *letter, const char *queue)
{
    return letter->has_death && bytes_are(letter->death.queue, queue);
}

/* Of a body that may be no event, but has an order_id all the same. */
static char *find_order_id(amqp_bytes_t body)
{
    cJSON *tree = json_parse_liberal(body.bytes, body.len);
    const char *id = json_member_text(tree, "order_id");
    char *copy = id != NULL && text_is_printable(id, strlen(id), SIZE_MAX) ? xstrdup(id) : NULL;

    cJSON_Delete(tree);
    return copy;
}

const char *dead_letter_error(const struct dead_letter *letter, amqp_bytes_t body,
                              struct order_fault *fault, char **order_id)
{
    const char *type = dead_letter_died_in(letter, RESERVED_QUEUE) ? EVENT_RESERVED : EVENT_PLACED;
    /* What died in a queue that is not ours, no worker of ours will see. */
    bool is_ours = !letter->has_death || dead_letter_died_in(letter, PLACED_QUEUE) ||
                   dead_letter_died_in(letter, RESERVED_QUEUE);
    struct order order;

    if (is_ours && event_read(&order, type, body.bytes, body.len, fault) == EVENT_SOUND) {
        *order_id = xstrdup(order.order_id);
        order_free(&order);
        return NULL;
    }
    *order_id = find_order_id(body);
    return is_ours ? fault->reason : NULL;
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
    letter->has_death = death_read(letter->properties, &letter->death);
    letter->error = dead_letter_error(letter, delivery->body, &letter->fault, &letter->order_id);
}

void dead_letter_free(struct dead_letter *letter)
{
    free(letter->order_id);
    empty_amqp_pool(&letter->pool);
}

cJSON *dead_letter_envelope(const struct dead_letter *letter, const char *queue)
{
    cJSON *envelope =
        envelope_new(letter->delivery, letter->is_readable ? letter->properties : NULL, queue);

    if (letter->error == NULL)
        json_need(cJSON_AddNullToObject(envelope, "error"));
    else
        json_need(cJSON_AddStringToObject(envelope, "error", letter->error));
    return envelope;
}
