#include "amqp/queue_traits.h"

#include "amqp/queue.h"
#include "amqp/queue_probe.h"
#include "base/text.h"

#include <string.h>

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

bool queue_has_default_limit(int major_version)
{
    return major_version >= LIMITS_BY_DEFAULT;
}

static bool has_default_limit(const struct connection *connection)
{
    return queue_has_default_limit(connection_broker_version(connection) / 100);
}

void queue_traits_add_default_limit(struct queue_traits *traits, struct connection *connection,
                                    bool is_set)
{
    if (traits->type == QUEUE_QUORUM && !is_set && has_default_limit(connection))
        traits->limit = QUEUE_DEFAULT_LIMIT;
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
        code = queue_probe(connection, queue, traits);
    if (code == EXIT_OK && traits->type == QUEUE_TYPE_UNKNOWN && has_default_limit(connection))
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
               "leaves it; queue-inspect --peek looks without that, --force does it nevertheless",
               name, report_name());
        return EXIT_TOPOLOGY;
    }
    if (traits->delays && !force) {
        report("queue '%s' delays what comes back: a message that is looked at would be out of "
               "everybody's reach for a while; --force looks nevertheless",
               name);
        return EXIT_TOPOLOGY;
    }
    if (traits->limit >= 0 && !force) {
        report("queue '%s' has a delivery limit of %ld, and each look at a message counts as a "
               "delivery: after %ld the next removes it; --force looks nevertheless",
               name, traits->limit, traits->limit);
        return EXIT_TOPOLOGY;
    }
    return force ? EXIT_OK : traits->limit_fault;
}
