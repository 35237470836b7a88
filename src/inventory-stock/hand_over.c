#include "hand_over.h"

#include "input.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/report.h"
#include "base/stop.h"
#include "base/text.h"
#include "json/json.h"
#include "json/output.h"
#include "order/event.h"
#include "order/order.h"
#include "stock/holding.h"
#include "stock/levels.h"

#include <stdlib.h>
#include <string.h>

#define BATCH 256

/* What is handed over in one commit. */
struct batch {
    struct ledger *ledger;
    struct ledger_end ends[BATCH];
    struct ledger_decision decisions[BATCH];
    size_t count;
    bool was_claimed[BATCH]; /* by a decision that was lost, perhaps after its commit */
    struct levels levels;
    bool *some_refused;
};

/* ---- one commit ---- */

static void read_holdings(struct batch *batch, struct holding *holdings)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct ledger_end *end = &batch->ends[i];

        holding_read(&holdings[i], end->is_noted, end->held);
        for (size_t j = 0; j < holdings[i].item_count; j++)
            levels_add(&batch->levels, holdings[i].items[j].sku);
    }
}

static enum exit_code commit(struct batch *batch, const struct holding *holdings)
{
    struct ledger_commit commit = {.decisions = batch->decisions};

    for (size_t i = 0; i < batch->count; i++) {
        const struct ledger_end *end = &batch->ends[i];

        if (end->outcome != LEDGER_RESERVED)
            continue;
        levels_hand_over(&batch->levels, holdings[i].items, holdings[i].item_count);
        batch->decisions[commit.decision_count++] =
            (struct ledger_decision){.key = end->key,
                                     .outcome = LEDGER_HANDED_OVER,
                                     .event = holding_event(&holdings[i], EVENT_HANDED_OVER,
                                                            end->order_id, NULL, clock_utc_ms()),
                                     .trace = end->trace};
    }
    commit.levels = batch->levels.all;
    commit.level_count = batch->levels.count;
    return batch->ledger->operations->commit(batch->ledger, &commit);
}

static enum exit_code decide(struct batch *batch)
{
    struct holding holdings[BATCH];
    enum exit_code code;

    memset(batch->decisions, 0, sizeof batch->decisions);
    read_holdings(batch, holdings);
    code = levels_read(&batch->levels, batch->ledger);
    if (code == EXIT_OK)
        code = commit(batch, holdings);
    else
        batch->ledger->operations->abandon(batch->ledger);
    for (size_t i = 0; i < batch->count; i++) {
        free((char *)batch->decisions[i].event);
        holding_free(&holdings[i]);
    }
    levels_clear(&batch->levels);
    return code;
}

/* An order that a lost decision had claimed, and that is handed over now, is so by this program. */
static enum exit_code record_once(struct batch *batch)
{
    enum exit_code code = batch->ledger->operations->claim_ends(batch->ledger, LEDGER_HANDED_OVER,
                                                                batch->ends, batch->count);

    if (code == EXIT_OK)
        code = decide(batch);
    for (size_t i = 0; i < batch->count; i++) {
        struct ledger_end *end = &batch->ends[i];

        free(end->held);
        free(end->trace);
        if (end->outcome == LEDGER_RESERVED)
            batch->was_claimed[i] = true;
        else if (end->outcome == LEDGER_HANDED_OVER && batch->was_claimed[i])
            end->outcome = LEDGER_RESERVED;
    }
    return code;
}

static enum exit_code record(struct batch *batch)
{
    enum exit_code code;

    memset(batch->was_claimed, 0, sizeof batch->was_claimed);
    do
        code = record_once(batch);
    while (code == EXIT_PENDING);
    return code;
}

/* ---- the answers ---- */

static enum exit_code answer(const struct ledger_end *end)
{
    static const struct {
        const char *status;
        const char *refused;
    } answers[] = {[LEDGER_UNKNOWN] = {"UNKNOWN", "this ledger does not have it"},
                   [LEDGER_RESERVED] = {"HANDED_OVER", NULL},
                   [LEDGER_FAILED] = {"FAILED", "its reservation failed"},
                   [LEDGER_RELEASED] = {"CANCELLED", "it was released"},
                   [LEDGER_HANDED_OVER] = {"HANDED_OVER", "it was handed over before"},
                   [LEDGER_CANCELLED] = {"CANCELLED", "it was cancelled before it came"}};
    cJSON *line = cJSON_CreateObject();

    json_need(line);
    json_add_text(line, "order_id", end->order_id);
    json_add_text(line, "status", answers[end->outcome].status);
    if (answers[end->outcome].refused != NULL)
        json_add_text(line, "refused", answers[end->outcome].refused);
    else if (!end->is_noted)
        report("'%s': what it holds is not on record, so no level changes", end->order_id);
    return output_json(line);
}

/* Hands over what was collected, and answers. */
static enum exit_code finish(void *context)
{
    struct batch *batch = context;
    enum exit_code code = batch->count == 0 ? EXIT_OK : record(batch);

    for (size_t i = 0; i < batch->count; i++) {
        if (code == EXIT_OK) {
            *batch->some_refused =
                *batch->some_refused || batch->ends[i].outcome != LEDGER_RESERVED;
            code = answer(&batch->ends[i]);
        }
        free((char *)batch->ends[i].order_id);
    }
    batch->count = 0;
    return code;
}

/* Adds an order to those that are handed over together. */
static enum exit_code take(void *context, const char *order_id)
{
    struct batch *batch = context;

    batch->ends[batch->count++].order_id = xstrdup(order_id);
    return batch->count == BATCH ? finish(batch) : EXIT_OK;
}

/* ---- the input ---- */

static enum exit_code take_operands(struct batch *batch, char **ids)
{
    enum exit_code code = EXIT_OK;

    for (; code == EXIT_OK && *ids != NULL && !stop_requested(); ids++) {
        if (text_is_printable(*ids, strlen(*ids), ORDER_MAX_ID)) {
            code = take(batch, *ids);
        } else {
            report("'%s' is not the id of an order", printable_text(*ids));
            *batch->some_refused = true;
        }
    }
    return code == EXIT_OK ? finish(batch) : code;
}

enum exit_code hand_over(struct ledger *ledger, char **ids, bool *some_refused)
{
    struct batch *batch = xcalloc(1, sizeof *batch);
    const struct input input = {.kind = ID_STREAM_ORDERS,
                                .take = take,
                                .finish = finish,
                                .context = batch,
                                .some_refused = some_refused};
    enum exit_code code;

    batch->ledger = ledger;
    batch->some_refused = some_refused;
    code = *ids != NULL ? take_operands(batch, ids) : input_take(&input);
    levels_free(&batch->levels);
    free(batch);
    return code;
}
