#include "amqp/queue_traits.h"

#include "amqp/bytes.h"
#include "amqp/channel.h"
#include "amqp/queue.h"
#include "amqp/topology.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGUMENTS_MAX 24
#define TEXT_SIZE 256 /* of what the broker can say of one argument */

/* An argument that no broker takes, so that nothing is ever declared. */
#define POISON "x-queue-leader-locator"

/* From this major version on a quorum queue has a delivery limit if nobody sets one. */
#define LIMITS_BY_DEFAULT 4

void queue_traits_set_type(struct queue_traits *traits, const char *type)
{
    if (strcmp(type, "quorum") == 0)
        traits->type = QUEUE_QUORUM;
    else if (strcmp(type, "stream") == 0)
        traits->type = QUEUE_STREAM;
    else if (strcmp(type, "classic") == 0)
        traits->type = QUEUE_CLASSIC;
}

/* The first number of the broker's version; 0 if it does not say. */
static int major_version(struct connection *connection)
{
    const amqp_table_t *properties = amqp_get_server_properties(connection_state(connection));

    for (int i = 0; i < properties->num_entries; i++) {
        const amqp_table_entry_t *each = &properties->entries[i];
        char text[16];

        if (each->value.kind != AMQP_FIELD_KIND_UTF8 || !bytes_are(each->key, "version"))
            continue;
        (void)snprintf(text, sizeof text, "%.*s", (int)each->value.value.bytes.len,
                       (const char *)each->value.value.bytes.bytes);
        return atoi(text);
    }
    return 0;
}

bool queue_has_default_limit(int major_version)
{
    return major_version >= LIMITS_BY_DEFAULT;
}

void queue_traits_add_default_limit(struct queue_traits *traits, struct connection *connection,
                                    bool is_said)
{
    if (traits->type == QUEUE_QUORUM && !is_said &&
        queue_has_default_limit(major_version(connection)))
        traits->limit = QUEUE_DEFAULT_LIMIT;
}

/* An argument of a queue, as the broker says it: "x-queue-type", "longstr", "quorum". */
struct argument {
    char name[TEXT_SIZE];
    char type[TEXT_SIZE];
    char value[TEXT_SIZE];
};

/* What is known of the queue's declaration so far. */
struct declaration {
    bool durable;
    bool auto_delete;
    int count;
    struct argument arguments[ARGUMENTS_MAX]; /* the first is the poison */
};

/* Copies text up to end; false if that is NULL, before text, or too far away. */
static bool copy_up_to(char copy[TEXT_SIZE], const char *text, const char *end)
{
    if (end == NULL || end < text || end - text >= TEXT_SIZE)
        return false;
    (void)snprintf(copy, TEXT_SIZE, "%.*s", (int)(end - text), text);
    return true;
}

static const char *after_last(const char *text, const char *words)
{
    const char *found = NULL;

    for (const char *at = strstr(text, words); at != NULL; at = strstr(at + 1, words))
        found = at + strlen(words);
    return found;
}

/*
 * "... inequivalent arg 'NAME' for queue ...: received ... but current is the value 'VALUE' of type
 * 'TYPE'", or "... is none", or for what is no argument, and from RabbitMQ 4 on for the type, "...
 * is 'true'". Names and values may hold anything, so the end is read backwards. What the queue has
 * not got is left without a type and a value.
 */
static bool read_difference(const char *text, struct argument *difference)
{
    static const char opening[] = "inequivalent arg '";
    const char *name = strstr(text, opening);
    const char *current = after_last(text, " but current is ");
    const char *type;

    memset(difference, 0, sizeof *difference);
    if (name == NULL || current == NULL)
        return false;
    name += sizeof opening - 1;
    if (!copy_up_to(difference->name, name, strchr(name, '\'')))
        return false;
    if (strcmp(current, "none") == 0)
        return true;
    if (*current == '\'')
        return copy_up_to(difference->value, current + 1, strchr(current + 1, '\''));
    type = after_last(current, "' of type '");
    return strncmp(current, "the value '", strlen("the value '")) == 0 && type != NULL &&
           copy_up_to(difference->type, type, strchr(type, '\'')) &&
           copy_up_to(difference->value, current + strlen("the value '"),
                      type - strlen("' of type '"));
}

static bool has_argument(const struct declaration *declaration, const char *name)
{
    for (int i = 0; i < declaration->count; i++)
        if (strcmp(declaration->arguments[i].name, name) == 0)
            return true;
    return false;
}

static bool add_argument(struct declaration *declaration, const char *name, const char *type,
                         const char *value)
{
    struct argument *argument = &declaration->arguments[declaration->count];

    if (declaration->count == ARGUMENTS_MAX || has_argument(declaration, name))
        return false;
    (void)snprintf(argument->name, TEXT_SIZE, "%s", name);
    (void)snprintf(argument->type, TEXT_SIZE, "%s", type);
    (void)snprintf(argument->value, TEXT_SIZE, "%s", value);
    declaration->count++;
    return true;
}

/* False if it had no such argument. */
static bool drop_argument(struct declaration *declaration, const char *name)
{
    for (int i = 0; i < declaration->count; i++) {
        if (strcmp(declaration->arguments[i].name, name) == 0) {
            declaration->arguments[i] = declaration->arguments[--declaration->count];
            return true;
        }
    }
    return false;
}

/* False for a type that is none of those that queues have. Integers are the same to the broker
 * whatever their size. */
static bool set_value(amqp_field_value_t *field, const struct argument *argument)
{
    static const char *const integers[] = {"byte", "short", "signedint", "long"};

    if (strcmp(argument->type, "longstr") == 0) {
        field->kind = AMQP_FIELD_KIND_UTF8;
        field->value.bytes = amqp_cstring_bytes(argument->value);
        return true;
    }
    if (strcmp(argument->type, "bool") == 0) {
        field->kind = AMQP_FIELD_KIND_BOOLEAN;
        field->value.boolean = strcmp(argument->value, "true") == 0;
        return true;
    }
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++) {
        if (strcmp(argument->type, integers[i]) == 0) {
            field->kind = AMQP_FIELD_KIND_I64;
            field->value.i64 = strtoll(argument->value, NULL, 10);
            return true;
        }
    }
    return false;
}

/* False if nothing is learned by it. */
static bool learn(struct declaration *declaration, const struct argument *difference,
                  struct queue_traits *traits)
{
    bool is_true = strcmp(difference->value, "true") == 0;
    /* RabbitMQ 4 says only the value of a queue's type. */
    const char *type = *difference->type != '\0' ? difference->type : "longstr";
    bool is_new;

    if (strcmp(difference->name, "durable") == 0) {
        is_new = declaration->durable != is_true;
        declaration->durable = is_true;
        return is_new;
    }
    if (strcmp(difference->name, "auto_delete") == 0) {
        is_new = declaration->auto_delete != is_true;
        declaration->auto_delete = is_true;
        traits->auto_delete = is_true;
        return is_new;
    }
    if (!add_argument(declaration, difference->name, type, difference->value))
        return false;
    if (strcmp(difference->name, "x-queue-type") == 0)
        queue_traits_set_type(traits, difference->value);
    else if (strcmp(difference->name, "x-single-active-consumer") == 0)
        traits->single_active = is_true;
    else if (strcmp(difference->name, "x-delivery-limit") == 0)
        traits->limit = strtol(difference->value, NULL, 10);
    return true;
}

/* Starts from what the programs declare, so that their own queues cost one question. */
static void start_declaration(struct declaration *declaration, const char *queue)
{
    memset(declaration, 0, sizeof *declaration);
    declaration->durable = true;
    (void)add_argument(declaration, POISON, "longstr", "none that there is");
    for (size_t i = 0; i < TOPOLOGY_PART_COUNT; i++) {
        const struct topology_part *part = &topology_parts[i];

        if (part->kind != TOPOLOGY_QUEUE || part->exchange == NULL ||
            strcmp(part->name, queue) != 0)
            continue;
        (void)add_argument(declaration, "x-dead-letter-exchange", "longstr", part->exchange);
        (void)add_argument(declaration, "x-dead-letter-routing-key", "longstr", part->routing_key);
    }
}

/* All is known that matters: nothing differs any more, or only what is meant to. */
static void finish(struct queue_traits *traits, struct connection *connection, bool limit_is_said)
{
    if (traits->type == QUEUE_TYPE_UNKNOWN)
        traits->type = QUEUE_CLASSIC;
    queue_traits_add_default_limit(traits, connection, limit_is_said);
    traits->limit_is_sure = traits->type != QUEUE_QUORUM;
}

/* Declares the queue as far as it is known. *is_same if it is so; otherwise as channel_refusal().
 */
static enum exit_code ask(struct connection *connection, const char *queue,
                          const struct declaration *declaration, bool *is_same,
                          enum exit_code *refused)
{
    amqp_table_entry_t entries[ARGUMENTS_MAX];
    amqp_table_t table = {.num_entries = declaration->count, .entries = entries};
    bool is_sayable = true;

    *is_same = false;
    *refused = EXIT_OK;
    for (int i = 0; i < declaration->count; i++) {
        entries[i].key = amqp_cstring_bytes(declaration->arguments[i].name);
        is_sayable = is_sayable && set_value(&entries[i].value, &declaration->arguments[i]);
    }
    if (!is_sayable)
        return EXIT_OK;
    *is_same = amqp_queue_declare(connection_state(connection), CONNECTION_CHANNEL,
                                  amqp_cstring_bytes(queue), 0, declaration->durable, 0,
                                  declaration->auto_delete, table) != NULL;
    if (!*is_same)
        return channel_refusal(connection, "cannot ask for the queue", refused);
    connection_release(connection);
    return EXIT_OK;
}

static enum exit_code probe(struct connection *connection, const char *queue,
                            struct queue_traits *traits)
{
    struct declaration declaration;
    struct argument difference;
    bool learns = true;

    start_declaration(&declaration, queue);
    while (learns && traits->type != QUEUE_STREAM) {
        enum exit_code refused;
        bool is_same;
        enum exit_code code = ask(connection, queue, &declaration, &is_same, &refused);

        if (code != EXIT_OK)
            return code;
        learns =
            refused == EXIT_TOPOLOGY && read_difference(connection_reason(connection), &difference);
        if (is_same || (learns && strcmp(difference.name, POISON) == 0)) {
            finish(traits, connection, has_argument(&declaration, "x-delivery-limit"));
            return EXIT_OK;
        }
        if (learns && *difference.type == '\0' && *difference.value == '\0')
            learns = drop_argument(&declaration, difference.name);
        else if (learns)
            learns = learn(&declaration, &difference, traits);
    }
    return EXIT_OK;
}

enum exit_code queue_traits_read_depth(struct connection *connection, const char *queue,
                                       struct queue_traits *traits)
{
    struct queue_depth depth;
    enum exit_code code = queue_look(connection, queue, &depth);

    *traits = (struct queue_traits){.limit = QUEUE_NO_LIMIT, .presumed = QUEUE_NO_LIMIT};
    if (code != EXIT_OK)
        return code;
    traits->exists = depth.exists;
    traits->ready = depth.ready;
    traits->consumers = depth.consumers;
    if (depth.refused != EXIT_OK)
        report("'%s': %s", printable_text(queue), connection_reason(connection));
    return depth.refused;
}

enum exit_code queue_traits_read(struct connection *connection, const char *queue,
                                 struct queue_traits *traits)
{
    enum exit_code code = queue_traits_read_depth(connection, queue, traits);

    if (code == EXIT_OK && traits->exists)
        code = probe(connection, queue, traits);
    if (code == EXIT_OK && traits->type == QUEUE_TYPE_UNKNOWN &&
        queue_has_default_limit(major_version(connection)))
        traits->presumed = QUEUE_DEFAULT_LIMIT;
    return code;
}

long queue_traits_limit(const struct queue_traits *traits)
{
    return traits->limit >= 0 ? traits->limit : traits->presumed;
}

enum exit_code queue_traits_permit(const struct queue_traits *traits, const char *queue,
                                   enum queue_access way, bool force)
{
    const char *name = printable_text(queue);

    if (way == QUEUE_BY_CONSUMING && traits->type == QUEUE_STREAM) {
        report("queue '%s' is a stream: queue-inspect --peek shows what is in it", name);
        return EXIT_TOPOLOGY;
    }
    if (way == QUEUE_BY_CONSUMING && traits->auto_delete && traits->consumers == 0 && !force) {
        report("queue '%s' is auto-delete: it would go, with all that is left in it, when %s "
               "leaves it; "
               "queue-inspect --peek looks without that, --force does it nevertheless",
               name, report_name());
        return EXIT_TOPOLOGY;
    }
    if (traits->delays && !force) {
        report("queue '%s' delays what comes back: a message that is looked at would be out of "
               "everybody's "
               "reach for "
               "a while; --force looks nevertheless",
               name);
        return EXIT_TOPOLOGY;
    }
    if (traits->limit >= 0 && !force) {
        report("queue '%s' has a delivery limit of %ld, and each look at a message counts as a "
               "delivery: "
               "after %ld the next removes it; --force looks nevertheless",
               name, traits->limit, traits->limit);
        return EXIT_TOPOLOGY;
    }
    return force ? EXIT_OK : traits->limit_fault;
}
