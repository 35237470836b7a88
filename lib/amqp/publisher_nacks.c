#include "amqp/publisher_nacks.h"

#include "amqp/bytes.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static void forget(struct destination *destination)
{
    free(destination->exchange);
    free(destination->routing_key);
}

void nacks_free(struct nacks *nacks)
{
    for (size_t i = 0; i < nacks->count; i++)
        forget(&nacks->destinations[i]);
    free(nacks->destinations);
    *nacks = (struct nacks){0};
}

static struct destination *find(const struct nacks *nacks, const struct frames_message *message)
{
    for (size_t i = 0; i < nacks->count; i++) {
        struct destination *each = &nacks->destinations[i];

        if (bytes_are(message->exchange, each->exchange) &&
            bytes_are(message->routing_key, each->routing_key))
            return each;
    }
    return NULL;
}

static char *text_of(amqp_bytes_t bytes)
{
    char *text = xcalloc(bytes.len + 1, 1);

    if (bytes.len > 0)
        memcpy(text, bytes.bytes, bytes.len);
    return text;
}

struct destination *nacks_destination(struct nacks *nacks, const struct frames_message *message)
{
    struct destination *found = find(nacks, message);

    if (found != NULL)
        return found;
    nacks->destinations =
        xrealloc(nacks->destinations, (nacks->count + 1) * sizeof *nacks->destinations);
    found = &nacks->destinations[nacks->count++];
    *found = (struct destination){.exchange = text_of(message->exchange),
                                  .routing_key = text_of(message->routing_key)};
    return found;
}

bool nacks_end(struct nacks *nacks, const struct frames_message *message)
{
    struct destination *found = find(nacks, message);
    bool has_ended = found != NULL && found->attempts > 0;

    if (found == NULL)
        return false;
    found->attempts = 0;
    if (!found->is_waiting) {
        forget(found);
        *found = nacks->destinations[--nacks->count];
    }
    return has_ended;
}

const struct destination *nacks_attempt(struct nacks *nacks)
{
    const struct destination *most = NULL;

    for (size_t i = 0; i < nacks->count; i++) {
        struct destination *each = &nacks->destinations[i];

        if (!each->is_waiting)
            continue;
        each->is_waiting = false;
        each->attempts++;
        if (most == NULL || each->attempts > most->attempts)
            most = each;
    }
    return most;
}
