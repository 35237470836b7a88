#include "prefetch.h"

#include "base/clock.h"

#define SPARING_SIZE 32              /* the least size after prefetch_spare() */
#define MAX_BYTES ((size_t)32 << 20) /* of letters that are handed out ahead */

void prefetch_start(struct prefetch *prefetch, struct consumer *consumer, size_t size)
{
    *prefetch = (struct prefetch){.consumer = consumer, .size = size, .subscribed = size};
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void subscribe_for(struct prefetch *prefetch, size_t letters)
{
    consumer_set_prefetch(prefetch->consumer, (unsigned)letters);
    prefetch->subscribed = letters;
    prefetch->held = 0;
}

void prefetch_spare(struct prefetch *prefetch, size_t most)
{
    prefetch->spares = true;
    if (prefetch->size >= SPARING_SIZE)
        return;
    prefetch->size = smaller(most, SPARING_SIZE);
    subscribe_for(prefetch, prefetch->size);
}

void prefetch_time_batch(struct prefetch *prefetch)
{
    prefetch->since_ms = clock_monotonic_ms();
}

void prefetch_note_handled(struct prefetch *prefetch, size_t size)
{
    prefetch->handled++;
    prefetch->bytes += size;
}

/* Sets the size by how long the last batch took. It is doubled at most, since the next letters may
 * be slower. */
static void measure(struct prefetch *prefetch)
{
    int64_t took_ms = clock_monotonic_ms() - prefetch->since_ms;
    size_t size = 2 * prefetch->size;
    size_t average;

    if (prefetch->handled == 0)
        return;
    average = prefetch->bytes / prefetch->handled;
    if (took_ms > 0)
        size = smaller(size, prefetch->handled * 1000 / (size_t)took_ms);
    size = smaller(size, PREFETCH_MAX);
    if (size * average > MAX_BYTES)
        size = MAX_BYTES / average;
    prefetch->size = size == 0 ? 1 : size;
    prefetch->handled = 0;
    prefetch->bytes = 0;
    prefetch_time_batch(prefetch);
}

void prefetch_adapt(struct prefetch *prefetch, size_t known, size_t most)
{
    size_t free = prefetch->subscribed > prefetch->held ? prefetch->subscribed - prefetch->held : 0;
    size_t need;

    measure(prefetch);
    need = smaller(smaller(prefetch->size + known, PREFETCH_MAX), most);
    /* Each change takes a new subscription: not for a small one. */
    if (prefetch->spares ? free > 0 : 2 * free > need && free < 2 * need)
        return;
    subscribe_for(prefetch, need);
}

void prefetch_look_on(struct prefetch *prefetch, size_t wanted)
{
    size_t need = smaller(wanted, PREFETCH_MAX);

    if (prefetch->held >= prefetch->subscribed && need > 0)
        subscribe_for(prefetch, need);
}
