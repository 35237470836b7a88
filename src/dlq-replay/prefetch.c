#include "window.h"

#include "base/clock.h"

#define SPARING_SIZE 32              /* the least size after window_spare() */
#define MAX_BYTES ((size_t)32 << 20) /* of letters that are handed out ahead */

void window_start(struct window *window, struct consumer *consumer, size_t size)
{
    *window = (struct window){.consumer = consumer, .size = size, .prefetch = size};
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void subscribe_for(struct window *window, size_t letters)
{
    consumer_set_prefetch(window->consumer, (unsigned)letters);
    window->prefetch = letters;
    window->held = 0;
}

void window_spare(struct window *window, size_t most)
{
    window->spares = true;
    if (window->size >= SPARING_SIZE)
        return;
    window->size = smaller(most, SPARING_SIZE);
    subscribe_for(window, window->size);
}

void window_reset(struct window *window)
{
    window->held = 0;
}

void window_time_batch(struct window *window)
{
    window->since_ms = clock_monotonic_ms();
}

void window_note_handled(struct window *window, size_t size)
{
    window->handled++;
    window->bytes += size;
}

void window_note_kept(struct window *window)
{
    window->held++;
}

/* Sets the size by how long the last batch took. It is doubled at most, since the next letters may
 * be slower. */
static void measure(struct window *window)
{
    int64_t took_ms = clock_monotonic_ms() - window->since_ms;
    size_t size = 2 * window->size;
    size_t average;

    if (window->handled == 0)
        return;
    average = window->bytes / window->handled;
    if (took_ms > 0)
        size = smaller(size, window->handled * 1000 / (size_t)took_ms);
    size = smaller(size, WINDOW_MAX);
    if (size * average > MAX_BYTES)
        size = MAX_BYTES / average;
    window->size = size == 0 ? 1 : size;
    window->handled = 0;
    window->bytes = 0;
    window_time_batch(window);
}

void window_adapt(struct window *window, size_t known, size_t most)
{
    size_t free = window->prefetch > window->held ? window->prefetch - window->held : 0;
    size_t need;

    measure(window);
    need = smaller(smaller(window->size + known, WINDOW_MAX), most);
    /* Each change takes a new subscription: not for a small one. */
    if (window->spares ? free > 0 : 2 * free > need && free < 2 * need)
        return;
    subscribe_for(window, need);
}

void window_look_on(struct window *window, size_t wanted)
{
    size_t need = smaller(wanted, WINDOW_MAX);

    if (window->held >= window->prefetch && need > 0)
        subscribe_for(window, need);
}
