#include "json/memory_block.h"

#include "unit.h"

#include <cjson/cJSON.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static void gives_aligned_pieces_that_do_not_overlap(void)
{
    char *first = cJSON_malloc(5);
    char *second = cJSON_malloc(64);

    EQUAL((uintptr_t)first % alignof(max_align_t), 0);
    EQUAL((uintptr_t)second % alignof(max_align_t), 0);
    memcpy(first, "abcde", 5);
    memset(second, 'x', 64);
    SAME_BYTES(first, 5, "abcde", 5);
    cJSON_free(first);
    cJSON_free(second);
}

static void starts_again_once_all_is_freed(void)
{
    char *first = cJSON_malloc(100);
    char *second = cJSON_malloc(100);
    char *third;

    cJSON_free(first);
    third = cJSON_malloc(100);
    CHECK(third != first);
    cJSON_free(second);
    cJSON_free(third);
    third = cJSON_malloc(100);
    CHECK(third == first);
    cJSON_free(third);
}

static void takes_from_elsewhere_what_does_not_fit(void)
{
    char *pieces[100];

    for (size_t i = 0; i < COUNT(pieces); i++) {
        pieces[i] = cJSON_malloc(1000);
        memset(pieces[i], (int)i, 1000);
    }
    for (size_t i = 0; i < COUNT(pieces); i++) {
        CHECK(pieces[i][0] == (char)i && pieces[i][999] == (char)i);
        cJSON_free(pieces[i]);
    }
}

int main(void)
{
    json_memory_use();
    RUN(gives_aligned_pieces_that_do_not_overlap);
    RUN(starts_again_once_all_is_freed);
    RUN(takes_from_elsewhere_what_does_not_fit);
    return unit_end();
}
