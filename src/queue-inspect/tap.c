#include "tap.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tap_add_key(struct tap *tap, const char *key)
{
    for (size_t i = 0; i < tap->key_count; i++)
        if (strcmp(tap->keys[i], key) == 0)
            return;
    tap->keys = xrealloc(tap->keys, (tap->key_count + 1) * sizeof *tap->keys);
    tap->keys[tap->key_count++] = xstrdup(key);
}

void tap_free(struct tap *tap)
{
    for (size_t i = 0; i < tap->key_count; i++)
        free(tap->keys[i]);
    free(tap->keys);
}

static enum exit_code declare_queue(struct connection *connection, char name[CONSUMER_QUEUE_SIZE])
{
    amqp_connection_state_t state = connection_state(connection);
    amqp_table_entry_t entries[] = {
        {.key = amqp_cstring_bytes("x-max-length"),
         .value = {.kind = AMQP_FIELD_KIND_I32, .value = {.i32 = TAP_MAX_MESSAGES}}},
        {.key = amqp_cstring_bytes("x-max-length-bytes"),
         .value = {.kind = AMQP_FIELD_KIND_I32, .value = {.i32 = TAP_MAX_BYTES}}},
    };
    amqp_table_t arguments = {.num_entries = 2, .entries = entries};
    const amqp_queue_declare_ok_t *ok =
        amqp_queue_declare(state, CONNECTION_CHANNEL, amqp_empty_bytes, 0, 0, 1, 1, arguments);

    if (ok == NULL)
        return connection_reply(connection, amqp_get_rpc_reply(state), "cannot declare a queue");
    (void)snprintf(name, CONSUMER_QUEUE_SIZE, "%.*s", (int)ok->queue.len,
                   (const char *)ok->queue.bytes);
    connection_release(connection);
    return EXIT_OK;
}

enum exit_code tap_bind(struct connection *connection, const struct tap *tap, const char *name)
{
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < tap->key_count && code == EXIT_OK; i++) {
        amqp_connection_state_t state = connection_state(connection);

        (void)amqp_queue_bind(state, CONNECTION_CHANNEL, amqp_cstring_bytes(name),
                              amqp_cstring_bytes(tap->exchange), amqp_cstring_bytes(tap->keys[i]),
                              amqp_empty_table);
        code = connection_reply(connection, amqp_get_rpc_reply(state), "cannot bind a queue");
    }
    return code;
}

enum exit_code tap_declare(struct connection *connection, void *tap, char name[CONSUMER_QUEUE_SIZE])
{
    enum exit_code code = declare_queue(connection, name);

    return code == EXIT_OK ? tap_bind(connection, tap, name) : code;
}
