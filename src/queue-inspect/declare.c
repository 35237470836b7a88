#include "declare.h"

#include "amqp/connection.h"
#include "amqp/topology.h"
#include "base/options.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static bool is_queue_of_ours(const char *name)
{
    for (size_t i = 0; i < TOPOLOGY_ALL_COUNT; i++)
        if (topology_parts[i].kind == TOPOLOGY_QUEUE && strcmp(topology_parts[i].name, name) == 0)
            return true;
    return false;
}

void declare_check_names(const char *const *names)
{
    for (; *names != NULL; names++)
        if (!is_queue_of_ours(*names))
            usage_error("--declare makes queues of the workflow, and '%s' is none: " CANCELLED_QUEUE
                        ", " OUTCOME_QUEUE " and " RELEASED_QUEUE " are those to be named",
                        printable_text(*names));
}

/* A connection_setup. */
static enum exit_code declare_parts(struct connection *connection, void *context)
{
    return topology_declare_strictly(connection, context);
}

enum exit_code declare_all(const struct broker_options *options, const char *const *names)
{
    struct connection *connection =
        connection_new(options, "declaring", declare_parts, (void *)names);
    enum exit_code code = connection_open(connection);

    connection_free(connection);
    return code;
}
