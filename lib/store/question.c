#include "store/question.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* ---- asking ---- */

static bool asks_for_traits(const struct orders_question *question)
{
    return question->since_ms > 0 || question->until_ms != INT64_MAX || question->user_id != NULL ||
           question->restaurant_id != NULL;
}

bool question_is_empty(const struct orders_question *question)
{
    return question->only == NULL && !asks_for_traits(question);
}

/* Those that are not listed, in the midst of a question. */
struct rest {
    const struct orders_question *question;
    question_read *read;
    orders_visit *visit;
    void *context;
    size_t index;
};

static bool is_answer(const struct rest *rest, const struct stored_order *order)
{
    const struct orders_question *question = rest->question;
    char user_id[QUESTION_TEXT_SIZE];
    char restaurant_id[QUESTION_TEXT_SIZE];

    if (order->placed_at < question->since_ms || order->placed_at >= question->until_ms ||
        (question->only != NULL && order->status != *question->only))
        return false;
    if (question->user_id == NULL && question->restaurant_id == NULL)
        return true;
    rest->read(order->data, order->data_len, user_id, restaurant_id);
    return (question->user_id == NULL || strcmp(user_id, question->user_id) == 0) &&
           (question->restaurant_id == NULL || strcmp(restaurant_id, question->restaurant_id) == 0);
}

static bool look_at(void *context, size_t index, const struct stored_order *order)
{
    struct rest *rest = context;

    (void)index;
    return !is_answer(rest, order) || rest->visit(rest->context, rest->index++, order);
}

/* Visits what is listed, and sets *goes_on to whether visit wants more. */
struct listed {
    orders_visit *visit;
    void *context;
    size_t index;
    bool goes_on;
};

static bool pass_on(void *context, size_t index, const struct stored_order *order)
{
    struct listed *listed = context;

    (void)index;
    listed->goes_on = listed->visit(listed->context, listed->index++, order);
    return listed->goes_on;
}

/* Finds the keys of those that are listed, up to *last. keys.all is to be freed with free(). */
static enum exit_code find_listed(struct orders *orders, const struct orders_question *question,
                                  struct order_keys *keys, int64_t *last)
{
    const struct orders_operations *operations = orders->operations;
    enum exit_code code = operations->listed(orders, last);

    if (code == EXIT_OK && *last > 0)
        code = operations->find_listed(orders, question, keys);
    /* Listed meanwhile: they are among the rest. */
    while (keys->count > 0 && keys->all[keys->count - 1] > *last)
        keys->count--;
    return code;
}

enum exit_code question_ask(struct orders *orders, const struct orders_question *question,
                            question_read *read, orders_visit *visit, void *context)
{
    const struct orders_operations *operations = orders->operations;
    struct listed listed = {.visit = visit, .context = context, .goes_on = true};
    struct rest rest = {.question = question, .read = read, .visit = visit, .context = context};
    struct order_keys keys = {.count = 0};
    int64_t last = 0;
    enum exit_code code;

    if (!asks_for_traits(question))
        return operations->each(orders, question->only, 0, visit, context);
    code = find_listed(orders, question, &keys, &last);
    if (code == EXIT_OK && keys.count > 0)
        code = operations->fetch(orders, keys.all, keys.count, pass_on, &listed);
    free(keys.all);
    rest.index = listed.index;
    if (code == EXIT_OK && listed.goes_on)
        code = operations->each(orders, NULL, last, look_at, &rest);
    return code;
}

static bool pass_over(void *context, size_t index, const struct stored_order *order)
{
    (void)context;
    (void)index;
    (void)order;
    return true;
}

enum exit_code question_count(struct orders *orders, const struct orders_question *question,
                              question_read *read, int64_t *count)
{
    const struct orders_operations *operations = orders->operations;
    struct rest rest = {.question = question, .read = read, .visit = pass_over};
    struct order_keys keys = {.count = 0};
    int64_t last = 0;
    enum exit_code code;

    if (!asks_for_traits(question))
        return operations->count(orders, question->only, count);
    code = find_listed(orders, question, &keys, &last);
    free(keys.all);
    if (code == EXIT_OK)
        code = operations->each(orders, NULL, last, look_at, &rest);
    *count = (int64_t)(keys.count + rest.index);
    return code;
}

/* ---- listing ---- */

struct listing {
    question_read *read;
    int64_t settled;
    struct order_traits traits[QUESTION_BATCH];
    char texts[QUESTION_BATCH][2][QUESTION_TEXT_SIZE];
    size_t count;
};

static bool add_to_list(void *context, size_t index, const struct stored_order *order)
{
    struct listing *listing = context;
    size_t at = listing->count;

    (void)index;
    if (order->key > listing->settled)
        return false;
    listing->read(order->data, order->data_len, listing->texts[at][0], listing->texts[at][1]);
    listing->traits[at] = (struct order_traits){.key = order->key,
                                                .placed_at = order->placed_at,
                                                .user_id = listing->texts[at][0],
                                                .restaurant_id = listing->texts[at][1]};
    listing->count++;
    return listing->count < QUESTION_BATCH;
}

enum exit_code question_list(struct orders *orders, question_read *read, bool *more)
{
    const struct orders_operations *operations = orders->operations;
    struct listing *listing = xcalloc(1, sizeof *listing);
    int64_t last = 0;
    enum exit_code code = operations->settled(orders, &listing->settled);

    listing->read = read;
    if (code == EXIT_OK)
        code = operations->listed(orders, &last);
    if (code == EXIT_OK && listing->settled > last)
        code = operations->each(orders, NULL, last, add_to_list, listing);
    if (code == EXIT_OK && listing->count > 0)
        code = operations->list(orders, listing->traits, listing->count);
    *more = code == EXIT_OK && listing->count == QUESTION_BATCH;
    free(listing);
    return code;
}
