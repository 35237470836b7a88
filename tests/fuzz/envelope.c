/*
 * Envelopes that people or filters wrote: refused with a reason, or a message that is the same once
 * it was published, shown and read again.
 */
#include "message/envelope.h"

#include "amqp/consumer.h"
#include "amqp/rabbitmq.h"
#include "base/text.h"
#include "json/json.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

/* More than there is room for in a frame, which the publisher would refuse. */
#define ROOM ((size_t)1 << 18)

static bool encode(const amqp_basic_properties_t *properties, uint8_t buffer[ROOM],
                   amqp_bytes_t *bytes)
{
    int len;

    *bytes = (amqp_bytes_t){.len = ROOM, .bytes = buffer};
    len = amqp_encode_properties(AMQP_BASIC_CLASS, (void *)(uintptr_t)properties, *bytes);
    bytes->len = len < 0 ? 0 : (size_t)len;
    return len >= 0;
}

static void check_same(amqp_bytes_t a, amqp_bytes_t b)
{
    assert(a.len == b.len && (a.len == 0 || memcmp(a.bytes, b.bytes, a.len) == 0));
}

/* As the message arrives, once it was published. */
static void check_again(const struct envelope *envelope, amqp_pool_t *pool)
{
    static uint8_t before[ROOM];
    static uint8_t after[ROOM];
    struct delivery delivery = {.body = envelope->body, .body_size = envelope->body.len};
    const amqp_basic_properties_t *properties;
    struct envelope again;
    amqp_bytes_t bytes;
    char fault[160];
    cJSON *tree;
    char *text;

    if (!encode(&envelope->properties, before, &delivery.properties))
        return;
    properties = delivery_properties(&delivery, pool);
    assert(properties != NULL);
    tree = envelope_new(&delivery, properties, "a queue");
    text = json_print(tree);
    assert(envelope_read(&again, text, strlen(text), pool, fault));
    assert(encode(&again.properties, after, &bytes));
    check_same(delivery.properties, bytes);
    check_same(envelope->body, again.body);
    envelope_free(&again);
    cJSON_free(text);
    cJSON_Delete(tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct envelope envelope;
    char fault[160] = "";
    amqp_pool_t pool;

    init_amqp_pool(&pool, 4096);
    if (envelope_read(&envelope, (const char *)data, size, &pool, fault)) {
        check_again(&envelope, &pool);
        envelope_free(&envelope);
    } else {
        assert(text_is_printable(fault, strlen(fault), sizeof fault));
    }
    empty_amqp_pool(&pool);
    return 0;
}
