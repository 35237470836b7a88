#include "replay.h"

#include "filter.h"
#include "park.h"
#include "route.h"
#include "send.h"

#include "amqp/bytes.h"
#include "base/clock.h"
#include "base/stop.h"
#include "process/coprocess.h"

#include <stdint.h>

static enum exit_code ask_filter(struct decision *decision, const struct replay_rules *rules,
                                 bool *sends)
{
    cJSON *envelope = dead_letter_envelope(&decision->letter, rules->queue);
    enum exit_code code = filter_ask(decision, rules, envelope, sends);

    cJSON_Delete(envelope);
    return code;
}

static enum exit_code decide(struct decision *decision, struct replay_rules *rules)
{
    const struct dead_letter *letter = &decision->letter;
    enum exit_code code = EXIT_OK;
    bool sends = true;

    if (!letter->is_readable) {
        decision_leave_unreadable(decision, rules);
        return EXIT_OK;
    }
    if (rules->parks_all)
        return park_asked(decision, rules);
    if (bytes_are(letter->history.run, rules->run)) {
        decision_set(decision, FATE_LEFT, "it was sent back in this run, and has died again");
        return EXIT_OK;
    }
    if (letter->history.replays >= rules->max_replays)
        return park_replayed(decision, rules);
    if (rules->filter != NULL)
        code = ask_filter(decision, rules, &sends);
    return code == EXIT_OK && sends ? route_letter(decision, rules) : code;
}

enum exit_code replay_letters(struct batch *batch)
{
    struct replay_rules *rules = batch->settings.rules;
    int64_t since_ms = clock_monotonic_ms();
    enum exit_code code = EXIT_OK;
    size_t i;

    for (i = batch->first; i < batch->end && code == EXIT_OK && !stop_requested(); i++) {
        code = decide(&batch->decisions[i], rules);
        batch_end_part(batch, i, since_ms);
    }
    for (; i < batch->end; i++)
        decision_set(&batch->decisions[i], FATE_LEFT, "asked to stop");
    if (code == EXIT_OK && rules->filter != NULL)
        code = coprocess_check(rules->filter);
    if (code == EXIT_OK)
        return batch_conclude(batch, send_part(batch, true), true);
    batch_leave(batch);
    return code;
}
