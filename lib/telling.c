#include "telling.h"

#include "clock.h"
#include "dead_letter.h"
#include "foreign.h"
#include "notices.h"
#include "output.h"
#include "topology.h"

#include <stdlib.h>
#include <string.h>

#define MARKS 4096 /* many more than are usually in hand */

struct telling {
    struct publisher *publisher;
    struct notices *notices;
    struct notice *held;
    size_t count;
    bool marks[MARKS];
};

enum exit_code telling_open(struct publisher *publisher, size_t max, struct telling **out)
{
    struct telling *telling = need_calloc(1, sizeof *telling);
    enum exit_code code = notices_open(&telling->notices);

    *out = NULL;
    telling->publisher = publisher;
    telling->held = need_calloc(max, sizeof *telling->held);
    if (code == EXIT_OK)
        *out = telling;
    else
        telling_close(telling);
    return code;
}

void telling_close(struct telling *telling)
{
    if (telling == NULL)
        return;
    for (size_t i = 0; i < telling->count; i++)
        free(telling->held[i].event);
    free(telling->held);
    notices_close(telling->notices);
    free(telling);
}

struct notice *telling_notices(struct telling *telling)
{
    return telling->held;
}

size_t telling_count(const struct telling *telling)
{
    return telling->count;
}

/* ---- taking in hand ---- */

/* Puts a mark for an id; was it there? If not, none held is of that id; but ids share marks. */
static bool mark(struct telling *telling, const char *order_id)
{
    uint32_t hash = 2166136261; /* FNV-1a */
    bool *its_mark;
    bool there;

    for (; *order_id != '\0'; order_id++)
        hash = (hash ^ (unsigned char)*order_id) * 16777619;
    if (telling->count == 0)
        memset(telling->marks, false, sizeof telling->marks);
    its_mark = &telling->marks[hash % MARKS];
    there = *its_mark;
    *its_mark = true;
    return there;
}

static bool is_held(struct telling *telling, const char *order_id)
{
    if (!mark(telling, order_id))
        return false;
    for (size_t i = 0; i < telling->count; i++)
        if (telling->held[i].verdict == VERDICT_TELL && strcmp(telling->held[i].order_id, order_id) == 0)
            return true;
    return false;
}

/*
 * The event as it came, on one line, and without a byte order mark: no line break can stand in a JSON text but between its
 * tokens.
 */
static char *one_line(amqp_bytes_t body)
{
    size_t mark = foreign_mark(body.bytes, body.len);
    char *line = need_calloc(body.len - mark + 1, 1);

    memcpy(line, (const char *)body.bytes + mark, body.len - mark);
    for (char *end = line; (end = strpbrk(end, "\r\n")) != NULL;)
        *end = ' ';
    return line;
}

/* For a sound event, whose order_id is known. */
static enum exit_code look_up(struct telling *telling, struct notice *notice)
{
    bool told;
    enum exit_code code = notices_find(telling->notices, notice->order_id, &told);

    if (code != EXIT_OK)
        return code;
    notice->verdict = told || is_held(telling, notice->order_id) ? VERDICT_REPEAT : VERDICT_TELL;
    if (notice->verdict == VERDICT_TELL)
        notice->event = one_line(notice->delivery->body);
    return EXIT_OK;
}

static enum exit_code look_at(struct telling *telling, struct notice *notice)
{
    const amqp_bytes_t body = notice->delivery->body;
    struct order order;

    switch (event_read(&order, EVENT_RESERVED, body.bytes, body.len, &notice->fault)) {
    case EVENT_OTHER_TYPE:
        notice->verdict = VERDICT_OTHER;
        return EXIT_OK;
    case EVENT_MALFORMED:
        notice->verdict = VERDICT_MALFORMED;
        return EXIT_OK;
    case EVENT_SOUND:
        break;
    }
    memcpy(notice->order_id, order.order_id, strlen(order.order_id) + 1);
    order_free(&order);
    return look_up(telling, notice);
}

enum exit_code telling_take(struct telling *telling, struct delivery *const batch[], size_t count)
{
    enum exit_code code = notices_begin_reading(telling->notices);

    for (size_t i = 0; i < count && code == EXIT_OK; i++) {
        struct notice *notice = &telling->held[telling->count];

        memset(notice, 0, sizeof *notice);
        notice->delivery = batch[i];
        notice->due_ms = clock_steady_ms();
        code = look_at(telling, notice);
        if (code == EXIT_OK)
            telling->count++;
    }
    notices_roll_back(telling->notices);
    return code;
}

/* ---- telling ---- */

/* A queue that has no dead letter exchange would drop what is rejected. */
static enum exit_code move_to_dead_letters(struct telling *telling, const struct delivery *delivery,
                                           const char *reason)
{
    struct death death = {.queue = amqp_cstring_bytes(RESERVED_QUEUE),
                          .reason = amqp_cstring_bytes(reason),
                          .exchange = delivery->exchange,
                          .routing_key = delivery->routing_key,
                          .time = clock_utc_ms() / 1000};
    static const amqp_basic_properties_t none;
    const amqp_basic_properties_t *given;
    amqp_basic_properties_t properties;
    struct message message = {.exchange = DEAD_LETTER_EXCHANGE,
                              .routing_key = DEAD_LETTER_KEY,
                              .properties = &properties,
                              .body = delivery->body};
    enum publish_fate fate = PUBLISH_REFUSED;
    enum exit_code code;
    amqp_pool_t pool;
    uint64_t cookie;

    init_amqp_pool(&pool, 4096);
    given = delivery_properties(delivery, &pool);
    properties = dead_letter_marked(given == NULL ? &none : given, &death, &pool);
    code = publisher_send(telling->publisher, &message, 0);
    empty_amqp_pool(&pool);
    if (code == EXIT_OK)
        code = publisher_settle(telling->publisher);
    if (code != EXIT_OK)
        return code;
    if (publisher_next(telling->publisher, &cookie, &fate) && fate == PUBLISH_CONFIRMED)
        return EXIT_OK;
    report("cannot move a message to '%s': %s", DEAD_LETTER_QUEUE, publisher_reason(telling->publisher));
    return EXIT_REFUSED;
}

enum exit_code telling_give_up(struct telling *telling, const struct notice *notice, const char *reason)
{
    log_line("[notify] moved to %s: %s: %s", DEAD_LETTER_QUEUE, notice->order_id, reason);
    return move_to_dead_letters(telling, notice->delivery, reason);
}

static enum exit_code handle(struct telling *telling, const struct notice *notice)
{
    switch (notice->verdict) {
    case VERDICT_TELL:
        log_line("[notify] Order confirmed: %s", notice->order_id);
        return output_json_text(notice->event, strlen(notice->event));
    case VERDICT_REPEAT:
        log_line("[notify] repeat ignored: %s", notice->order_id);
        return EXIT_OK;
    case VERDICT_OTHER:
        log_line("[notify] unexpected event ignored: %s", notice->fault.reason);
        return EXIT_OK;
    default:
        log_line("[notify] moved to %s: %s", DEAD_LETTER_QUEUE, notice->fault.reason);
        return move_to_dead_letters(telling, notice->delivery, notice->fault.reason);
    }
}

/* N2: all that were told, in one transaction. */
static enum exit_code record(struct telling *telling, const struct notice *notices, size_t count)
{
    int64_t now = clock_utc_ms();
    enum exit_code code = notices_begin(telling->notices);

    if (code != EXIT_OK)
        return code;
    for (size_t i = 0; i < count && code == EXIT_OK; i++)
        if (notices[i].verdict == VERDICT_TELL)
            code = notices_add(telling->notices, notices[i].order_id, now);
    if (code == EXIT_OK)
        return notices_commit(telling->notices);
    notices_roll_back(telling->notices);
    return code;
}

enum exit_code telling_tell(struct telling *telling, const struct notice *notices, size_t count)
{
    enum exit_code code = EXIT_OK;
    bool some_told = false;

    for (size_t i = 0; i < count && code == EXIT_OK; i++) {
        code = handle(telling, &notices[i]);
        some_told = some_told || notices[i].verdict == VERDICT_TELL;
    }
    if (code == EXIT_OK)
        code = output_flush();
    return code == EXIT_OK && some_told ? record(telling, notices, count) : code;
}

void telling_drop(struct telling *telling, struct notice *notices, size_t count)
{
    size_t behind = (size_t)(telling->held + telling->count - notices) - count;

    for (size_t i = 0; i < count; i++)
        free(notices[i].event);
    memmove(notices, notices + count, behind * sizeof *notices);
    telling->count -= count;
    notices_tidy(telling->notices);
}
