#include "notifier.h"

#include "amqp/connection.h"
#include "amqp/topology.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/output.h"
#include "base/stop.h"
#include "base/text.h"
#include "engine/open.h"
#include "json/foreign.h"
#include "json/json.h"
#include "json/output.h"
#include "message/death.h"
#include "order/event.h"
#include "store/notified.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_AGAIN_MS 100         /* until an order that another run has claimed is claimed again */
#define REFUSED_MS INT64_C(60000) /* until a refused dead letter is tried again */

struct notifier {
    struct notifier_settings settings;
    struct notified *notified;
    struct notification **waiting; /* for a turn, in the order of arrival or of being put back */
    size_t waiting_count;
    struct notification **turn;
    size_t turn_count;
    struct notification **next;
    size_t next_count;
    struct notified_release *released; /* of the turn, */
    struct notified_claim *claims;     /* and of the next one */
    struct delivery **deliveries;      /* to be acknowledged together */
    struct notification *spare;
    char *lines;
    size_t lines_capacity;
    size_t lines_len;
    bool has_failed; /* to record a turn */
    bool some_refused;
};

enum exit_code notifier_open(const struct notifier_settings *settings, struct notifier **out)
{
    struct notifier *notifier = xcalloc(1, sizeof *notifier);
    enum exit_code code = engine_open_notified(NULL, settings->max_attempts, &notifier->notified);

    *out = NULL;
    notifier->settings = *settings;
    notifier->waiting = xcalloc(settings->in_hand, sizeof(*notifier->waiting));
    notifier->turn = xcalloc(settings->together, sizeof(*notifier->turn));
    notifier->next = xcalloc(settings->together, sizeof(*notifier->next));
    notifier->released = xcalloc(settings->together, sizeof *notifier->released);
    notifier->claims = xcalloc(settings->together, sizeof *notifier->claims);
    notifier->deliveries = xcalloc(settings->together, sizeof(*notifier->deliveries));
    if (code == EXIT_OK)
        *out = notifier;
    else
        notifier_close(notifier);
    return code;
}

/* ---- notifications ---- */

static struct notification *new_notice(struct notifier *notifier)
{
    struct notification *notification = notifier->spare;

    if (notification == NULL)
        return xcalloc(1, sizeof *notification);
    notifier->spare = notification->next;
    return notification;
}

/* Frees a notification whose delivery is settled or stale. */
static void drop(struct notifier *notifier, struct notification *notification)
{
    free(notification->copy);
    free(notification->fault);
    notification->copy = NULL;
    notification->fault = NULL;
    notification->next = notifier->spare;
    notifier->spare = notification;
}

static void drop_all(struct notifier *notifier, struct notification **notifications, size_t count)
{
    for (size_t i = 0; i < count; i++)
        drop(notifier, notifications[i]);
}

void notifier_close(struct notifier *notifier)
{
    if (notifier == NULL)
        return;
    drop_all(notifier, notifier->waiting, notifier->waiting_count);
    drop_all(notifier, notifier->turn, notifier->turn_count);
    while (notifier->spare != NULL) {
        struct notification *next = notifier->spare->next;

        free(notifier->spare);
        notifier->spare = next;
    }
    free(notifier->waiting);
    free(notifier->turn);
    free(notifier->next);
    free(notifier->released);
    free(notifier->claims);
    free(notifier->deliveries);
    free(notifier->lines);
    if (notifier->notified != NULL)
        notifier->notified->operations->close(notifier->notified);
    free(notifier);
}

size_t notifier_count(const struct notifier *notifier)
{
    return notifier->waiting_count + notifier->turn_count;
}

size_t notifier_room(const struct notifier *notifier)
{
    return notifier->settings.in_hand - notifier_count(notifier);
}

size_t notifier_refused(const struct notifier *notifier)
{
    size_t count = 0;

    for (size_t i = 0; notifier->some_refused && i < notifier->waiting_count; i++)
        count += notifier->waiting[i]->is_refused;
    for (size_t i = 0; notifier->some_refused && i < notifier->turn_count; i++)
        count += notifier->turn[i]->is_refused;
    return count;
}

bool notifier_is_unsettled(const struct notifier *notifier)
{
    return notifier->turn_count > 0;
}

int notifier_wait_ms(const struct notifier *notifier)
{
    int64_t first = INT64_MAX;
    int64_t left;

    if (notifier->waiting_count == 0)
        return -1;
    for (size_t i = 0; i < notifier->waiting_count; i++)
        if (notifier->waiting[i]->due_ms < first)
            first = notifier->waiting[i]->due_ms;
    left = first - clock_monotonic_ms();
    return left > 0 ? (int)left : 0;
}

/* ---- taking in hand ---- */

/* Keeps the event as it came, without a byte order mark and on one line: in JSON, line breaks
 * stand only between tokens. */
static void keep_event(struct notification *notification)
{
    const amqp_bytes_t body = notification->delivery->body;
    size_t mark = foreign_mark(body.bytes, body.len);

    notification->event = (const char *)body.bytes + mark;
    notification->event_len = body.len - mark;
    if (memchr(body.bytes, '\n', body.len) == NULL && memchr(body.bytes, '\r', body.len) == NULL)
        return;
    notification->copy = xcalloc(notification->event_len + 1, 1);
    memcpy(notification->copy, notification->event, notification->event_len);
    for (char *end = notification->copy; (end = strpbrk(end, "\r\n")) != NULL;)
        *end = ' ';
    notification->event = notification->copy;
}

static void read_event(struct notification *notification)
{
    const amqp_bytes_t body = notification->delivery->body;
    struct order_fault fault;
    struct order order;
    enum event_verdict verdict = event_read(&order, EVENT_RESERVED, body.bytes, body.len, &fault);

    if (verdict != EVENT_SOUND) {
        notification->verdict = verdict == EVENT_MALFORMED ? VERDICT_MALFORMED : VERDICT_OTHER;
        notification->order_id[0] = '\0';
        notification->fault = xstrdup(fault.reason);
        return;
    }
    notification->verdict = VERDICT_TELL;
    memcpy(notification->order_id, order.order_id, strlen(order.order_id) + 1);
    order_free(&order);
    keep_event(notification);
}

/* Drops the deliveries of a lost connection: they come again. */
static void drop_stale(struct notifier *notifier)
{
    struct consumer *consumer = notifier->settings.consumer;
    size_t kept = 0;

    for (size_t i = 0; i < notifier->waiting_count; i++) {
        struct notification *notification = notifier->waiting[i];

        if (consumer_is_current(consumer, notification->delivery)) {
            notifier->waiting[kept++] = notification;
            continue;
        }
        consumer_let_go(consumer, notification->delivery);
        drop(notifier, notification);
    }
    notifier->waiting_count = kept;
}

void notifier_take(struct notifier *notifier, struct delivery *const batch[], size_t count)
{
    int64_t now = clock_monotonic_ms();

    /* First: a redelivery after a lost connection is not a repeat of the copy in hand. */
    drop_stale(notifier);
    for (size_t i = 0; i < count; i++) {
        struct notification *notification = new_notice(notifier);

        notification->delivery = batch[i];
        notification->outcome = OUTCOME_OPEN;
        notification->due_ms = now;
        notification->is_claimed = false;
        notification->was_tried = false;
        notification->is_waiting_for_others = false;
        notification->is_refused = false;
        read_event(notification);
        notifier->waiting[notifier->waiting_count++] = notification;
    }
}

/* ---- turns: on disk ---- */

static bool is_sound(const struct notification *notification)
{
    return notification->order_id[0] != '\0';
}

static bool is_to_be_tried_again(const struct notification *notification)
{
    return notification->outcome == OUTCOME_OPEN &&
           (notification->was_tried || notification->is_claimed);
}

/* Returns whether a notification of the order, or of any if order_id is NULL, is in hand to be
 * tried again. */
static bool is_tried_by_us(const struct notifier *notifier, const char *order_id)
{
    for (size_t i = 0; i < notifier->turn_count; i++)
        if (is_to_be_tried_again(notifier->turn[i]) &&
            (order_id == NULL || strcmp(notifier->turn[i]->order_id, order_id) == 0))
            return true;
    for (size_t i = 0; i < notifier->waiting_count; i++)
        if (is_to_be_tried_again(notifier->waiting[i]) &&
            (order_id == NULL || strcmp(notifier->waiting[i]->order_id, order_id) == 0))
            return true;
    return false;
}

/* Lists the orders of the turn that were claimed and not told. Returns how many. */
static size_t list_released(struct notifier *notifier)
{
    size_t count = 0;

    for (size_t i = 0; i < notifier->turn_count; i++) {
        const struct notification *notification = notifier->turn[i];

        if (notification->is_claimed && notification->outcome != OUTCOME_DONE)
            notifier->released[count++] = (struct notified_release){
                .order_id = notification->order_id,
                .attempts =
                    notification->outcome == OUTCOME_DEAD ? 0 : notification->attempts_if_not};
    }
    return count;
}

/* Lists the orders of the next turn that are to be claimed. Returns how many. A copy of an order
 * that is to be tried again is a repeat. */
static size_t list_claims(struct notifier *notifier)
{
    bool some_tried = is_tried_by_us(notifier, NULL);
    size_t count = 0;

    for (size_t i = 0; i < notifier->next_count; i++) {
        struct notification *notification = notifier->next[i];

        notification->is_to_be_claimed = false;
        if (!is_sound(notification))
            continue;
        if (some_tried && !notification->was_tried &&
            is_tried_by_us(notifier, notification->order_id)) {
            notification->verdict = VERDICT_REPEAT;
            continue;
        }
        notification->is_to_be_claimed = true;
        notifier->claims[count++].order_id = notification->order_id;
    }
    return count;
}

static void take_claim(struct notification *notification, const struct notified_claim *claim)
{
    switch (claim->standing) {
    case STANDING_CLAIMED:
    case STANDING_IN_DOUBT:
        notification->verdict = VERDICT_TELL;
        notification->is_in_doubt = claim->standing == STANDING_IN_DOUBT;
        notification->attempts_if_not = claim->attempt - 1;
        notification->is_claimed = true;
        break;
    case STANDING_SPENT:
        notification->verdict = VERDICT_SPENT;
        notification->attempts_if_not = claim->attempt;
        notification->is_claimed = true;
        break;
    case STANDING_OTHERS:
        notification->verdict = VERDICT_WAIT;
        break;
    case STANDING_OURS:
    case STANDING_TOLD:
        notification->verdict = VERDICT_REPEAT;
        break;
    }
    notification->attempt = claim->attempt;
}

/* Records the turn (N3) and claims the next one (N1). */
static enum exit_code record_and_claim(struct notifier *notifier)
{
    size_t claim_count = list_claims(notifier);
    const struct notified_claim *claim = notifier->claims;
    enum exit_code code = notifier->notified->operations->advance(
        notifier->notified, notifier->released, list_released(notifier), notifier->claims,
        claim_count, clock_utc_ms());

    for (size_t i = 0; i < notifier->next_count && code == EXIT_OK; i++)
        if (notifier->next[i]->is_to_be_claimed)
            take_claim(notifier->next[i], claim++);
    return code;
}

/* ---- turns: in memory and on the broker ---- */

/* Moves the notifications that are due into next. */
static void pick(struct notifier *notifier)
{
    int64_t now = clock_monotonic_ms();
    size_t kept = 0;

    notifier->next_count = 0;
    for (size_t i = 0; i < notifier->waiting_count; i++) {
        struct notification *notification = notifier->waiting[i];

        if (notifier->next_count < notifier->settings.together && notification->due_ms <= now)
            notifier->next[notifier->next_count++] = notification;
        else
            notifier->waiting[kept++] = notification;
    }
    notifier->waiting_count = kept;
}

static void put_back(struct notifier *notifier, struct notification *notification)
{
    notification->outcome = OUTCOME_OPEN;
    notification->was_tried = notification->was_tried || notification->is_claimed;
    notification->is_claimed = false;
    notifier->waiting[notifier->waiting_count++] = notification;
}

/* Returns whether one acknowledgement can cover the turn: nothing else in hand came before its
 * last delivery. */
static bool is_whole(const struct notifier *notifier)
{
    const struct delivery *last = notifier->turn[notifier->turn_count - 1]->delivery;
    uint64_t before = 0;

    for (size_t i = 0; i < notifier->turn_count; i++) {
        const struct notification *notification = notifier->turn[i];

        if (notification->outcome == OUTCOME_OPEN || notification->delivery->tag <= before ||
            notification->delivery->generation != last->generation)
            return false;
        before = notification->delivery->tag;
    }
    for (size_t i = 0; i < notifier->waiting_count; i++)
        if (notifier->waiting[i]->delivery->tag < last->tag)
            return false;
    for (size_t i = 0; i < notifier->next_count; i++)
        if (notifier->next[i]->delivery->tag < last->tag)
            return false;
    return true;
}

/* Acknowledges the turn (N4), and puts back what is to be tried again. */
static void acknowledge(struct notifier *notifier)
{
    struct consumer *consumer = notifier->settings.consumer;
    bool whole = notifier->turn_count > 1 && is_whole(notifier);

    for (size_t i = 0; i < notifier->turn_count; i++) {
        struct notification *notification = notifier->turn[i];

        if (notification->outcome == OUTCOME_OPEN) {
            put_back(notifier, notification);
            continue;
        }
        notifier->deliveries[i] = notification->delivery;
        if (!whole)
            consumer_ack(consumer, notification->delivery);
        drop(notifier, notification);
    }
    if (whole)
        consumer_ack_batch(consumer, notifier->deliveries, notifier->turn_count);
    notifier->turn_count = 0;
}

static void wait_for_others(struct notifier *notifier, struct notification *notification)
{
    if (!notification->is_waiting_for_others)
        log_line("[notify] waiting: %s: another worker has claimed it", notification->order_id);
    notification->is_waiting_for_others = true;
    notification->due_ms = clock_monotonic_ms() + LOOK_AGAIN_MS;
    put_back(notifier, notification);
}

/* Makes the next turn the present one. */
static void advance(struct notifier *notifier)
{
    for (size_t i = 0; i < notifier->next_count; i++) {
        struct notification *notification = notifier->next[i];

        if (notification->verdict == VERDICT_WAIT) {
            wait_for_others(notifier, notification);
            continue;
        }
        if (notification->verdict == VERDICT_TELL && notification->is_in_doubt)
            log_line("[notify] in doubt: %s: attempt %d", notification->order_id,
                     notification->attempt);
        notifier->turn[notifier->turn_count++] = notification;
    }
    notifier->next_count = 0;
}

enum exit_code notifier_next(struct notifier *notifier)
{
    enum exit_code code;

    drop_stale(notifier);
    pick(notifier);
    if (notifier->next_count == 0)
        return notifier_settle(notifier);
    code = record_and_claim(notifier);
    if (code == EXIT_OK) {
        acknowledge(notifier);
        advance(notifier);
    } else {
        for (size_t i = 0; i < notifier->next_count; i++) {
            notifier->next[i]->is_claimed = false;
            put_back(notifier, notifier->next[i]);
        }
        notifier->next_count = 0;
    }
    notifier->notified->operations->idle(notifier->notified);
    return code;
}

/* Waits out a lock of another process, so that nobody is told again because of it. */
static enum exit_code record_at_last(struct notifier *notifier)
{
    enum exit_code code = record_and_claim(notifier);

    while (code != EXIT_OK && notifier->notified->operations->may_pass(notifier->notified) &&
           !stop_requested()) {
        connection_wait(NULL, -1, 0);
        consumer_service(notifier->settings.consumer);
        code = record_and_claim(notifier);
    }
    return code;
}

static size_t count_told(const struct notifier *notifier)
{
    size_t count = 0;

    for (size_t i = 0; i < notifier->turn_count; i++)
        if (notifier->turn[i]->is_claimed && notifier->turn[i]->outcome == OUTCOME_DONE)
            count++;
    return count;
}

enum exit_code notifier_settle(struct notifier *notifier)
{
    enum exit_code code;
    size_t told;

    if (notifier->turn_count == 0)
        return EXIT_OK;
    code = notifier->has_failed ? EXIT_STORE : record_at_last(notifier);
    if (code == EXIT_OK) {
        acknowledge(notifier);
        notifier->notified->operations->idle(notifier->notified);
        return EXIT_OK;
    }
    told = count_told(notifier);
    if (!notifier->has_failed && told > 0)
        report("%zu customer%s told, and that could not be recorded: the next run will tell them "
               "again",
               told, told == 1 ? " was" : "s were");
    notifier->has_failed = true;
    return code;
}

/* ---- dead letters ---- */

/* Published and confirmed, not rejected: this queue has no dead letter exchange and would drop
 * it. */
static enum exit_code move_to_dead_letters(struct notifier *notifier,
                                           const struct delivery *delivery, const char *reason)
{
    struct publisher *publisher = notifier->settings.publisher;
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
    enum publish_result fate = PUBLISH_REFUSED;
    enum exit_code code;
    amqp_pool_t pool;
    uint64_t cookie;

    init_amqp_pool(&pool, 4096);
    given = delivery_properties(delivery, &pool);
    properties = death_marked(given == NULL ? &none : given, &death, &pool);
    code = publisher_send(publisher, &message, 0);
    empty_amqp_pool(&pool);
    if (code == EXIT_OK)
        code = publisher_wait_all(publisher);
    if (code != EXIT_OK)
        return code;
    if (publisher_next(publisher, &cookie, &fate) && fate == PUBLISH_CONFIRMED)
        return EXIT_OK;
    report("cannot move a message to '%s': %s", DEAD_LETTER_QUEUE, publisher_reason(publisher));
    return EXIT_REFUSED;
}

enum exit_code notifier_give_up(struct notifier *notifier, struct notification *notification,
                                const char *reason)
{
    enum exit_code code = move_to_dead_letters(notifier, notification->delivery, reason);

    notification->is_refused = code == EXIT_REFUSED;
    if (notification->is_refused) {
        notifier->some_refused = true;
        notification->due_ms = clock_monotonic_ms() + REFUSED_MS;
        return EXIT_OK;
    }
    if (code != EXIT_OK)
        return code;
    notification->outcome = OUTCOME_DEAD;
    if (is_sound(notification))
        log_line("[notify] moved to %s: %s: %s", DEAD_LETTER_QUEUE, notification->order_id, reason);
    else
        log_line("[notify] moved to %s: %s", DEAD_LETTER_QUEUE, reason);
    return EXIT_OK;
}

static enum exit_code give_up_spent(struct notifier *notifier, struct notification *notification)
{
    char reason[128];

    (void)snprintf(
        reason, sizeof reason,
        "%d attempts to tell the customer were begun, and none is known to have succeeded",
        notification->attempt);
    return notifier_give_up(notifier, notification, reason);
}

/* ---- telling ---- */

static void add_line(struct notifier *notifier, struct notification *notification)
{
    size_t len = notification->event_len;
    char *shown = NULL;

    /* Escaped for a terminal, as by output_json_text(). */
    if (text_plain_run(notification->event, len) != len)
        shown = json_shown(notification->event, notification->event_len, &len);
    if (notifier->lines_len + len + 1 > notifier->lines_capacity) {
        notifier->lines_capacity = 2 * (notifier->lines_len + len + 1);
        notifier->lines = xrealloc(notifier->lines, notifier->lines_capacity);
    }
    memcpy(notifier->lines + notifier->lines_len, shown == NULL ? notification->event : shown, len);
    notifier->lines[notifier->lines_len + len] = '\n';
    notifier->lines_len += len + 1;
    notification->line_end = notifier->lines_len;
    free(shown);
}

/* Writes the lines of the turn. Only what was surely written whole counts as told. */
static enum exit_code write_lines(struct notifier *notifier)
{
    enum exit_code code;
    size_t taken;

    notifier->lines_len = 0;
    for (size_t i = 0; i < notifier->turn_count; i++)
        if (notifier->turn[i]->verdict == VERDICT_TELL)
            add_line(notifier, notifier->turn[i]);
    if (notifier->lines_len == 0)
        return EXIT_OK;
    code = output_write(notifier->lines, notifier->lines_len, &taken);
    for (size_t i = 0; i < notifier->turn_count; i++)
        if (notifier->turn[i]->verdict == VERDICT_TELL && notifier->turn[i]->line_end <= taken)
            notifier->turn[i]->outcome = OUTCOME_DONE;
    return code;
}

static void log_told(const struct notification *notification)
{
    log_line("[notify] Order confirmed: %s", notification->order_id);
}

static void put_aside(struct notification *notification)
{
    if (notification->verdict == VERDICT_REPEAT)
        log_line("[notify] repeat ignored: %s", notification->order_id);
    else
        log_line("[notify] unexpected event ignored: %s", notification->fault);
    notification->outcome = OUTCOME_DONE;
}

static enum exit_code handle(struct notifier *notifier, struct notification *notification)
{
    switch (notification->verdict) {
    case VERDICT_REPEAT:
    case VERDICT_OTHER:
        put_aside(notification);
        return EXIT_OK;
    case VERDICT_MALFORMED:
        return notifier_give_up(notifier, notification, notification->fault);
    case VERDICT_SPENT:
        return give_up_spent(notifier, notification);
    default:
        if (notification->outcome == OUTCOME_DONE)
            log_told(notification);
        return EXIT_OK;
    }
}

enum exit_code notifier_tell(struct notifier *notifier)
{
    enum exit_code code = write_lines(notifier);

    for (size_t i = 0; i < notifier->turn_count; i++)
        code = first_failure(code, handle(notifier, notifier->turn[i]));
    /* Before N3: a kill after it would lose the log lines. */
    report_flush();
    return code;
}

struct notification *notifier_own(struct notifier *notifier)
{
    return notifier->turn_count == 1 && notifier->turn[0]->verdict == VERDICT_TELL
               ? notifier->turn[0]
               : NULL;
}

enum exit_code notifier_was_told(struct notifier *notifier, struct notification *notification)
{
    size_t taken;
    enum exit_code code;

    notification->outcome = OUTCOME_DONE;
    notifier->lines_len = 0;
    add_line(notifier, notification);
    code = output_write(notifier->lines, notifier->lines_len, &taken);
    log_told(notification);
    if (code != EXIT_OK)
        report("the customer of order '%s' was told by the command; its line is missing",
               printable_text(notification->order_id));
    report_flush();
    return code;
}
