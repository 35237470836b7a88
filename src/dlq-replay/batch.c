#include "batch.h"

#include "park.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/output.h"
#include "json/output.h"

#include <stdlib.h>
#include <string.h>

#define PART_MS 1000 /* that the first letter of a part waits for the others */

struct batch *batch_new(const struct batch_settings *settings)
{
    struct batch *batch = xcalloc(1, sizeof *batch);

    batch->settings = *settings;
    return batch;
}

static void drop_part(struct batch *batch)
{
    for (size_t i = batch->first; i < batch->end; i++) {
        struct decision *decision = &batch->decisions[i];

        batch->some_wrong = batch->some_wrong || decision->is_wrong;
        batch->not_taken += decision->is_not_taken;
        batch->sent_enough += decision->is_sent_enough;
        batch->some_bad_input = batch->some_bad_input || decision->is_no_letter;
        decision_free(decision);
    }
    batch->first = batch->end;
    batch->end = batch->count;
    if (batch->first < batch->count)
        return;
    batch->first = 0;
    batch->end = 0;
    batch->count = 0;
}

void batch_free(struct batch *batch)
{
    if (batch == NULL)
        return;
    batch->end = batch->count;
    drop_part(batch);
    send_spans_free(&batch->spans);
    free(batch);
}

enum exit_code batch_verdict(const struct batch *batch)
{
    if (batch->not_taken > 0)
        report("%zu letter%s left where %s: the broker cannot take %s for now", batch->not_taken,
               batch->not_taken == 1 ? " is" : "s are",
               batch->not_taken == 1 ? "it was" : "they were",
               batch->not_taken == 1 ? "it" : "them");
    if (batch->some_wrong)
        return EXIT_REFUSED;
    if (batch->not_taken > 0)
        return EXIT_UNREACHABLE;
    return batch->some_bad_input ? EXIT_INPUT : EXIT_OK;
}

void batch_take_back(struct batch *batch)
{
    decision_free(&batch->decisions[--batch->count]);
    batch->end = batch->count;
}

size_t batch_count(const struct batch *batch)
{
    return batch->count - batch->first;
}

void batch_end_part(struct batch *batch, size_t index, int64_t since_ms)
{
    if (clock_monotonic_ms() - since_ms >= PART_MS)
        batch->end = index + 1;
}

/* ---- filling ---- */

/* Letters that are sent slowly are concluded once a second. */
static size_t most(const struct batch *batch)
{
    long rate = batch->settings.rate;

    return rate > 0 && rate < BATCH_MAX ? (size_t)rate : BATCH_MAX;
}

/* Removes a letter only if it had to be parked. Letters that came before it may be unsettled. */
static void leave(struct batch *batch, struct decision *decision)
{
    if (park_if_spent(batch, decision))
        snapshot_remove_alone(batch->settings.snapshot, decision->letter.delivery);
    else
        snapshot_keep(batch->settings.snapshot, decision->letter.delivery);
}

static void select_letter(struct batch *batch, struct delivery *delivery)
{
    struct decision *decision = &batch->decisions[batch->count];

    decision_of_letter(decision, batch->settings.rules, delivery);
    if (snapshot_wants(batch->settings.snapshot, &decision->letter)) {
        batch->end = ++batch->count;
        return;
    }
    leave(batch, decision);
    decision_free(decision);
}

/* Returns how many letters of a batch that is handled in parts are left, if their connection still
 * works: otherwise they come again. */
static size_t rest(struct batch *batch)
{
    struct snapshot *snapshot = batch->settings.snapshot;
    size_t count = batch_count(batch);

    if (count == 0 || !snapshot_is_lost(snapshot, batch->decisions[batch->first].letter.delivery))
        return count;
    for (size_t i = batch->first; i < batch->count; i++)
        snapshot_give_up(snapshot, batch->decisions[i].letter.delivery);
    batch->end = batch->count;
    drop_part(batch);
    return 0;
}

enum exit_code batch_fill(struct batch *batch, size_t *count)
{
    struct delivery *deliveries[BATCH_MAX];
    enum exit_code code;

    *count = rest(batch);
    if (*count > 0) {
        snapshot_adapt(batch->settings.snapshot);
        return EXIT_OK;
    }
    code = snapshot_take(batch->settings.snapshot, deliveries, most(batch), count);
    for (size_t i = 0; i < *count && code == EXIT_OK; i++)
        select_letter(batch, deliveries[i]);
    return code;
}

bool batch_has_room(const struct batch *batch)
{
    return batch->count < most(batch);
}

struct decision *batch_add(struct batch *batch)
{
    struct decision *decision = &batch->decisions[batch->count++];

    batch->end = batch->count;
    return decision;
}

/* ---- the end of a letter ---- */

void batch_leave(struct batch *batch)
{
    batch->end = batch->count;
    for (size_t i = batch->first; i < batch->end; i++)
        leave(batch, &batch->decisions[i]);
    drop_part(batch);
}

static bool is_audited(const struct batch *batch)
{
    return batch->settings.audit != NULL && !batch->settings.rules->dry_run;
}

/* Killed between the audit and the removal, a letter is recorded twice; never not at all. */
static enum exit_code record(struct batch *batch, char *const lines[])
{
    struct audit *audit = batch->settings.audit;
    enum exit_code code = EXIT_OK;

    if (!is_audited(batch))
        return EXIT_OK;
    for (size_t i = batch->first; i < batch->end && code == EXIT_OK; i++) {
        struct decision *decision = &batch->decisions[i];
        struct audit_entry entry = {
            .fate = lines[i],
            .error_before = dead_letter_first_error(&decision->letter),
            .before = decision_body_before(decision),
            .after = decision->is_sent ? &decision->body : NULL,
        };

        code = audit_add(audit, &entry);
    }
    return code == EXIT_OK ? audit_sync(audit) : code;
}

static bool is_removed(const struct batch *batch, const struct decision *decision)
{
    enum fate_kind kind = decision->fate.kind;

    return !batch->settings.rules->dry_run && (kind == FATE_REPLAYED || kind == FATE_PARKED ||
                                               kind == FATE_DROPPED || kind == FATE_TAKEN);
}

static void settle(struct batch *batch, bool is_recorded)
{
    struct delivery *gone[BATCH_MAX];
    size_t count = 0;

    for (size_t i = batch->first; i < batch->end; i++) {
        if (is_recorded && is_removed(batch, &batch->decisions[i]))
            gone[count++] = batch->decisions[i].letter.delivery;
        else
            snapshot_keep(batch->settings.snapshot, batch->decisions[i].letter.delivery);
    }
    snapshot_remove(batch->settings.snapshot, gone, count);
}

/* Prints the lines of the current part if prints is true, and frees them. */
static enum exit_code print(const struct batch *batch, char *const lines[], bool prints)
{
    enum exit_code code = EXIT_OK;

    for (size_t i = batch->first; i < batch->end; i++) {
        if (prints && code == EXIT_OK)
            code = output_json_text(lines[i], strlen(lines[i]));
        free(lines[i]);
    }
    return code;
}

enum exit_code batch_conclude(struct batch *batch, enum exit_code code, bool prints)
{
    bool needs_lines = prints || is_audited(batch);
    char *lines[BATCH_MAX] = {NULL};
    enum exit_code recorded;
    enum exit_code printed;

    for (size_t i = batch->first; i < batch->end && batch->settings.snapshot != NULL; i++)
        if (!is_removed(batch, &batch->decisions[i]))
            (void)park_if_spent(batch, &batch->decisions[i]);
    for (size_t i = batch->first; i < batch->end && needs_lines; i++)
        lines[i] = decision_line(&batch->decisions[i]);
    recorded = record(batch, lines);
    if (batch->settings.snapshot != NULL)
        settle(batch, recorded == EXIT_OK);
    printed = print(batch, lines, prints && recorded == EXIT_OK);
    drop_part(batch);
    if (recorded == EXIT_OK && printed == EXIT_OK)
        printed = output_flush();
    return first_failure(first_failure(code, recorded), printed);
}
