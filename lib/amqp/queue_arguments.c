#include "amqp/queue_arguments.h"

#define KNOWS_AT_LEAST_ONCE 310 /* earlier versions refuse a queue with an unknown argument */
#define LIMITS_BY_DEFAULT 400   /* earlier versions refuse a limit below 0 */

static void add_text(amqp_table_t *table, const char *name, const char *value)
{
    table->entries[table->num_entries++] = (amqp_table_entry_t){
        amqp_cstring_bytes(name),
        {.kind = AMQP_FIELD_KIND_UTF8, .value.bytes = amqp_cstring_bytes(value)}};
}

static void add_number(amqp_table_t *table, const char *name, int32_t value)
{
    table->entries[table->num_entries++] = (amqp_table_entry_t){
        amqp_cstring_bytes(name), {.kind = AMQP_FIELD_KIND_I32, .value.i32 = value}};
}

amqp_table_t queue_arguments(const struct connection *connection, const char *exchange,
                             const char *routing_key,
                             amqp_table_entry_t entries[QUEUE_ARGUMENTS_MAX])
{
    amqp_table_t table = {.entries = entries};
    bool is_quorum = connection_options(connection)->quorum;
    int version = connection_broker_version(connection);

    if (exchange != NULL) {
        add_text(&table, "x-dead-letter-exchange", exchange);
        add_text(&table, "x-dead-letter-routing-key", routing_key);
    }
    if (!is_quorum)
        return table;
    add_text(&table, "x-queue-type", "quorum");
    if (exchange != NULL && version >= KNOWS_AT_LEAST_ONCE) {
        add_text(&table, "x-dead-letter-strategy", "at-least-once");
        /* Without it the strategy is ignored. */
        add_text(&table, "x-overflow", "reject-publish");
    }
    if (version >= LIMITS_BY_DEFAULT)
        add_number(&table, "x-delivery-limit", -1);
    return table;
}
