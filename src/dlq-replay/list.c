#include "list.h"

#include "base/clock.h"
#include "base/output.h"
#include "json/json.h"
#include "json/output.h"

#include <stdint.h>

static enum exit_code show(struct decision *decision, const struct replay_rules *rules)
{
    cJSON *envelope = dead_letter_envelope(&decision->letter, rules->queue);
    enum exit_code code = decision_look_up(decision, rules);

    if (decision->fate.handled != NULL)
        json_need(cJSON_AddStringToObject(envelope, "handled", decision->fate.handled));
    if (code == EXIT_OK)
        return output_json(envelope);
    cJSON_Delete(envelope);
    return code;
}

enum exit_code list_letters(struct batch *batch)
{
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < batch->count && code == EXIT_OK; i++)
        code = show(&batch->decisions[i], batch->settings.rules);
    batch_leave(batch);
    return code;
}

/* A letter that cannot be shown as it is would be lost, and is left. */
static enum exit_code take(struct decision *decision, const struct replay_rules *rules)
{
    enum exit_code code;

    if (!decision->letter.is_readable) {
        decision_leave_unreadable(decision, rules);
        return EXIT_OK;
    }
    code = show(decision, rules);
    decision_set(decision, FATE_TAKEN, "");
    return code;
}

enum exit_code take_letters(struct batch *batch)
{
    int64_t since_ms = clock_monotonic_ms();
    enum exit_code code = EXIT_OK;

    for (size_t i = batch->first; i < batch->end && code == EXIT_OK; i++) {
        code = take(&batch->decisions[i], batch->settings.rules);
        batch_end_part(batch, i, since_ms);
    }
    if (code == EXIT_OK)
        code = output_sync();
    if (code == EXIT_OK)
        return batch_conclude(batch, EXIT_OK, false);
    batch_leave(batch);
    return code;
}
