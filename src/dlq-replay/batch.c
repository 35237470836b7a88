#include "batch.h"

#include "fate.h"
#include "rate_limit.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/output.h"
#include "base/stop.h"
#include "base/text.h"
#include "json/json.h"
#include "json/output.h"
#include "process/coprocess.h"

#include <stdint.h>
#include <stdlib.h>

#define BATCH_MAX 256
#define PART_MS 1000 /* that the first letter of a batch may wait for the others */

struct batch {
    struct batch_settings settings;
    struct rate_limit pace;
    struct replay treated[BATCH_MAX];
    bool is_on_its_way[BATCH_MAX]; /* published, and not known to be confirmed or refused */
    size_t first;                  /* letters before it were handled */
    size_t end;                    /* of the part at hand */
    size_t count;
    bool some_wrong;     /* something was refused, or left that was to be sent */
    bool some_bad_input; /* of a file, something is no letter */
    size_t parked; /* letters that were to stay, and would have been removed for coming back; */
    size_t spent;  /* that are, since they were not parked */
};

struct batch *batch_new(const struct batch_settings *settings)
{
    struct batch *batch = xcalloc(1, sizeof *batch);

    batch->settings = *settings;
    batch->pace.rate = settings->rate;
    return batch;
}

/* The part at hand was handled. */
static void drop_part(struct batch *batch)
{
    for (size_t i = batch->first; i < batch->end; i++) {
        batch->some_wrong = batch->some_wrong || batch->treated[i].is_wrong;
        batch->some_bad_input = batch->some_bad_input || batch->treated[i].is_no_letter;
        replay_free(&batch->treated[i]);
        batch->is_on_its_way[i] = false;
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
    free(batch);
}

enum exit_code batch_verdict(const struct batch *batch)
{
    if (batch->some_wrong)
        return EXIT_REFUSED;
    return batch->some_bad_input ? EXIT_INPUT : EXIT_OK;
}

/* As it is published; properties are those of the message. */
static struct message message_of(const struct replay *replay,
                                 const amqp_basic_properties_t *properties)
{
    return (struct message){.exchange = replay->fate.exchange,
                            .routing_key = replay->fate.routing_key,
                            .properties = properties,
                            .body = replay->body};
}

/* ---- letters that stay ---- */

/* Publishes a letter that is parked. Nothing else may be on its way. True if the queue has it. */
static bool publish_parked(struct batch *batch, struct replay *replay)
{
    struct publisher *publisher = batch->settings.publisher;
    amqp_basic_properties_t properties = replay_properties(replay, batch->settings.rules);
    struct message message = message_of(replay, &properties);
    enum publish_result fate = PUBLISH_REFUSED;
    uint64_t cookie;

    if (publisher_send(publisher, &message, 0) == EXIT_OK &&
        publisher_wait_all(publisher) == EXIT_OK)
        (void)publisher_next(publisher, &cookie, &fate);
    publisher_forget(publisher);
    return fate == PUBLISH_CONFIRMED;
}

/*
 * Parks a letter that was to stay if it would not survive that. If its connection is lost, it comes
 * again, or the broker has removed it already. False if it is to be kept nevertheless, with the
 * fate that it had.
 */
static bool park_if_spent(struct batch *batch, struct replay *replay)
{
    struct replay_rules *rules = batch->settings.rules;
    const struct replay before = *replay;
    enum exit_code code;

    if (!replay_is_spent(replay, rules) ||
        snapshot_is_lost(batch->settings.snapshot, replay->letter.delivery))
        return false;
    if (replay_park(replay, rules, &code) && code == EXIT_OK && publish_parked(batch, replay)) {
        batch->parked++;
        return true;
    }
    batch->spent++;
    replay->fate = before.fate;
    replay->is_sent = before.is_sent;
    replay->properties = before.properties;
    replay->body = before.body;
    return false;
}

/* Letters that were handed out before it may be unsettled. */
static void keep(struct batch *batch, struct replay *replay)
{
    if (park_if_spent(batch, replay))
        snapshot_remove_alone(batch->settings.snapshot, replay->letter.delivery);
    else
        snapshot_keep(batch->settings.snapshot, replay->letter.delivery);
}

void batch_report_spent(const struct batch *batch)
{
    const struct replay_rules *rules = batch->settings.rules;
    const char *queue = printable_text(rules->queue);

    if (batch->parked > 0)
        report("%zu letter%s of '%s' parked: the delivery limit of %ld would have removed what "
               "came back "
               "once more",
               batch->parked, batch->parked == 1 ? "" : "s", queue, rules->delivery_limit);
    if (batch->spent > 0)
        report("%zu letter%s of '%s' came back more often than the delivery limit of %ld allows: "
               "the broker has "
               "removed %s",
               batch->spent, batch->spent == 1 ? "" : "s", queue, rules->delivery_limit,
               batch->spent == 1 ? "it" : "them");
}

/* ---- filling ---- */

/* What is sent slowly is told each second. */
static size_t most(const struct batch *batch)
{
    long rate = batch->settings.rate;

    return rate > 0 && rate < BATCH_MAX ? (size_t)rate : BATCH_MAX;
}

static void choose(struct batch *batch, struct delivery *delivery)
{
    struct replay *replay = &batch->treated[batch->count];

    replay_of_letter(replay, batch->settings.rules, delivery);
    if (snapshot_wants(batch->settings.snapshot, &replay->letter)) {
        batch->end = ++batch->count;
        return;
    }
    keep(batch, replay);
    replay_free(replay);
}

/*
 * Letters of a batch that is handled in parts, if they did not come on a connection that is lost
 * meanwhile.
 */
static size_t rest(struct batch *batch)
{
    struct snapshot *snapshot = batch->settings.snapshot;
    size_t count = batch->count - batch->first;

    if (count == 0 || !snapshot_is_lost(snapshot, batch->treated[batch->first].letter.delivery))
        return count;
    for (size_t i = batch->first; i < batch->count; i++)
        snapshot_give_up(snapshot, batch->treated[i].letter.delivery);
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
        choose(batch, deliveries[i]);
    return code;
}

bool batch_has_room(const struct batch *batch)
{
    return batch->count < most(batch);
}

void batch_add(struct batch *batch, const struct json_piece *piece)
{
    replay_of_piece(&batch->treated[batch->count++], batch->settings.rules, piece);
    batch->end = batch->count;
}

size_t batch_count(const struct batch *batch)
{
    return batch->count - batch->first;
}

/* Ends the part at hand with the letter at index, if its first one has waited long enough. */
static void end_part(struct batch *batch, size_t index, int64_t since_ms)
{
    if (clock_monotonic_ms() - since_ms >= PART_MS)
        batch->end = index + 1;
}

/* ---- sending ---- */

static void take_fates(struct batch *batch)
{
    struct publisher *publisher = batch->settings.publisher;
    uint64_t index;
    enum publish_result fate;

    while (publisher_next(publisher, &index, &fate)) {
        batch->is_on_its_way[index] = false;
        if (fate != PUBLISH_CONFIRMED)
            replay_refused(&batch->treated[index], fate == PUBLISH_UNROUTABLE
                                                       ? "no queue takes it there"
                                                       : publisher_reason(publisher));
    }
}

static enum exit_code send(struct batch *batch, size_t index)
{
    struct replay *replay = &batch->treated[index];
    struct publisher *publisher = batch->settings.publisher;
    amqp_basic_properties_t properties = replay_properties(replay, batch->settings.rules);
    struct message message = message_of(replay, &properties);
    enum exit_code code = EXIT_OK;

    rate_limit_wait(&batch->pace);
    while (code == EXIT_OK && !publisher_has_room(publisher)) {
        code = publisher_wait(publisher);
        take_fates(batch);
    }
    if (code == EXIT_OK)
        code = publisher_send(publisher, &message, index);
    batch->is_on_its_way[index] = code == EXIT_OK;
    return code;
}

static void say_what_is_ignored(const struct replay *replay)
{
    if (replay->fate.handled != NULL)
        report("order %s is %s already: the worker will ignore it",
               printable_text(replay->fate.order_id), replay->fate.handled);
}

/* Decides that those from index on are left, unless something else was decided that is not to send
 * them. */
static void leave_from(struct batch *batch, size_t index, const char *reason)
{
    for (size_t i = index; i < batch->end; i++)
        if (batch->treated[i].is_sent)
            replay_left(&batch->treated[i], reason);
}

/* Those of which nobody knows whether they have arrived. */
static void leave_unconfirmed(struct batch *batch)
{
    for (size_t i = batch->first; i < batch->end; i++)
        if (batch->is_on_its_way[i])
            replay_left(&batch->treated[i],
                        "the broker did not confirm it, but may have it all the same");
    publisher_forget(batch->settings.publisher);
}

/*
 * Publishes what is to be sent, up to a stop if it heeds that, and waits until the fate of all of
 * it is known. All letters have a fate afterwards, whatever the code.
 */
static enum exit_code send_all(struct batch *batch, bool heeds_stop)
{
    bool dry_run = batch->settings.rules->dry_run;
    enum exit_code code = EXIT_OK;
    enum exit_code settled = EXIT_OK;
    size_t i;

    for (i = batch->first; i < batch->end && !(heeds_stop && stop_requested()); i++) {
        say_what_is_ignored(&batch->treated[i]);
        if (batch->treated[i].is_sent && !dry_run)
            code = send(batch, i);
        if (code != EXIT_OK)
            break;
    }
    leave_from(batch, i, code == EXIT_OK ? "asked to stop" : "the broker cannot be reached");
    if (code == EXIT_OK && !dry_run)
        settled = publisher_wait_all(batch->settings.publisher);
    take_fates(batch);
    leave_unconfirmed(batch);
    return first_failure(code, settled);
}

/* ---- the end of a letter ---- */

/* In the audit before it is removed: what was done may stand there twice, and never not at all. */
static enum exit_code record(const struct batch *batch, cJSON *const lines[])
{
    struct audit *audit = batch->settings.audit;
    enum exit_code code = EXIT_OK;

    if (audit == NULL || batch->settings.rules->dry_run)
        return EXIT_OK;
    for (size_t i = batch->first; i < batch->end && code == EXIT_OK; i++) {
        const struct replay *replay = &batch->treated[i];
        const struct delivery *delivery = replay->letter.delivery;

        code = audit_add(audit, lines[i], delivery != NULL ? delivery->body : replay->body,
                         replay->is_sent ? &replay->body : NULL);
    }
    return code == EXIT_OK ? audit_sync(audit) : code;
}

static bool is_removed(const struct batch *batch, const struct replay *replay)
{
    enum fate_kind kind = replay->fate.kind;

    return !batch->settings.rules->dry_run && (kind == FATE_REPLAYED || kind == FATE_PARKED ||
                                               kind == FATE_DROPPED || kind == FATE_TAKEN);
}

/* Removes what has gone elsewhere if that is recorded. */
static void settle(struct batch *batch, bool recorded)
{
    struct delivery *gone[BATCH_MAX];
    size_t count = 0;

    for (size_t i = batch->first; i < batch->end; i++) {
        if (recorded && is_removed(batch, &batch->treated[i]))
            gone[count++] = batch->treated[i].letter.delivery;
        else
            snapshot_keep(batch->settings.snapshot, batch->treated[i].letter.delivery);
    }
    snapshot_remove(batch->settings.snapshot, gone, count);
}

/*
 * The letters of the part at hand have met their fates, and code says how that went: records them,
 * settles the letters, and prints the fates if tells.
 */
static enum exit_code conclude(struct batch *batch, enum exit_code code, bool tells)
{
    cJSON *lines[BATCH_MAX];
    enum exit_code recorded;
    enum exit_code printed = EXIT_OK;

    for (size_t i = batch->first; i < batch->end && batch->settings.snapshot != NULL; i++)
        if (!is_removed(batch, &batch->treated[i]))
            (void)park_if_spent(batch, &batch->treated[i]);
    for (size_t i = batch->first; i < batch->end; i++)
        lines[i] = fate_line(&batch->treated[i].fate);
    recorded = record(batch, lines);
    if (batch->settings.snapshot != NULL)
        settle(batch, recorded == EXIT_OK);
    for (size_t i = batch->first; i < batch->end; i++) {
        if (recorded == EXIT_OK && printed == EXIT_OK && tells)
            printed = output_json(lines[i]);
        else
            cJSON_Delete(lines[i]);
    }
    drop_part(batch);
    if (recorded == EXIT_OK && printed == EXIT_OK)
        printed = output_flush();
    return first_failure(first_failure(code, recorded), printed);
}

/* ---- what is done with it ---- */

static enum exit_code show(struct replay *replay, const struct replay_rules *rules)
{
    cJSON *envelope = dead_letter_envelope(&replay->letter, rules->queue);
    enum exit_code code = replay_look_up(replay, rules);

    if (replay->fate.handled != NULL)
        json_need(cJSON_AddStringToObject(envelope, "handled", replay->fate.handled));
    if (code == EXIT_OK)
        return output_json(envelope);
    cJSON_Delete(envelope);
    return code;
}

/* Of letters that were only looked at, or with which nothing is to be done after all. */
static void leave(struct batch *batch)
{
    batch->end = batch->count;
    for (size_t i = batch->first; i < batch->end; i++)
        keep(batch, &batch->treated[i]);
    drop_part(batch);
}

enum exit_code batch_list(struct batch *batch)
{
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < batch->count && code == EXIT_OK; i++)
        code = show(&batch->treated[i], batch->settings.rules);
    leave(batch);
    return code;
}

void batch_sum_up(struct batch *batch, struct summary *summary)
{
    for (size_t i = 0; i < batch->count; i++)
        summary_add(summary, &batch->treated[i].letter);
    leave(batch);
}

enum exit_code batch_take(struct batch *batch)
{
    int64_t since_ms = clock_monotonic_ms();
    enum exit_code code = EXIT_OK;

    for (size_t i = batch->first; i < batch->end && code == EXIT_OK; i++) {
        /* What cannot be shown as it is would be lost. */
        if (replay_can_be_taken(&batch->treated[i], batch->settings.rules)) {
            code = show(&batch->treated[i], batch->settings.rules);
            replay_decide(&batch->treated[i], FATE_TAKEN, "");
        }
        end_part(batch, i, since_ms);
    }
    if (code == EXIT_OK)
        code = output_sync();
    if (code == EXIT_OK)
        return conclude(batch, EXIT_OK, false);
    leave(batch);
    return code;
}

enum exit_code batch_replay(struct batch *batch)
{
    struct replay_rules *rules = batch->settings.rules;
    int64_t since_ms = clock_monotonic_ms();
    enum exit_code code = EXIT_OK;
    size_t i;

    for (i = batch->first; i < batch->end && code == EXIT_OK && !stop_requested(); i++) {
        code = replay_consider(&batch->treated[i], rules);
        end_part(batch, i, since_ms);
    }
    for (; i < batch->end; i++)
        replay_decide(&batch->treated[i], FATE_LEFT, "asked to stop");
    if (code == EXIT_OK && rules->filter != NULL)
        code = coprocess_check(rules->filter);
    if (code == EXIT_OK)
        return conclude(batch, send_all(batch, true), true);
    leave(batch);
    return code;
}

enum exit_code batch_restore(struct batch *batch)
{
    return conclude(batch, send_all(batch, batch->settings.rate > 0), true);
}

enum exit_code batch_give_up(struct batch *batch, const char *reason)
{
    leave_from(batch, batch->first, reason);
    return conclude(batch, EXIT_OK, true);
}
