#include "amqp/queue_probe.h"

#include "amqp/channel.h"
#include "amqp/rabbitmq.h"
#include "amqp/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGUMENTS_MAX 24
#define TEXT_SIZE 256 /* for what the broker can say of one argument */

/* An argument whose value no broker accepts. */
#define POISON "x-queue-leader-locator"

/* An argument of a queue in the broker's words: "x-queue-type", "longstr", "quorum". */
struct argument {
    char name[TEXT_SIZE];
    char type[TEXT_SIZE];
    char value[TEXT_SIZE];
};

/* What is known so far of how the queue was declared. */
struct declaration {
    bool durable;
    bool auto_delete;
    int count;
    struct argument arguments[ARGUMENTS_MAX]; /* the first is the poison */
};

/* Copies text up to end. Returns false if end is NULL or before text, or the text is too long. */
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
 * Reads a reply text: "... inequivalent arg 'NAME' for queue ...: received ... but current is the
 * value 'VALUE' of type 'TYPE'"; or "... is none"; or "... is 'true'" for settings that are no
 * arguments, and for the type from RabbitMQ 4 on. Names and values may hold anything, so that the
 * end is searched for backwards. An argument that the queue does not have is left without type and
 * value. Returns false for any other text.
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

/* Returns false if there was no such argument. */
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

/* Returns false for a type that no argument has. To the broker integers of all sizes are equal. */
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

/* Takes over what the queue has instead. Returns false if that was known already. */
static bool learn(struct declaration *declaration, const struct argument *difference,
                  struct queue_traits *traits)
{
    bool is_true = strcmp(difference->value, "true") == 0;
    /* RabbitMQ 4 says only the value of a queue's type. */
    const char *type = *difference->type != '\0' ? difference->type : "longstr";
    bool *setting = strcmp(difference->name, "durable") == 0       ? &declaration->durable
                    : strcmp(difference->name, "auto_delete") == 0 ? &declaration->auto_delete
                                                                   : NULL;

    if (setting != NULL) {
        bool is_new = *setting != is_true;

        *setting = is_true;
        traits->auto_delete = declaration->auto_delete;
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

/* Begins with what the programs declare, so that their own queues take one round trip. */
static void start_declaration(struct declaration *declaration, const char *queue)
{
    memset(declaration, 0, sizeof *declaration);
    declaration->durable = true;
    (void)add_argument(declaration, POISON, "longstr", "none that there is");
    for (size_t i = 0; i < TOPOLOGY_ALL_COUNT; i++) {
        const struct topology_part *part = &topology_parts[i];

        if (part->kind != TOPOLOGY_QUEUE || part->exchange == NULL ||
            strcmp(part->name, queue) != 0)
            continue;
        (void)add_argument(declaration, "x-dead-letter-exchange", "longstr", part->exchange);
        (void)add_argument(declaration, "x-dead-letter-routing-key", "longstr", part->routing_key);
    }
}

/* When nothing differs any more but POISON. */
static void finish(struct queue_traits *traits, struct connection *connection, bool limit_is_set)
{
    if (traits->type == QUEUE_TYPE_UNKNOWN)
        traits->type = QUEUE_CLASSIC;
    queue_traits_add_default_limit(traits, connection, limit_is_set);
    traits->limit_is_sure = traits->type != QUEUE_QUORUM;
}

/*
 * Declares the queue as it is known so far. *is_same says whether the broker agrees; if not,
 * *refused is set and the code is returned as by channel_refusal().
 */
static enum exit_code ask(struct connection *connection, const char *queue,
                          const struct declaration *declaration, bool *is_same,
                          enum exit_code *refused)
{
    amqp_table_entry_t entries[ARGUMENTS_MAX];
    amqp_table_t table = {.num_entries = declaration->count, .entries = entries};
    bool is_complete = true;

    *is_same = false;
    *refused = EXIT_OK;
    for (int i = 0; i < declaration->count; i++) {
        entries[i].key = amqp_cstring_bytes(declaration->arguments[i].name);
        is_complete = is_complete && set_value(&entries[i].value, &declaration->arguments[i]);
    }
    if (!is_complete)
        return EXIT_OK;
    *is_same = amqp_queue_declare(connection_state(connection), CONNECTION_CHANNEL,
                                  amqp_cstring_bytes(queue), 0, declaration->durable, 0,
                                  declaration->auto_delete, table) != NULL;
    if (!*is_same)
        return channel_refusal(connection, "cannot ask for the queue", refused);
    connection_release(connection);
    return EXIT_OK;
}

enum exit_code queue_probe(struct connection *connection, const char *queue,
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
