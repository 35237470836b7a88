#include "story.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/uuid.h"
#include "engine/open.h"
#include "json/json.h"
#include "json/output.h"
#include "json/walk.h"
#include "json/writer.h"
#include "order/order.h"
#include "store/ledger.h"
#include "store/mover.h"
#include "store/notified.h"
#include "store/order_line.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOT_AT_HAND "\"not at hand\""

static struct ledger *ledger;
static struct mover *notified; /* reads, and moves nothing, as this does: */
static struct mover *stored;
static const char *audit_path;

/* A story while it is told. */
struct story {
    struct json_writer line;
    const char *order_id;
    int64_t key;   /* in the order store; 0 if it is not there */
    bool is_known; /* by anybody */
};

void story_open(const char *audit)
{
    audit_path = audit;
    (void)engine_open_ledger(NULL, LEDGER_READ, NULL, &ledger);
    (void)engine_open_mover(MOVED_NOTIFIED, NULL, MOVER_SOURCE, &notified);
    (void)engine_open_mover(MOVED_ORDERS, NULL, MOVER_SOURCE, &stored);
}

void story_close(void)
{
    if (ledger != NULL)
        ledger->operations->close(ledger);
    if (notified != NULL)
        notified->operations->close(notified);
    if (stored != NULL)
        stored->operations->close(stored);
}

static void add_time(struct story *story, const char *start, int64_t ms)
{
    char text[CLOCK_TEXT_SIZE];

    clock_rfc3339(ms, text);
    json_writer_member(&story->line, start, text);
}

/* ---- the store ---- */

static bool add_order(void *context, size_t index, const struct stored_order *order)
{
    struct story *story = context;
    char *text;

    (void)index;
    if (order == NULL) {
        json_writer_raw(&story->line, "null");
        return true;
    }
    text = xmalloc(order_line_size(order));
    json_writer_bytes(&story->line, text, order_line(order, text));
    free(text);
    story->key = order->key;
    story->is_known = true;
    return true;
}

static enum exit_code tell_stored(struct story *story, struct orders *orders)
{
    unsigned char id[1][UUID_BYTES];

    json_writer_raw(&story->line, ", \"order\": ");
    if (uuid_from_text(story->order_id, id[0]))
        return orders->operations->find(orders, (const unsigned char(*)[UUID_BYTES])id, 1,
                                        add_order, story);
    json_writer_raw(&story->line, "null");
    return EXIT_OK;
}

/* ---- the cancellation ---- */

#define CANCELLATIONS 2 /* the part of MOVED_ORDERS */

static void add_cancellation(struct story *story, const struct moved_page *page)
{
    add_time(story, "{\"asked_at\": ", moved_page_value(page, 0, 1).number);
    json_writer_member(&story->line, ", \"reason\": ", moved_page_value(page, 0, 2).bytes);
    json_writer_raw(&story->line, ", \"published\": ");
    json_writer_raw(&story->line, moved_page_value(page, 0, 3).number == 0 ? "true" : "false");
    json_writer_raw(&story->line, "}");
}

static enum exit_code tell_cancelled(struct story *story)
{
    struct moved_page after = {.rows = 0};
    struct moved_page page = {.rows = 0};
    enum exit_code code;

    json_writer_raw(&story->line, ", \"cancellation\": ");
    if (stored == NULL) {
        json_writer_raw(&story->line, NOT_AT_HAND);
        return EXIT_OK;
    }
    moved_page_start(&after, &moved_parts(MOVED_ORDERS)->all[CANCELLATIONS]);
    moved_page_add_row(&after);
    moved_page_number(&after, 0, story->key - 1);
    code = stored->operations->read(stored, CANCELLATIONS, &after, 1, &page);
    if (code == EXIT_OK && page.rows == 1 && moved_page_value(&page, 0, 0).number == story->key)
        add_cancellation(story, &page);
    else
        json_writer_raw(&story->line, "null");
    moved_page_free(&after);
    moved_page_free(&page);
    return code;
}

/* ---- the notified customers ---- */

/* No character is greater; and more of them than fit into an order_id. */
#define GREATEST "\xF4\x8F\xBF\xBF"
#define GREATEST_COUNT (ORDER_MAX_ID / (sizeof GREATEST - 1) + 1)

/* Writes the character before point, which is not 0, as UTF-8. Returns its length. */
static size_t put_before(char *to, uint32_t point)
{
    uint32_t before = point == 0xE000 ? 0xD7FF : point - 1; /* between them are no characters */
    size_t len = before < 0x80 ? 1 : before < 0x800 ? 2 : before < 0x10000 ? 3 : 4;

    for (size_t i = len - 1; i > 0; i--, before >>= 6)
        to[i] = (char)(0x80 | (before & 0x3F));
    to[0] = (char)(len == 1 ? before : (0xF00U >> len & 0xFF) | before);
    return len;
}

/* Writes the key after which the keys of an order begin: less than each of them, and not less than
 * any before them. It is UTF-8, which a database insists on. */
static void key_before(const char *order_id, struct moved_page *after)
{
    char key[ORDER_MAX_ID + GREATEST_COUNT * (sizeof GREATEST - 1)];
    size_t len = strlen(order_id);
    uint32_t last = 0;
    size_t at = len - 1;

    while (utf8_decode(order_id + at, len - at, &last) == 0)
        at--;
    memcpy(key, order_id, at);
    at += put_before(key + at, last);
    for (size_t i = 0; i < GREATEST_COUNT; i++, at += sizeof GREATEST - 1)
        memcpy(key + at, GREATEST, sizeof GREATEST - 1);
    moved_page_start(after, &moved_parts(MOVED_NOTIFIED)->all[0]);
    moved_page_add_row(after);
    moved_page_bytes(after, 0, key, at);
}

static const char *const kinds[] = {[NOTIFIED_RESERVED] = "reserved",
                                    [NOTIFIED_FAILED] = "failed",
                                    [NOTIFIED_RELEASED] = "released"};

/* Adds the row of page that has this kind, if there is one. Returns whether it has added any. */
static bool add_notified(struct story *story, const struct moved_page *page, size_t kind,
                         bool is_first)
{
    static const char *const standings[] = {
        [MOVED_TOLD] = "TOLD", [MOVED_FREE] = "TO_BE_TOLD", [MOVED_IN_DOUBT] = "IN_DOUBT"};
    char key[NOTIFIED_KEY_SIZE];

    notified_key(key, story->order_id, (enum notified_kind)kind);
    for (size_t row = 0; row < page->rows; row++) {
        int64_t standing = moved_page_value(page, row, 3).number;

        if (strcmp(moved_page_value(page, row, 0).bytes, key) != 0)
            continue;
        json_writer_member(&story->line, is_first ? "" : ", ", kinds[kind]);
        json_writer_member(&story->line, ": {\"status\": ", standings[standing]);
        json_writer_raw(&story->line, ", \"attempts\": ");
        json_writer_number(&story->line, (unsigned)moved_page_value(page, row, 2).number);
        add_time(story, ", \"at\": ", moved_page_value(page, row, 1).number);
        json_writer_raw(&story->line, "}");
        return true;
    }
    return false;
}

static enum exit_code tell_notified(struct story *story)
{
    struct moved_page after = {.rows = 0};
    struct moved_page page = {.rows = 0};
    enum exit_code code;
    bool some = false;

    json_writer_raw(&story->line, ", \"notified\": ");
    if (notified == NULL) {
        json_writer_raw(&story->line, NOT_AT_HAND);
        return EXIT_OK;
    }
    key_before(story->order_id, &after);
    code = notified->operations->read(notified, 0, &after, sizeof kinds / sizeof kinds[0], &page);
    json_writer_raw(&story->line, "{");
    for (size_t kind = 0; kind < sizeof kinds / sizeof kinds[0] && code == EXIT_OK; kind++)
        some = add_notified(story, &page, kind, !some) || some;
    json_writer_raw(&story->line, "}");
    story->is_known = story->is_known || some;
    moved_page_free(&after);
    moved_page_free(&page);
    return code;
}

/* ---- the audit ---- */

static bool is_about(const struct story *story, const char *line, size_t len)
{
    struct json_field order_id = {.name = "order_id"};
    unsigned traits;
    size_t at;
    char *text;
    bool is_same;

    if (*line != '{' || json_check(line, len, &traits, &at) != NULL)
        return false;
    (void)json_walk_object(line, &order_id, 1);
    if (order_id.value == NULL || *order_id.value != '"')
        return false;
    text = xmalloc((size_t)(json_walk_past(order_id.value) - order_id.value) + 1);
    (void)json_walk_text(order_id.value, text);
    is_same = strcmp(text, story->order_id) == 0;
    free(text);
    return is_same;
}

static enum exit_code read_audit(struct story *story, FILE *file)
{
    const char *start = "";
    char *line = NULL;
    size_t size = 0;
    ssize_t len;

    while ((len = getline(&line, &size, file)) > 0) {
        len -= line[len - 1] == '\n';
        if (!is_about(story, line, (size_t)len))
            continue;
        json_writer_raw(&story->line, start);
        json_writer_bytes(&story->line, line, (size_t)len);
        start = ", ";
        story->is_known = true;
    }
    free(line);
    if (!ferror(file))
        return EXIT_OK;
    report_errno("cannot read '%s'", printable_text(audit_path));
    return EXIT_INPUT;
}

static enum exit_code tell_dead_letters(struct story *story)
{
    enum exit_code code;
    FILE *file;

    json_writer_raw(&story->line, ", \"dead_letters\": ");
    if (audit_path == NULL) {
        json_writer_raw(&story->line, NOT_AT_HAND);
        return EXIT_OK;
    }
    file = fopen(audit_path, "re");
    if (file == NULL) {
        report_errno("cannot open '%s'", printable_text(audit_path));
        return EXIT_INPUT;
    }
    json_writer_raw(&story->line, "[");
    code = read_audit(story, file);
    json_writer_raw(&story->line, "]");
    (void)fclose(file);
    return code;
}

/* ---- the ledger ---- */

static void add_decision(struct story *story, const struct ledger_found *found)
{
    static const char *const names[] = {[LEDGER_RESERVED] = "RESERVED",
                                        [LEDGER_FAILED] = "FAILED",
                                        [LEDGER_RELEASED] = "RELEASED",
                                        [LEDGER_HANDED_OVER] = "HANDED_OVER",
                                        [LEDGER_CANCELLED] = "CANCELLED"};

    json_writer_member(&story->line, "{\"outcome\": ", names[found->outcome]);
    if (found->decided_ms != 0)
        add_time(story, ", \"decided_at\": ", found->decided_ms);
    if (found->ended_ms != 0)
        add_time(story, ", \"ended_at\": ", found->ended_ms);
    json_writer_raw(&story->line, "}");
    story->is_known = true;
}

static enum exit_code tell_decided(struct story *story)
{
    struct ledger_found found = {.outcome = LEDGER_UNKNOWN};
    enum exit_code code;

    json_writer_raw(&story->line, ", \"inventory\": ");
    if (ledger == NULL) {
        json_writer_raw(&story->line, NOT_AT_HAND);
        return EXIT_OK;
    }
    code = ledger->operations->find(ledger, &story->order_id, &found, 1);
    if (found.outcome == LEDGER_UNKNOWN)
        json_writer_raw(&story->line, "null");
    else
        add_decision(story, &found);
    return code;
}

/* ---- all ---- */

enum exit_code story_print(struct orders *orders, const char *order_id)
{
    struct story story = {.order_id = order_id};
    enum exit_code code;
    char *line;

    if (!text_is_printable(order_id, strlen(order_id), ORDER_MAX_ID))
        return EXIT_NO;
    json_writer_start(&story.line);
    json_writer_member(&story.line, "{\"order_id\": ", order_id);
    code = tell_stored(&story, orders);
    if (code == EXIT_OK)
        code = tell_cancelled(&story);
    if (code == EXIT_OK)
        code = tell_decided(&story);
    if (code == EXIT_OK)
        code = tell_notified(&story);
    if (code == EXIT_OK)
        code = tell_dead_letters(&story);
    json_writer_raw(&story.line, "}");
    line = json_writer_end(&story.line);
    if (code == EXIT_OK)
        code = story.is_known ? output_json_text(line, strlen(line)) : EXIT_NO;
    free(line);
    return code;
}
