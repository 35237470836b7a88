#include "replay.h"

#include "park.h"
#include "route.h"
#include "send.h"

#include "amqp/bytes.h"
#include "base/clock.h"
#include "base/stop.h"
#include "base/text.h"
#include "json/json.h"
#include "process/coprocess.h"

#include <stdint.h>
#include <string.h>

/* ---- the filter ---- */

static enum exit_code take_envelope(struct decision *decision, const char *answer, size_t len)
{
    struct envelope *envelope = &decision->envelope;
    struct dead_letter *letter = &decision->letter;
    char fault[ENVELOPE_FAULT_SIZE];

    if (!envelope_read(envelope, answer, len, &decision->pool, fault)) {
        const char *order_id = dead_letter_check(letter)->order_id;

        report("the filter's answer to %s is no letter: %s",
               order_id == NULL ? "a letter without an order_id" : printable_text(order_id), fault);
        return EXIT_INPUT;
    }
    if (!bytes_equal(envelope->body, decision->body))
        dead_letter_check_other(letter, envelope->body, envelope->body_tree);
    decision->properties = &envelope->properties;
    decision->body = envelope->body;
    return EXIT_OK;
}

static bool is_word(const char *answer, size_t len, const char *word)
{
    return len == strlen(word) && memcmp(answer, word, len) == 0;
}

/*
 * Asks rules->filter about the letter: it gets an envelope, and answers with one to send, null to
 * leave the letter, or "drop" to remove it. Sets *sends if the letter is to be sent, with
 * properties and body as answered; otherwise decides what is done instead. Returns EXIT_OK;
 * otherwise, with the reason reported and nothing decided, what coprocess_ask() returns, or
 * EXIT_INPUT for an answer that is not an envelope.
 */
static enum exit_code ask_filter(struct decision *decision, const struct replay_rules *rules,
                                 bool *sends)
{
    cJSON *envelope = dead_letter_envelope(&decision->letter, rules->queue);
    char *text = json_print(envelope);
    const char *answer;
    size_t len = 0;
    enum exit_code code;

    cJSON_Delete(envelope);
    code = coprocess_ask(rules->filter, text, strlen(text), &answer, &len);
    cJSON_free(text);
    *sends = false;
    if (code != EXIT_OK)
        return code;
    while (answer != NULL && len > 0 && strchr(" \t\r", answer[len - 1]) != NULL)
        len--;
    if (answer == NULL)
        decision_set(decision, FATE_LEFT, "asked to stop");
    else if (is_word(answer, len, "null"))
        decision_set(decision, FATE_LEFT, "the filter leaves it");
    else if (is_word(answer, len, "\"drop\""))
        decision_set(decision, FATE_DROPPED, "the filter drops it");
    else
        *sends = true;
    return *sends ? take_envelope(decision, answer, len) : EXIT_OK;
}

/* ---- all of it ---- */

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
