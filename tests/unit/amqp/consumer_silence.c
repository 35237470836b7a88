#include "amqp/consumer_silence.h"

#include "unit.h"

#include <stddef.h>

#define START 1000000
#define TIMEOUT 2000

/* Asks the queue if that is due after TIMEOUT, and has it answer. */
static enum silence_verdict ask(struct silence *silence, struct lookout *lookout, bool has_room,
                                uint32_t messages, uint32_t consumers)
{
    int64_t now_ms = silence->until_ms;

    EQUAL(silence_judge(silence, lookout, has_room, TIMEOUT, now_ms - 1), SILENCE_LASTS);
    EQUAL(silence_judge(silence, lookout, has_room, TIMEOUT, now_ms), SILENCE_ASK);
    lookout->awaits_answer = true;
    EQUAL(silence_judge(silence, lookout, has_room, TIMEOUT, now_ms), SILENCE_LASTS);
    lookout_answered(lookout, messages, consumers);
    return silence_judge(silence, lookout, has_room, TIMEOUT, now_ms);
}

static void asks_a_queue_that_was_silent_for_some_seconds(void)
{
    struct lookout lookout = {0};

    lookout_start(&lookout, START);
    CHECK(!lookout_is_due(&lookout, START + 4999));
    CHECK(lookout_is_due(&lookout, START + 5000));
    CHECK(!lookout_is_due(&lookout, START + 9999));
    CHECK(lookout_is_due(&lookout, START + 10000));
    lookout.awaits_answer = true;
    CHECK(!lookout_is_due(&lookout, START + 15000));
    lookout_answered(&lookout, 0, 1);
    CHECK(lookout_is_due(&lookout, START + 15000));
    lookout_put_off(&lookout, START + 19000);
    CHECK(!lookout_is_due(&lookout, START + 20000));
}

static void tells_a_lost_subscription(void)
{
    static const struct {
        uint32_t messages;
        uint32_t consumers;
        bool is_forgotten;
    } rows[] = {{0, 0, false}, {1, 0, true}, {1, 1, false}, {5, 2, false}};
    struct lookout lookout = {0};

    for (size_t i = 0; i < COUNT(rows); i++) {
        lookout_answered(&lookout, rows[i].messages, rows[i].consumers);
        EQUAL(lookout.is_forgotten, rows[i].is_forgotten);
    }
    lookout_answered(&lookout, 1, 0);
    lookout_start(&lookout, START);
    CHECK(!lookout.is_forgotten && !lookout.awaits_answer);
}

static void ends_after_a_sign_of_life(void)
{
    struct lookout lookout = {0};
    struct silence silence;

    silence_start(&silence, 7, TIMEOUT, START);
    EQUAL(silence.generation, 7);
    EQUAL(silence.until_ms, START + TIMEOUT);
    EQUAL(ask(&silence, &lookout, true, 0, 1), SILENCE_IS_OVER);
    /* What others may get is not for us; and with no room, nothing comes. */
    silence_start(&silence, 7, TIMEOUT, START);
    EQUAL(ask(&silence, &lookout, true, 5, 2), SILENCE_IS_OVER);
    silence_start(&silence, 7, TIMEOUT, START);
    EQUAL(ask(&silence, &lookout, false, 5, 1), SILENCE_IS_OVER);
}

static void waits_for_what_the_queue_has_but_not_for_ever(void)
{
    struct lookout lookout = {0};
    struct silence silence;

    silence_start(&silence, 1, TIMEOUT, START);
    for (int i = 0; i < 50; i++)
        EQUAL(ask(&silence, &lookout, true, 1, 1), SILENCE_LASTS);
    EQUAL(ask(&silence, &lookout, true, 1, 1), SILENCE_IS_OVER);
    EQUAL(silence.until_ms, START + TIMEOUT + 50 * SILENCE_ARRIVE_MS + SILENCE_ANSWER_MS);
}

static void gives_up_a_queue_that_does_not_know_its_consumer(void)
{
    struct lookout lookout = {0};
    struct silence silence;

    silence_start(&silence, 1, TIMEOUT, START);
    for (int i = 0; i < 3; i++)
        EQUAL(ask(&silence, &lookout, true, 0, 0), SILENCE_LASTS);
    EQUAL(ask(&silence, &lookout, true, 0, 0), SILENCE_NO_LEADER);
}

static void gives_up_a_queue_that_does_not_answer(void)
{
    struct lookout lookout = {0};
    struct silence silence;

    silence_start(&silence, 1, TIMEOUT, START);
    EQUAL(silence_judge(&silence, &lookout, true, TIMEOUT, START + TIMEOUT), SILENCE_ASK);
    lookout.awaits_answer = true;
    EQUAL(silence_judge(&silence, &lookout, true, TIMEOUT, silence.until_ms - 1), SILENCE_LASTS);
    EQUAL(silence_judge(&silence, &lookout, true, TIMEOUT, silence.until_ms), SILENCE_NO_ANSWER);
}

static void asks_nothing_in_a_short_wait_and_never_ends_one_without_a_timeout(void)
{
    struct lookout lookout = {0};
    struct silence silence;

    silence_start(&silence, 1, SILENCE_ARRIVE_MS - 1, START);
    EQUAL(silence_judge(&silence, &lookout, true, SILENCE_ARRIVE_MS - 1, START), SILENCE_LASTS);
    EQUAL(silence_judge(&silence, &lookout, true, SILENCE_ARRIVE_MS - 1, silence.until_ms),
          SILENCE_IS_OVER);
    silence_start(&silence, 1, -1, START);
    EQUAL(silence_judge(&silence, &lookout, true, -1, START + 86400000), SILENCE_LASTS);
}

static void is_quiet_until_the_first_of_both(void)
{
    struct lookout lookout = {0};
    struct silence silence;

    lookout_start(&lookout, START);
    silence_start(&silence, 1, TIMEOUT, START);
    EQUAL(silence_quiet_until(&silence, &lookout, TIMEOUT), START + TIMEOUT);
    EQUAL(silence_quiet_until(&silence, &lookout, -1), START + 5000);
    silence_start(&silence, 1, 6000, START);
    EQUAL(silence_quiet_until(&silence, &lookout, 6000), START + 5000);
}

int main(void)
{
    RUN(asks_a_queue_that_was_silent_for_some_seconds);
    RUN(tells_a_lost_subscription);
    RUN(ends_after_a_sign_of_life);
    RUN(waits_for_what_the_queue_has_but_not_for_ever);
    RUN(gives_up_a_queue_that_does_not_know_its_consumer);
    RUN(gives_up_a_queue_that_does_not_answer);
    RUN(asks_nothing_in_a_short_wait_and_never_ends_one_without_a_timeout);
    RUN(is_quiet_until_the_first_of_both);
    return unit_end();
}
