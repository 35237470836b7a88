/*
 * Messages with any properties, headers and body: the envelope is strict JSON, from which the same
 * bytes are read again; a marked copy tells the death that it was marked with, and a revived one
 * tells none. The first two bytes say how long the encoded properties are.
 */
#include "amqp/consumer.h"
#include "amqp/rabbitmq.h"
#include "json/json.h"
#include "message/death.h"
#include "message/envelope.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

/* Enough for any headers in an input. */
#define ROOM ((size_t)4 << 20)

/* Those of the properties that there are. */
#define ALL_FLAGS 0xFFFCU

static bool read_death(const amqp_basic_properties_t *properties, struct death *death)
{
    struct history history;

    history_read(properties, &history);
    *death = history.death;
    return history.has_death;
}

/* The bytes of properties, in a buffer that is used again. */
static amqp_bytes_t encoded(const amqp_basic_properties_t *properties, uint8_t buffer[ROOM])
{
    amqp_basic_properties_t known = *properties;
    amqp_bytes_t bytes = {.len = ROOM, .bytes = buffer};
    int len;

    known._flags &= ALL_FLAGS;
    len = amqp_encode_properties(AMQP_BASIC_CLASS, &known, bytes);
    assert(len >= 0);
    bytes.len = (size_t)len;
    return bytes;
}

static void check_same(amqp_bytes_t a, amqp_bytes_t b)
{
    assert(a.len == b.len && (a.len == 0 || memcmp(a.bytes, b.bytes, a.len) == 0));
}

static void check_round_trip(const char *text, const struct delivery *delivery,
                             const amqp_basic_properties_t *properties)
{
    static uint8_t before[ROOM];
    static uint8_t after[ROOM];
    struct envelope envelope;
    amqp_pool_t pool;
    char fault[160];

    init_amqp_pool(&pool, 4096);
    if (envelope_read(&envelope, text, strlen(text), &pool, fault)) {
        check_same(encoded(properties, before), encoded(&envelope.properties, after));
        check_same(delivery->body, envelope.body);
        envelope_free(&envelope);
    } else {
        /* It takes no such message, so that it can have delivered none. */
        assert(strstr(fault, "the broker takes no") != NULL);
    }
    empty_amqp_pool(&pool);
}

static void check_envelope(const struct delivery *delivery,
                           const amqp_basic_properties_t *properties)
{
    cJSON *envelope = envelope_new(delivery, properties, "a queue");
    char *text = json_print(envelope);
    const char *reason;
    cJSON *again = json_parse(text, strlen(text), &reason);

    assert(again != NULL);
    if (properties != NULL)
        check_round_trip(text, delivery, properties);
    cJSON_Delete(again);
    cJSON_free(text);
    cJSON_Delete(envelope);
}

static void check_moves(const amqp_basic_properties_t *properties)
{
    struct death given = {.queue = amqp_cstring_bytes("q"),
                          .reason = amqp_cstring_bytes("because"),
                          .exchange = amqp_cstring_bytes(""),
                          .routing_key = amqp_cstring_bytes("k"),
                          .time = 1};
    amqp_basic_properties_t marked;
    amqp_basic_properties_t revived;
    struct death death;
    amqp_pool_t pool;

    init_amqp_pool(&pool, 4096);
    marked = death_marked(properties, &given, &pool);
    assert(read_death(&marked, &death));
    assert(death.queue.len == 1 && death.exchange.len == 0 && death.routing_key.len == 1 &&
           death.time == 1);
    revived = death_revived(&marked, "a run", &pool);
    assert(!read_death(&revived, &death));
    empty_amqp_pool(&pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct delivery delivery = {0};
    const amqp_basic_properties_t *properties;
    struct death death;
    amqp_pool_t pool;
    size_t head;

    if (size < 2)
        return 0;
    head = (size_t)data[0] << 8 | data[1];
    if (head > size - 2)
        head = size - 2;
    delivery.properties = (amqp_bytes_t){.len = head, .bytes = (void *)(uintptr_t)(data + 2)};
    delivery.body =
        (amqp_bytes_t){.len = size - 2 - head, .bytes = (void *)(uintptr_t)(data + 2 + head)};
    delivery.body_size = delivery.body.len;
    init_amqp_pool(&pool, 4096);
    properties = delivery_properties(&delivery, &pool);
    (void)read_death(properties, &death);
    check_envelope(&delivery, properties);
    if (properties != NULL)
        check_moves(properties);
    empty_amqp_pool(&pool);
    return 0;
}
