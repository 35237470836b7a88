#include "base/memory.h"

#include "unit.h"

#include "base/report.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void gives_memory(void)
{
    char *bytes = xmalloc(3);
    int *numbers = xcalloc(1000, sizeof *numbers);
    char *copy = xstrdup("text");
    bool all_zero = true;

    memcpy(bytes, "abc", 3);
    bytes = xrealloc(bytes, 100000);
    SAME_BYTES(bytes, 3, "abc", 3);
    for (size_t i = 0; i < 1000; i++)
        all_zero = all_zero && numbers[i] == 0;
    CHECK(all_zero);
    SAME(copy, "text");
    free(bytes);
    free(numbers);
    free(copy);
}

static void makes_from_nothing_what_it_changes(void)
{
    char *bytes = xrealloc(NULL, 1);

    CHECK(bytes != NULL);
    free(bytes);
}

#ifndef SANITIZED /* whose allocator ends the program itself */
static volatile size_t too_much = SIZE_MAX / 2;

static void allocate_too_much(void)
{
    free(xmalloc(too_much));
}

static void allocate_too_many(void)
{
    free(xcalloc(too_much, 4));
}

static void grow_too_much(void)
{
    free(xrealloc(xmalloc(1), too_much));
}
#endif

static void ends_without_memory(void)
{
    static void (*const ways[])(void) = {die_no_memory,
#ifndef SANITIZED
                                         allocate_too_much, allocate_too_many, grow_too_much
#endif
    };

    unit_capture(2);
    for (size_t i = 0; i < COUNT(ways); i++) {
        EQUAL(unit_exit_code(ways[i]), EXIT_BUG);
        SAME(unit_captured(2), "order-tools: out of memory\n");
    }
}

int main(void)
{
    RUN(gives_memory);
    RUN(makes_from_nothing_what_it_changes);
    RUN(ends_without_memory);
    return unit_end();
}
