#include "telling.h"

#include "base/clock.h"
#include "message/dead_letter.h"
#include "json/foreign.h"
#include "json/json.h"
#include "amqp/connection.h"
#include "store/notified.h"
#include "base/output.h"
#include "json/output.h"
#include "base/stop.h"
#include "base/text.h"
#include "amqp/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_AGAIN_MS 100         /* whether the claim of another run is settled */
#define REFUSED_MS INT64_C(60000) /* until a dead letter that the broker did not take is tried again */

struct telling {
    struct telling_settings settings;
    struct notified *notices;
    struct notice **waiting; /* for a turn, in the order in which they came or were put back */
    size_t waiting_count;
    struct notice **turn;
    size_t turn_count;
    int64_t claim; /* of the turn; 0 if it has none, or that is settled */
    struct notice **next;
    size_t next_count;
    struct delivery **deliveries; /* to be acknowledged together */
    struct notice *spare;
    char *lines;
    size_t lines_capacity;
    size_t lines_len;
    bool has_failed; /* to record a turn */
    bool some_refused;
};

enum exit_code telling_open(const struct telling_settings *settings, struct telling **out)
{
    struct telling *telling = need_calloc(1, sizeof *telling);
    enum exit_code code = notified_open(settings->max_attempts, &telling->notices);

    *out = NULL;
    telling->settings = *settings;
    telling->waiting = need_calloc(settings->in_hand, sizeof(*telling->waiting));
    telling->turn = need_calloc(settings->together, sizeof(*telling->turn));
    telling->next = need_calloc(settings->together, sizeof(*telling->next));
    telling->deliveries = need_calloc(settings->together, sizeof(*telling->deliveries));
    if (code == EXIT_OK)
        *out = telling;
    else
        telling_close(telling);
    return code;
}

/* ---- notices ---- */

static struct notice *new_notice(struct telling *telling)
{
    struct notice *notice = telling->spare;

    if (notice == NULL)
        return need_calloc(1, sizeof *notice);
    telling->spare = notice->next;
    return notice;
}

/* Its delivery is settled, or stale. */
static void drop(struct telling *telling, struct notice *notice)
{
    free(notice->copy);
    free(notice->fault);
    notice->copy = NULL;
    notice->fault = NULL;
    notice->next = telling->spare;
    telling->spare = notice;
}

static void drop_all(struct telling *telling, struct notice **notices, size_t count)
{
    for (size_t i = 0; i < count; i++)
        drop(telling, notices[i]);
}

void telling_close(struct telling *telling)
{
    if (telling == NULL)
        return;
    drop_all(telling, telling->waiting, telling->waiting_count);
    drop_all(telling, telling->turn, telling->turn_count);
    while (telling->spare != NULL) {
        struct notice *next = telling->spare->next;

        free(telling->spare);
        telling->spare = next;
    }
    free(telling->waiting);
    free(telling->turn);
    free(telling->next);
    free(telling->deliveries);
    free(telling->lines);
    notified_close(telling->notices);
    free(telling);
}

size_t telling_count(const struct telling *telling)
{
    return telling->waiting_count + telling->turn_count;
}

size_t telling_room(const struct telling *telling)
{
    return telling->settings.in_hand - telling_count(telling);
}

size_t telling_refused(const struct telling *telling)
{
    size_t count = 0;

    for (size_t i = 0; telling->some_refused && i < telling->waiting_count; i++)
        count += telling->waiting[i]->is_refused;
    for (size_t i = 0; telling->some_refused && i < telling->turn_count; i++)
        count += telling->turn[i]->is_refused;
    return count;
}

bool telling_is_unsettled(const struct telling *telling)
{
    return telling->turn_count > 0;
}

int telling_wait_ms(const struct telling *telling)
{
    int64_t first = INT64_MAX;
    int64_t left;

    if (telling->waiting_count == 0)
        return -1;
    for (size_t i = 0; i < telling->waiting_count; i++)
        if (telling->waiting[i]->due_ms < first)
            first = telling->waiting[i]->due_ms;
    left = first - clock_monotonic_ms();
    return left > 0 ? (int)left : 0;
}

/* ---- taking in hand ---- */

/*
 * The event as it came, on one line, and without a byte order mark: no line break can stand in a JSON text but between its
 * tokens.
 */
static void keep_event(struct notice *notice)
{
    const amqp_bytes_t body = notice->delivery->body;
    size_t mark = foreign_mark(body.bytes, body.len);

    notice->event = (const char *)body.bytes + mark;
    notice->event_len = body.len - mark;
    if (memchr(body.bytes, '\n', body.len) == NULL && memchr(body.bytes, '\r', body.len) == NULL)
        return;
    notice->copy = need_calloc(notice->event_len + 1, 1);
    memcpy(notice->copy, notice->event, notice->event_len);
    for (char *end = notice->copy; (end = strpbrk(end, "\r\n")) != NULL;)
        *end = ' ';
    notice->event = notice->copy;
}

static void read_event(struct notice *notice)
{
    const amqp_bytes_t body = notice->delivery->body;
    struct order_fault fault;
    struct order order;
    enum event_verdict verdict = event_read(&order, EVENT_RESERVED, body.bytes, body.len, &fault);

    if (verdict != EVENT_SOUND) {
        notice->verdict = verdict == EVENT_MALFORMED ? VERDICT_MALFORMED : VERDICT_OTHER;
        notice->order_id[0] = '\0';
        notice->fault = need_strdup(fault.reason);
        return;
    }
    notice->verdict = VERDICT_TELL;
    memcpy(notice->order_id, order.order_id, strlen(order.order_id) + 1);
    order_free(&order);
    keep_event(notice);
}

/* Deliveries of a connection that is gone come again. */
static void drop_stale(struct telling *telling)
{
    struct consumer *consumer = telling->settings.consumer;
    size_t kept = 0;

    for (size_t i = 0; i < telling->waiting_count; i++) {
        struct notice *notice = telling->waiting[i];

        if (consumer_is_current(consumer, notice->delivery)) {
            telling->waiting[kept++] = notice;
            continue;
        }
        consumer_let_go(consumer, notice->delivery);
        drop(telling, notice);
    }
    telling->waiting_count = kept;
}

void telling_take(struct telling *telling, struct delivery *const batch[], size_t count)
{
    int64_t now = clock_monotonic_ms();

    /* First: what comes again after a lost connection is no repeat of the copy that is held of it. */
    drop_stale(telling);
    for (size_t i = 0; i < count; i++) {
        struct notice *notice = new_notice(telling);

        notice->delivery = batch[i];
        notice->outcome = OUTCOME_OPEN;
        notice->due_ms = now;
        notice->is_claimed = false;
        notice->was_tried = false;
        notice->is_waiting_for_others = false;
        notice->is_refused = false;
        read_event(notice);
        telling->waiting[telling->waiting_count++] = notice;
    }
}

/* ---- turns: on disk ---- */

static bool is_sound(const struct notice *notice)
{
    return notice->order_id[0] != '\0';
}

static bool is_to_be_tried_again(const struct notice *notice)
{
    return notice->outcome == OUTCOME_OPEN && (notice->was_tried || notice->is_claimed);
}

/* Is one in hand that is tried again, later: of that order or, if order_id is NULL, of any? */
static bool is_tried_by_us(const struct telling *telling, const char *order_id)
{
    for (size_t i = 0; i < telling->turn_count; i++)
        if (is_to_be_tried_again(telling->turn[i]) &&
            (order_id == NULL || strcmp(telling->turn[i]->order_id, order_id) == 0))
            return true;
    for (size_t i = 0; i < telling->waiting_count; i++)
        if (is_to_be_tried_again(telling->waiting[i]) &&
            (order_id == NULL || strcmp(telling->waiting[i]->order_id, order_id) == 0))
            return true;
    return false;
}

/* What became of the turn. */
static enum exit_code record(struct telling *telling)
{
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < telling->turn_count && code == EXIT_OK; i++) {
        const struct notice *notice = telling->turn[i];

        if (!notice->is_claimed || notice->outcome == OUTCOME_DONE)
            continue;
        if (notice->outcome == OUTCOME_DEAD)
            code = notified_forget(telling->notices, notice->order_id);
        else
            code = notified_release(telling->notices, notice->order_id, notice->attempts_if_not);
    }
    return code == EXIT_OK ? notified_done(telling->notices, telling->claim) : code;
}

static enum exit_code claim(struct telling *telling, struct notice *notice, int64_t number, int64_t at_ms)
{
    enum standing standing;
    enum exit_code code =
        notified_claim(telling->notices, notice->order_id, number, at_ms, &standing, &notice->attempt);

    switch (standing) {
    case STANDING_CLAIMED:
    case STANDING_IN_DOUBT:
        notice->verdict = VERDICT_TELL;
        notice->is_in_doubt = standing == STANDING_IN_DOUBT;
        notice->attempts_if_not = notice->attempt - 1;
        notice->is_claimed = true;
        break;
    case STANDING_SPENT:
        notice->verdict = VERDICT_SPENT;
        notice->attempts_if_not = notice->attempt;
        notice->is_claimed = true;
        break;
    case STANDING_OTHERS:
        notice->verdict = VERDICT_WAIT;
        break;
    case STANDING_OURS:
    case STANDING_TOLD:
        notice->verdict = VERDICT_REPEAT;
        break;
    }
    return code;
}

/* N1 of the next turn. *number stays 0 if there is nothing to be claimed. */
static enum exit_code claim_next(struct telling *telling, int64_t *number)
{
    int64_t at_ms = clock_utc_ms();
    int64_t made;
    bool some = false;
    bool some_tried = is_tried_by_us(telling, NULL);
    enum exit_code code = notified_new_claim(telling->notices, &made);

    for (size_t i = 0; i < telling->next_count && code == EXIT_OK; i++) {
        struct notice *notice = telling->next[i];

        if (some_tried && is_sound(notice) && !notice->was_tried && is_tried_by_us(telling, notice->order_id))
            notice->verdict = VERDICT_REPEAT;
        else if (is_sound(notice))
            code = claim(telling, notice, made, at_ms);
        some = some || notice->is_claimed;
    }
    if (code == EXIT_OK && some)
        *number = made;
    else if (code == EXIT_OK)
        code = notified_done(telling->notices, made);
    return code;
}

/* N3 of the turn and N1 of the next one. */
static enum exit_code record_and_claim(struct telling *telling)
{
    bool some_sound = false;
    int64_t number = 0;
    enum exit_code code;

    for (size_t i = 0; i < telling->next_count; i++)
        some_sound = some_sound || is_sound(telling->next[i]);
    if (telling->claim == 0 && !some_sound)
        return EXIT_OK;
    code = notified_begin(telling->notices, telling->next_count);
    if (code != EXIT_OK)
        return code;
    if (telling->claim != 0)
        code = record(telling);
    if (code == EXIT_OK && some_sound)
        code = claim_next(telling, &number);
    if (code == EXIT_OK && (telling->claim != 0 || number != 0))
        code = notified_commit(telling->notices);
    else
        code = notified_end_reading(telling->notices, code);
    if (code == EXIT_OK)
        telling->claim = number;
    return code;
}

/* ---- turns: in memory and on the broker ---- */

/* Those that are due, into next. */
static void pick(struct telling *telling)
{
    int64_t now = clock_monotonic_ms();
    size_t kept = 0;

    telling->next_count = 0;
    for (size_t i = 0; i < telling->waiting_count; i++) {
        struct notice *notice = telling->waiting[i];

        if (telling->next_count < telling->settings.together && notice->due_ms <= now)
            telling->next[telling->next_count++] = notice;
        else
            telling->waiting[kept++] = notice;
    }
    telling->waiting_count = kept;
}

static void put_back(struct telling *telling, struct notice *notice)
{
    notice->outcome = OUTCOME_OPEN;
    notice->was_tried = notice->was_tried || notice->is_claimed;
    notice->is_claimed = false;
    telling->waiting[telling->waiting_count++] = notice;
}

/* May all of the turn be acknowledged at once: is it all that is in hand of what came up to its last? */
static bool is_whole(const struct telling *telling)
{
    const struct delivery *last = telling->turn[telling->turn_count - 1]->delivery;
    uint64_t before = 0;

    for (size_t i = 0; i < telling->turn_count; i++) {
        const struct notice *notice = telling->turn[i];

        if (notice->outcome == OUTCOME_OPEN || notice->delivery->tag <= before ||
            notice->delivery->generation != last->generation)
            return false;
        before = notice->delivery->tag;
    }
    for (size_t i = 0; i < telling->waiting_count; i++)
        if (telling->waiting[i]->delivery->tag < last->tag)
            return false;
    for (size_t i = 0; i < telling->next_count; i++)
        if (telling->next[i]->delivery->tag < last->tag)
            return false;
    return true;
}

/* N4. What nothing has become of goes back to those who wait. */
static void acknowledge(struct telling *telling)
{
    struct consumer *consumer = telling->settings.consumer;
    bool whole = telling->turn_count > 1 && is_whole(telling);

    for (size_t i = 0; i < telling->turn_count; i++) {
        struct notice *notice = telling->turn[i];

        if (notice->outcome == OUTCOME_OPEN) {
            put_back(telling, notice);
            continue;
        }
        telling->deliveries[i] = notice->delivery;
        if (!whole)
            consumer_ack(consumer, notice->delivery);
        drop(telling, notice);
    }
    if (whole)
        consumer_ack_batch(consumer, telling->deliveries, telling->turn_count);
    telling->turn_count = 0;
}

static void wait_for_others(struct telling *telling, struct notice *notice)
{
    if (!notice->is_waiting_for_others)
        log_line("[notify] waiting: %s: another worker has claimed it", notice->order_id);
    notice->is_waiting_for_others = true;
    notice->due_ms = clock_monotonic_ms() + LOOK_AGAIN_MS;
    put_back(telling, notice);
}

/* The next turn becomes the present one. */
static void advance(struct telling *telling)
{
    for (size_t i = 0; i < telling->next_count; i++) {
        struct notice *notice = telling->next[i];

        if (notice->verdict == VERDICT_WAIT) {
            wait_for_others(telling, notice);
            continue;
        }
        if (notice->verdict == VERDICT_TELL && notice->is_in_doubt)
            log_line("[notify] in doubt: %s: attempt %d", notice->order_id, notice->attempt);
        telling->turn[telling->turn_count++] = notice;
    }
    telling->next_count = 0;
}

enum exit_code telling_next(struct telling *telling)
{
    enum exit_code code;

    drop_stale(telling);
    pick(telling);
    if (telling->next_count == 0)
        return telling_settle(telling);
    code = record_and_claim(telling);
    if (code == EXIT_OK) {
        acknowledge(telling);
        advance(telling);
    } else {
        for (size_t i = 0; i < telling->next_count; i++) {
            telling->next[i]->is_claimed = false;
            put_back(telling, telling->next[i]);
        }
        telling->next_count = 0;
    }
    notified_checkpoint(telling->notices);
    return code;
}

/* What was told must not be told again because of a lock: whoever holds it will let go. */
static enum exit_code record_at_last(struct telling *telling)
{
    enum exit_code code = record_and_claim(telling);

    while (code != EXIT_OK && notified_is_locked(telling->notices) && !stop_requested()) {
        connection_wait(NULL, -1, 0);
        consumer_service(telling->settings.consumer);
        code = record_and_claim(telling);
    }
    return code;
}

static size_t count_told(const struct telling *telling)
{
    size_t count = 0;

    for (size_t i = 0; i < telling->turn_count; i++)
        if (telling->turn[i]->is_claimed && telling->turn[i]->outcome == OUTCOME_DONE)
            count++;
    return count;
}

enum exit_code telling_settle(struct telling *telling)
{
    enum exit_code code;
    size_t told;

    if (telling->turn_count == 0)
        return EXIT_OK;
    code = telling->has_failed ? EXIT_STORE : record_at_last(telling);
    if (code == EXIT_OK) {
        acknowledge(telling);
        notified_checkpoint(telling->notices);
        return EXIT_OK;
    }
    told = count_told(telling);
    if (!telling->has_failed && told > 0)
        report("%zu customer%s told, and that could not be recorded: the next run will tell them again", told,
               told == 1 ? " was" : "s were");
    telling->has_failed = true;
    return code;
}

/* ---- dead letters ---- */

/* A queue that has no dead letter exchange would drop what is rejected. */
static enum exit_code move_to_dead_letters(struct telling *telling, const struct delivery *delivery,
                                           const char *reason)
{
    struct publisher *publisher = telling->settings.publisher;
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
    properties = dead_letter_marked(given == NULL ? &none : given, &death, &pool);
    code = publisher_send(publisher, &message, 0);
    empty_amqp_pool(&pool);
    if (code == EXIT_OK)
        code = publisher_settle(publisher);
    if (code != EXIT_OK)
        return code;
    if (publisher_next(publisher, &cookie, &fate) && fate == PUBLISH_CONFIRMED)
        return EXIT_OK;
    report("cannot move a message to '%s': %s", DEAD_LETTER_QUEUE, publisher_reason(publisher));
    return EXIT_REFUSED;
}

enum exit_code telling_give_up(struct telling *telling, struct notice *notice, const char *reason)
{
    enum exit_code code = move_to_dead_letters(telling, notice->delivery, reason);

    notice->is_refused = code == EXIT_REFUSED;
    if (notice->is_refused) {
        telling->some_refused = true;
        notice->due_ms = clock_monotonic_ms() + REFUSED_MS;
        return EXIT_OK;
    }
    if (code != EXIT_OK)
        return code;
    notice->outcome = OUTCOME_DEAD;
    if (is_sound(notice))
        log_line("[notify] moved to %s: %s: %s", DEAD_LETTER_QUEUE, notice->order_id, reason);
    else
        log_line("[notify] moved to %s: %s", DEAD_LETTER_QUEUE, reason);
    return EXIT_OK;
}

static enum exit_code give_up_spent(struct telling *telling, struct notice *notice)
{
    char reason[128];

    (void)snprintf(reason, sizeof reason,
                   "%d attempts to tell the customer were begun, and none is known to have succeeded",
                   notice->attempt);
    return telling_give_up(telling, notice, reason);
}

/* ---- telling ---- */

static void add_line(struct telling *telling, struct notice *notice)
{
    size_t len = notice->event_len;
    char *shown = NULL;

    /* For a terminal, as output_json_text() does. */
    if (text_plain_run(notice->event, len) != len)
        shown = json_shown(notice->event, notice->event_len, &len);
    if (telling->lines_len + len + 1 > telling->lines_capacity) {
        telling->lines_capacity = 2 * (telling->lines_len + len + 1);
        telling->lines = need_realloc(telling->lines, telling->lines_capacity);
    }
    memcpy(telling->lines + telling->lines_len, shown == NULL ? notice->event : shown, len);
    telling->lines[telling->lines_len + len] = '\n';
    telling->lines_len += len + 1;
    notice->line_end = telling->lines_len;
    free(shown);
}

/* A line that was not written whole, or not surely, is not told. */
static enum exit_code write_lines(struct telling *telling)
{
    enum exit_code code;
    size_t taken;

    telling->lines_len = 0;
    for (size_t i = 0; i < telling->turn_count; i++)
        if (telling->turn[i]->verdict == VERDICT_TELL)
            add_line(telling, telling->turn[i]);
    if (telling->lines_len == 0)
        return EXIT_OK;
    code = output_write(telling->lines, telling->lines_len, &taken);
    for (size_t i = 0; i < telling->turn_count; i++)
        if (telling->turn[i]->verdict == VERDICT_TELL && telling->turn[i]->line_end <= taken)
            telling->turn[i]->outcome = OUTCOME_DONE;
    return code;
}

static void log_told(const struct notice *notice)
{
    log_line("[notify] Order confirmed: %s", notice->order_id);
}

static void put_aside(struct notice *notice)
{
    if (notice->verdict == VERDICT_REPEAT)
        log_line("[notify] repeat ignored: %s", notice->order_id);
    else
        log_line("[notify] unexpected event ignored: %s", notice->fault);
    notice->outcome = OUTCOME_DONE;
}

static enum exit_code handle(struct telling *telling, struct notice *notice)
{
    switch (notice->verdict) {
    case VERDICT_REPEAT:
    case VERDICT_OTHER:
        put_aside(notice);
        return EXIT_OK;
    case VERDICT_MALFORMED:
        return telling_give_up(telling, notice, notice->fault);
    case VERDICT_SPENT:
        return give_up_spent(telling, notice);
    default:
        if (notice->outcome == OUTCOME_DONE)
            log_told(notice);
        return EXIT_OK;
    }
}

enum exit_code telling_tell(struct telling *telling)
{
    enum exit_code code = write_lines(telling);

    for (size_t i = 0; i < telling->turn_count; i++) {
        enum exit_code of_notice = handle(telling, telling->turn[i]);

        if (code == EXIT_OK)
            code = of_notice;
    }
    /* Before N3: after it, a kill would lose what is said of those who were told. */
    report_flush();
    return code;
}

struct notice *telling_own(struct telling *telling)
{
    return telling->turn_count == 1 && telling->turn[0]->verdict == VERDICT_TELL ? telling->turn[0] : NULL;
}

enum exit_code telling_was_told(struct telling *telling, struct notice *notice)
{
    size_t taken;
    enum exit_code code;

    notice->outcome = OUTCOME_DONE;
    telling->lines_len = 0;
    add_line(telling, notice);
    code = output_write(telling->lines, telling->lines_len, &taken);
    log_told(notice);
    if (code != EXIT_OK)
        report("the customer of order '%s' was told by the command; its line is missing",
               printable_text(notice->order_id));
    report_flush();
    return code;
}
