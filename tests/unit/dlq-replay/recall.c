#include "dlq-replay/recall.h"

#include "unit.h"

/* Two that differ in either half stand in neighbouring places of the table, or in the same. */
static const struct fingerprint a = {{1, 1}};
static const struct fingerprint b = {{1, 2}};
static const struct fingerprint c = {{1025, 1}};

static void knows_nothing_at_first(void)
{
    struct recall *recall = recall_new();

    EQUAL(recall_take(recall, &a), RECALL_NEW);
    EQUAL(recall_count(recall, RECALL_NEW), 0);
    recall_forget_gone(recall);
    recall_free(recall);
    recall_free(NULL);
}

static void gives_back_each_once(void)
{
    struct recall *recall = recall_new();

    recall_add(recall, &a, RECALL_GONE);
    recall_add(recall, &b, RECALL_KEPT);
    recall_add(recall, &c, RECALL_GONE);
    EQUAL(recall_count(recall, RECALL_GONE), 2);
    EQUAL(recall_count(recall, RECALL_KEPT), 1);
    EQUAL(recall_take(recall, &c), RECALL_GONE);
    EQUAL(recall_take(recall, &b), RECALL_KEPT);
    EQUAL(recall_take(recall, &a), RECALL_GONE);
    EQUAL(recall_count(recall, RECALL_GONE), 0);
    EQUAL(recall_count(recall, RECALL_KEPT), 0);
    EQUAL(recall_take(recall, &a), RECALL_NEW);
    EQUAL(recall_take(recall, &b), RECALL_NEW);
    recall_free(recall);
}

/* If fewer come than were added, none is lost. */
static void gives_back_the_kept_first_and_the_gone_last(void)
{
    struct recall *recall = recall_new();

    recall_add(recall, &a, RECALL_GONE);
    recall_add(recall, &a, RECALL_NEW);
    recall_add(recall, &a, RECALL_KEPT);
    recall_add(recall, &a, RECALL_GONE);
    EQUAL(recall_count(recall, RECALL_NEW), 1);
    EQUAL(recall_take(recall, &a), RECALL_KEPT);
    EQUAL(recall_take(recall, &a), RECALL_NEW);
    EQUAL(recall_count(recall, RECALL_NEW), 0);
    EQUAL(recall_take(recall, &a), RECALL_GONE);
    EQUAL(recall_take(recall, &a), RECALL_GONE);
    EQUAL(recall_take(recall, &a), RECALL_NEW);
    recall_free(recall);
}

static void forgets_the_gone(void)
{
    struct recall *recall = recall_new();

    recall_add(recall, &a, RECALL_GONE);
    recall_add(recall, &b, RECALL_KEPT);
    recall_forget_gone(recall);
    EQUAL(recall_count(recall, RECALL_GONE), 0);
    EQUAL(recall_count(recall, RECALL_KEPT), 1);
    EQUAL(recall_take(recall, &a), RECALL_NEW);
    EQUAL(recall_take(recall, &b), RECALL_KEPT);
    recall_free(recall);
}

static void merges(void)
{
    struct recall *recall = recall_new();
    struct recall *other = recall_new();

    recall_add(recall, &a, RECALL_GONE);
    recall_add(other, &a, RECALL_GONE);
    recall_add(other, &a, RECALL_GONE);
    recall_add(other, &b, RECALL_KEPT);
    recall_merge(recall, other);
    recall_free(other);
    EQUAL(recall_count(recall, RECALL_GONE), 3);
    EQUAL(recall_count(recall, RECALL_KEPT), 1);
    EQUAL(recall_take(recall, &b), RECALL_KEPT);
    for (int i = 0; i < 3; i++)
        EQUAL(recall_take(recall, &a), RECALL_GONE);
    EQUAL(recall_take(recall, &a), RECALL_NEW);
    recall_free(recall);
}

/* Through all sizes of the table, with many in one place of it. */
static void keeps_many(void)
{
    enum { MANY = 20000 };
    struct recall *recall = recall_new();
    int found = 0;

    for (uint64_t i = 0; i < MANY; i++)
        recall_add(recall, &(struct fingerprint){{i / 3 * 64, i}},
                   i % 2 == 0 ? RECALL_KEPT : RECALL_GONE);
    EQUAL(recall_count(recall, RECALL_KEPT), MANY / 2);
    for (uint64_t i = 0; i < MANY; i++)
        found += recall_take(recall, &(struct fingerprint){{i / 3 * 64, i}}) ==
                 (i % 2 == 0 ? RECALL_KEPT : RECALL_GONE);
    EQUAL(found, MANY);
    EQUAL(recall_count(recall, RECALL_KEPT), 0);
    EQUAL(recall_count(recall, RECALL_GONE), 0);
    recall_free(recall);
}

int main(void)
{
    RUN(knows_nothing_at_first);
    RUN(gives_back_each_once);
    RUN(gives_back_the_kept_first_and_the_gone_last);
    RUN(forgets_the_gone);
    RUN(merges);
    RUN(keeps_many);
    return unit_end();
}
