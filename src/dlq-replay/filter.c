#include "filter.h"

#include "amqp/bytes.h"
#include "base/text.h"
#include "json/json.h"
#include "process/coprocess.h"

#include <string.h>

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

enum exit_code filter_ask(struct decision *decision, const struct replay_rules *rules,
                          const cJSON *envelope, bool *sends)
{
    char *text = json_print(envelope);
    const char *answer;
    size_t len = 0;
    enum exit_code code;

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
