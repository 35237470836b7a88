#include "dlq-replay/selection.h"

#include "bytes.h"
#include "unit.h"

#define NOW INT64_C(1769903999000)

/* Died at 1000 s for this reason; has this error and id. */
static struct dead_letter letter_of(const char *reason, const char *error, char *order_id,
                                    int64_t time)
{
    return (struct dead_letter){
        .history.death = {.reason = reason == NULL ? amqp_empty_bytes : amqp_cstring_bytes(reason),
                          .time = time},
        .check = {.error = error, .order_id = order_id},
        .is_checked = true};
}

static void is_empty_if_it_asks_for_nothing(void)
{
    const struct selection selections[] = {
        {.reason = ""}, {.error = ""}, {.order_id = ""}, {.before_ms = 1}, {.after_ms = 1}};

    CHECK(selection_is_empty(&(struct selection){0}));
    for (size_t i = 0; i < COUNT(selections); i++)
        CHECK(!selection_is_empty(&selections[i]));
}

static void has_letters_of_which_all_is_true(void)
{
    char id[] = "id-1";
    struct dead_letter letter = letter_of("rejected", "user_id is missing", id, 1000);
    const struct {
        const char *name;
        struct selection selection;
        bool has;
    } rows[] = {
        {"all", {0}, true},
        {"the reason", {.reason = "rejected"}, true},
        {"another reason", {.reason = "expired"}, false},
        {"a part of the reason", {.reason = "reject"}, false},
        {"the error", {.error = "user_id is missing"}, true},
        {"a part of the error", {.error = "is miss"}, true},
        {"another error", {.error = "User_id"}, false},
        {"the id", {.order_id = "id-1"}, true},
        {"a part of the id", {.order_id = "id"}, false},
        {"before", {.before_ms = 1000001}, true},
        {"before that very time", {.before_ms = 1000000}, false},
        {"after", {.after_ms = 999999}, true},
        {"after that very time", {.after_ms = 1000000}, false},
        {"between", {.after_ms = 999999, .before_ms = 1000001}, true},
        {"between others", {.after_ms = 1000001, .before_ms = 1000003}, false},
        {"two, one of which is true", {.reason = "rejected", .order_id = "id-2"}, false},
        {"all five",
         {.reason = "rejected",
          .error = "user",
          .order_id = "id-1",
          .before_ms = 1000001,
          .after_ms = 999999},
         true},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        unit_row(rows[i].name);
        EQUAL(selection_has(&rows[i].selection, &letter), rows[i].has);
    }
}

static void has_no_letter_that_does_not_say(void)
{
    struct dead_letter letter = letter_of(NULL, NULL, NULL, 0);
    const struct selection selections[] = {
        {.reason = ""}, {.error = ""}, {.order_id = ""}, {.before_ms = NOW}, {.after_ms = 1}};

    CHECK(selection_has(&(struct selection){0}, &letter));
    for (size_t i = 0; i < COUNT(selections); i++)
        CHECK(!selection_has(&selections[i], &letter));
}

static void ignores_times_that_cannot_be(void)
{
    static const int64_t times[] = {-5, INT64_MAX, INT64_MAX / 1000 + 1};

    for (size_t i = 0; i < COUNT(times); i++) {
        struct dead_letter letter = letter_of("rejected", NULL, NULL, times[i]);

        CHECK(!selection_has(&(struct selection){.before_ms = INT64_MAX}, &letter));
        CHECK(!selection_has(&(struct selection){.after_ms = 1}, &letter));
    }
}

int main(void)
{
    RUN(is_empty_if_it_asks_for_nothing);
    RUN(has_letters_of_which_all_is_true);
    RUN(has_no_letter_that_does_not_say);
    RUN(ignores_times_that_cannot_be);
    return unit_end();
}
