#include "amqp/consumer_silence.h"

#define UNKNOWN_MAX 4 /* times in a row that the queue may not know its consumer */
#define OWED_MAX 50   /* times in a row that it may have a message for it: 15 s */
#define WATCH_MS 5000 /* without a delivery, after which it is asked whether it knows it */

/* ---- the subscription ---- */

void lookout_start(struct lookout *lookout, int64_t now_ms)
{
    lookout->awaits_answer = false;
    lookout_put_off(lookout, now_ms);
}

void lookout_put_off(struct lookout *lookout, int64_t now_ms)
{
    lookout->is_forgotten = false;
    lookout->due_ms = now_ms + WATCH_MS;
}

void lookout_answered(struct lookout *lookout, uint32_t messages, uint32_t consumers)
{
    lookout->awaits_answer = false;
    lookout->is_known = consumers > 0;
    lookout->has_more = consumers == 1 && messages > 0;
    lookout->is_forgotten = consumers == 0 && messages > 0;
}

bool lookout_is_due(struct lookout *lookout, int64_t now_ms)
{
    if (lookout->awaits_answer || now_ms < lookout->due_ms)
        return false;
    lookout_put_off(lookout, now_ms);
    return true;
}

/* ---- a wait ---- */

void silence_start(struct silence *silence, unsigned generation, int timeout_ms, int64_t now_ms)
{
    *silence = (struct silence){.generation = generation, .until_ms = now_ms + timeout_ms};
}

/*
 * A queue that knows its consumer and has nothing for it has given a sign of life. One without a
 * leader gives an answer, too, and so does, now and then, one that is slow: it may be about to hand
 * out a message.
 */
static enum silence_verdict judge_answer(struct silence *silence, const struct lookout *lookout,
                                         bool has_room, int64_t now_ms)
{
    bool is_owed = lookout->has_more && has_room;

    if (lookout->is_known && (!is_owed || ++silence->owed > OWED_MAX))
        return SILENCE_IS_OVER;
    silence->is_asked = false;
    silence->until_ms = now_ms + SILENCE_ARRIVE_MS;
    return lookout->is_known || ++silence->unknown < UNKNOWN_MAX ? SILENCE_LASTS
                                                                 : SILENCE_NO_LEADER;
}

enum silence_verdict silence_judge(struct silence *silence, const struct lookout *lookout,
                                   bool has_room, int timeout_ms, int64_t now_ms)
{
    if (timeout_ms < 0)
        return SILENCE_LASTS;
    if (silence->is_asked && !lookout->awaits_answer)
        return judge_answer(silence, lookout, has_room, now_ms);
    if (now_ms < silence->until_ms)
        return SILENCE_LASTS;
    if (timeout_ms < SILENCE_ARRIVE_MS)
        return SILENCE_IS_OVER;
    if (silence->is_asked)
        return SILENCE_NO_ANSWER;
    silence->is_asked = true;
    silence->until_ms = now_ms + SILENCE_ANSWER_MS;
    return SILENCE_ASK;
}

int64_t silence_quiet_until(const struct silence *silence, const struct lookout *lookout,
                            int timeout_ms)
{
    return timeout_ms >= 0 && silence->until_ms < lookout->due_ms ? silence->until_ms
                                                                  : lookout->due_ms;
}
