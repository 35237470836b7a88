#include "message/envelope.h"

#include "amqp/bytes.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "json/canonical.h"
#include "json/json.h"
#include "message/base64.h"
#include "message/field.h"
#include "message/integer.h"
#include "message/properties_json.h"

#include <stdlib.h>
#include <string.h>

/* Levels of a body that is shown as JSON: the envelope around it must fit into JSON_MAX_DEPTH. */
#define BODY_MAX_DEPTH 48

/* ---- writing ---- */

static cJSON *time_node(int64_t seconds)
{
    char text[CLOCK_TEXT_SIZE];

    clock_rfc3339(seconds > INT64_MAX / 1000 ? INT64_MAX : seconds * 1000, text);
    return cJSON_CreateString(text);
}

static cJSON *headers_node(const amqp_basic_properties_t *properties)
{
    if (properties == NULL || (properties->_flags & AMQP_BASIC_HEADERS_FLAG) == 0)
        return cJSON_CreateNull();
    return field_table_to_json(&properties->headers);
}

static cJSON *death_node(const struct death *death)
{
    cJSON *object = json_need(cJSON_CreateObject());

    json_add(object, "queue", field_text_to_json(death->queue));
    json_add(object, "reason", field_text_to_json(death->reason));
    json_add(object, "exchange", field_text_to_json(death->exchange));
    json_add(object, "routing_key", field_text_to_json(death->routing_key));
    json_add(object, "count", integer_to_json(death->count));
    if (death->time > 0)
        json_add(object, "time", time_node(death->time));
    return object;
}

static unsigned depth_of(const cJSON *tree)
{
    unsigned deepest = 0;

    for (const cJSON *child = tree->child; child != NULL; child = child->next) {
        unsigned depth = depth_of(child) + 1;

        deepest = depth > deepest ? depth : deepest;
    }
    return deepest;
}

bool envelope_shows(const cJSON *body, unsigned traits)
{
    return json_ambiguity(body, traits) == NULL && depth_of(body) <= BODY_MAX_DEPTH;
}

/* Returns the text itself, without white space: a tree would round its numbers. To be freed. */
static char *shown_json(amqp_bytes_t body, size_t *len)
{
    char *compact = xmemdup_text(body.bytes, body.len);
    char *shown = json_shown(compact, json_compact(compact, body.len), len);

    free(compact);
    return shown;
}

static void add_body(cJSON *envelope, amqp_bytes_t body, bool is_json)
{
    size_t shown_len = 0;
    char *text = is_json ? shown_json(body, &shown_len) : NULL;

    if (text != NULL) {
        bool is_itself = shown_len == body.len && memcmp(text, body.bytes, body.len) == 0;

        json_add(envelope, "body", cJSON_CreateRaw(text));
        free(text);
        if (is_itself)
            return;
    }
    if (text_is_utf8(body.bytes, body.len)) {
        json_add(envelope, "body_text", field_text_to_json(body));
        return;
    }
    text = base64_encode(body);
    json_add(envelope, "body_base64", cJSON_CreateString(text));
    free(text);
}

cJSON *envelope_of(const struct envelope_source *source, const char *queue)
{
    const struct delivery *delivery = source->delivery;
    const amqp_basic_properties_t *properties = source->properties;
    const struct history *history = source->history;
    cJSON *envelope = json_need(cJSON_CreateObject());

    json_add(envelope, "queue", field_text_to_json(amqp_cstring_bytes(queue)));
    json_add(envelope, "exchange", field_text_to_json(delivery->exchange));
    json_add(envelope, "routing_key", field_text_to_json(delivery->routing_key));
    json_add(envelope, "redelivered", cJSON_CreateBool(delivery->redelivered));
    json_add(envelope, "death",
             history->has_death ? death_node(&history->death) : cJSON_CreateNull());
    json_add(envelope, "deaths", integer_to_json(history->deaths));
    json_add(envelope, "replays", integer_to_json(history->replays));
    json_add(envelope, "properties",
             properties != NULL ? properties_to_json(properties) : cJSON_CreateNull());
    json_add(envelope, "headers", headers_node(properties));
    add_body(envelope, delivery->body, source->body_is_json);
    return envelope;
}

cJSON *envelope_new(const struct delivery *delivery, const amqp_basic_properties_t *properties,
                    const char *queue)
{
    struct history history;
    const char *reason;
    cJSON *body = json_parse(delivery->body.bytes, delivery->body.len, &reason);
    struct envelope_source source = {.delivery = delivery,
                                     .properties = properties,
                                     .history = &history,
                                     .body_is_json = body != NULL && envelope_shows(body, 0)};

    cJSON_Delete(body);
    history_read(properties, &history);
    return envelope_of(&source, queue);
}

/* ---- reading ---- */

struct reader {
    struct envelope *envelope;
    amqp_pool_t *pool;
    const char *text;
    size_t len;
    char *fault;
};

/* Reads the name of a queue, exchange or key. *text is NULL if the object has none, or one that is
 * not UTF-8: that can be shown, but not sent to. */
static bool read_name(const struct reader *reader, const cJSON *object, const char *name,
                      const char **text)
{
    *text = json_member_text(object, name);
    return *text == NULL || strlen(*text) <= 255 ||
           fault_say(reader->fault, "%s has more than 255 bytes", name);
}

static bool read_death(const struct reader *reader, const cJSON *death)
{
    struct envelope *envelope = reader->envelope;

    if (death == NULL || cJSON_IsNull(death))
        return true;
    if (!cJSON_IsObject(death))
        return fault_say(reader->fault, "%s is no object", "death");
    if (!read_name(reader, death, "exchange", &envelope->exchange) ||
        !read_name(reader, death, "routing_key", &envelope->routing_key))
        return false;
    if (envelope->exchange == NULL || envelope->routing_key == NULL)
        envelope->exchange = envelope->routing_key = NULL;
    return true;
}

static bool read_properties(const struct reader *reader, const cJSON *properties)
{
    return properties == NULL || properties_from_json(properties, reader->pool,
                                                      &reader->envelope->properties, reader->fault);
}

static bool read_headers(const struct reader *reader, const cJSON *headers)
{
    amqp_basic_properties_t *properties = &reader->envelope->properties;
    const char *fault;

    if (headers == NULL || cJSON_IsNull(headers))
        return true;
    properties->_flags |= AMQP_BASIC_HEADERS_FLAG;
    return field_table_from_json(headers, reader->pool, &properties->headers, &fault) ||
           fault_say(reader->fault, "headers: %s", fault);
}

/* Returns whether text is shown as json, byte for byte. */
static bool is_shown_as(amqp_bytes_t text, amqp_bytes_t json)
{
    unsigned traits;
    size_t at;
    size_t len;
    char *shown;
    bool same;

    if (json_check(text.bytes, text.len, &traits, &at) != NULL)
        return false;
    shown = shown_json(text, &len);
    same = bytes_are(json, shown);
    free(shown);
    return same;
}

/* Reads the body as it stands in the line, but for white space: a tree would round its numbers. */
static bool read_json_body(const struct reader *reader, const char *body_text)
{
    amqp_bytes_t *body = &reader->envelope->body;
    amqp_bytes_t text;
    size_t len;
    const char *raw = json_member_raw(reader->text, reader->len, "body", &len);

    if (raw == NULL)
        return fault_say(reader->fault, "the name of the member %s is written with an escape",
                         "body");
    amqp_pool_alloc_bytes(reader->pool, len + 1, body);
    if (body->bytes == NULL)
        die_no_memory();
    memcpy(body->bytes, raw, len);
    body->len = json_compact(body->bytes, len);
    if (body_text == NULL)
        return true;
    text = amqp_cstring_bytes(body_text);
    if (is_shown_as(text, *body) ||
        json_same(text.bytes, text.len, body->bytes, body->len, NULL, JSON_NUMBERS_AS_WRITTEN))
        *body = text;
    return true;
}

static bool read_body(const struct reader *reader, const cJSON *tree)
{
    const cJSON *text = json_member(tree, "body_text");
    const cJSON *base64 = json_member(tree, "body_base64");
    cJSON *json = cJSON_GetObjectItemCaseSensitive(tree, "body");

    if (base64 != NULL ? json != NULL || text != NULL : json == NULL && text == NULL)
        return fault_say(reader->fault, "there must be one of body, body_text and %s",
                         "body_base64");
    if (text != NULL && !cJSON_IsString(text))
        return fault_say(reader->fault, "%s is no string", "body_text");
    reader->envelope->body_tree = json;
    if (json != NULL)
        return read_json_body(reader, cJSON_GetStringValue(text));
    if (text != NULL) {
        reader->envelope->body = amqp_cstring_bytes(text->valuestring);
        return true;
    }
    return (cJSON_IsString(base64) &&
            base64_decode(base64->valuestring, reader->pool, &reader->envelope->body)) ||
           fault_say(reader->fault, "%s is none", "body_base64");
}

static bool names_are_known(const struct reader *reader, const cJSON *tree)
{
    static const char *const names[] = {
        "queue",      "exchange", "routing_key", "redelivered", "death",       "deaths", "replays",
        "properties", "headers",  "body",        "body_text",   "body_base64", "error",  "handled"};

    for (const cJSON *member = tree->child; member != NULL; member = member->next) {
        size_t i = 0;

        while (i < sizeof names / sizeof names[0] && strcmp(member->string, names[i]) != 0)
            i++;
        if (i == sizeof names / sizeof names[0])
            return fault_say(reader->fault, "no envelope has a member '%s'", member->string);
    }
    return true;
}

static bool read_members(const struct reader *reader, const cJSON *tree)
{
    return names_are_known(reader, tree) &&
           read_name(reader, tree, "queue", &reader->envelope->queue) &&
           read_death(reader, json_member(tree, "death")) &&
           read_properties(reader, json_member(tree, "properties")) &&
           read_headers(reader, json_member(tree, "headers")) && read_body(reader, tree);
}

bool envelope_read(struct envelope *envelope, const char *text, size_t len, amqp_pool_t *pool,
                   char fault[ENVELOPE_FAULT_SIZE])
{
    unsigned traits;
    size_t at;
    const char *reason = json_check(text, len, &traits, &at);

    return reason == NULL ? envelope_read_checked(envelope, text, len, traits, pool, fault)
                          : fault_say(fault, "%s", reason);
}

bool envelope_read_checked(struct envelope *envelope, const char *text, size_t len, unsigned traits,
                           amqp_pool_t *pool, char fault[ENVELOPE_FAULT_SIZE])
{
    const struct reader reader = {
        .envelope = envelope, .pool = pool, .text = text, .len = len, .fault = fault};
    const char *reason;

    memset(envelope, 0, sizeof *envelope);
    envelope->tree = json_parse_scanned(text, len, traits);
    reason = json_ambiguity(envelope->tree, traits);
    if (reason != NULL)
        (void)fault_say(fault, "%s", reason);
    else if (!cJSON_IsObject(envelope->tree))
        (void)fault_say(fault, "%s is no object", "the envelope");
    else if (read_members(&reader, envelope->tree))
        return true;
    envelope_free(envelope);
    return false;
}

void envelope_free(struct envelope *envelope)
{
    cJSON_Delete(envelope->tree);
    envelope->tree = NULL;
}
