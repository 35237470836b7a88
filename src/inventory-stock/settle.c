#include "settle.h"

#include "input.h"

#include "base/memory.h"
#include "base/report.h"
#include "base/stop.h"
#include "base/text.h"
#include "json/json.h"
#include "json/output.h"
#include "order/order.h"
#include "stock/holding.h"
#include "stock/levels.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What becomes of one level. */
struct share {
    int64_t rest;    /* reserved, but held by no order on record; negative if they hold more */
    int64_t doubted; /* the rest that a commit moves that was not answered; 0: none */
    int64_t settled; /* moved by commits that are known to be made */
};

/* What is settled in one commit. */
struct settlement {
    struct ledger *ledger;
    struct levels levels;
    struct share *shares; /* one for each level */
    bool *some_refused;
    bool some_settled; /* by any commit of this run */
};

/* ---- one commit ---- */

/* Takes off the rests what an order holds. What cannot be read, the order does not give back when
 * it ends: it is not on record. */
static void take_off(void *context, const char *held)
{
    struct settlement *settlement = context;
    const struct levels *levels = &settlement->levels;
    struct holding holding;

    holding_read(&holding, true, held);
    for (size_t i = 0; i < holding.item_count; i++) {
        const struct ledger_level *level = levels_find(levels, holding.items[i].sku);

        if (level != NULL)
            settlement->shares[level - levels->all].rest -= holding.items[i].qty;
    }
    holding_free(&holding);
}

static enum exit_code find_rests(struct settlement *settlement)
{
    struct levels *levels = &settlement->levels;
    enum exit_code code = levels_read(levels, settlement->ledger);

    for (size_t i = 0; i < levels->count && code == EXIT_OK; i++)
        settlement->shares[i].rest = levels->all[i].reserved;
    return code == EXIT_OK
               ? settlement->ledger->operations->each_held(settlement->ledger, take_off, settlement)
               : code;
}

/* Moves the rests in memory, and returns whether there are any. A commit in doubt was made if less
 * is left than it moves: otherwise a rest only grows. */
static bool move_rests(struct settlement *settlement)
{
    bool any = false;

    for (size_t i = 0; i < settlement->levels.count; i++) {
        struct ledger_level *level = &settlement->levels.all[i];
        struct share *share = &settlement->shares[i];

        if (share->rest < share->doubted)
            share->settled += share->doubted;
        share->doubted = 0;
        if (share->rest <= 0)
            continue;
        level->handed = share->rest;
        level->reserved -= share->rest;
        any = true;
    }
    return any;
}

static enum exit_code commit(struct settlement *settlement)
{
    const struct ledger_commit commit = {.levels = settlement->levels.all,
                                         .level_count = settlement->levels.count};
    enum exit_code code = settlement->ledger->operations->commit(settlement->ledger, &commit);

    for (size_t i = 0; i < settlement->levels.count; i++) {
        struct share *share = &settlement->shares[i];
        int64_t rest = share->rest > 0 ? share->rest : 0;

        if (code == EXIT_OK)
            share->settled += rest;
        else
            share->doubted = rest;
    }
    return code;
}

static enum exit_code record_once(struct settlement *settlement)
{
    enum exit_code code = find_rests(settlement);

    if (code == EXIT_OK && move_rests(settlement))
        return commit(settlement);
    settlement->ledger->operations->abandon(settlement->ledger);
    return code;
}

static enum exit_code record(struct settlement *settlement)
{
    enum exit_code code;

    while ((code = record_once(settlement)) == EXIT_PENDING)
        levels_doubt(&settlement->levels);
    return code;
}

/* ---- the answers ---- */

static enum exit_code print(const struct ledger_level *level, const struct share *share)
{
    cJSON *line = cJSON_CreateObject();

    json_need(line);
    json_add_text(line, "sku", level->sku);
    json_need(cJSON_AddNumberToObject(line, "on_hand", (double)level->on_hand));
    json_need(cJSON_AddNumberToObject(line, "reserved", (double)level->reserved));
    json_need(cJSON_AddNumberToObject(line, "settled", (double)share->settled));
    return output_json(line);
}

static enum exit_code answer(struct settlement *settlement, const struct ledger_level *level,
                             const struct share *share)
{
    settlement->some_settled = settlement->some_settled || share->settled > 0;
    if (level->is_limited && share->rest >= 0)
        return print(level, share);
    *settlement->some_refused = true;
    if (!level->is_limited)
        report("'%s' has no level", printable_text(level->sku));
    else
        report("'%s': orders hold %" PRId64 ", but %" PRId64 " are reserved: nothing is settled",
               printable_text(level->sku), level->reserved - share->rest, level->reserved);
    return EXIT_OK;
}

/* Settles what was collected, and answers. */
static enum exit_code finish(void *context)
{
    struct settlement *settlement = context;
    struct levels *levels = &settlement->levels;
    enum exit_code code;

    if (levels->count == 0)
        return EXIT_OK;
    settlement->shares = xcalloc(levels->count, sizeof *settlement->shares);
    code = record(settlement);
    for (size_t i = 0; i < levels->count && code == EXIT_OK; i++)
        code = answer(settlement, &levels->all[i], &settlement->shares[i]);
    free(settlement->shares);
    levels_clear(levels);
    return code;
}

/* Says how many orders may still be waited for by a customer, or be cancelled. */
static enum exit_code tell_of_open_orders(struct ledger *ledger)
{
    int64_t count;
    enum exit_code code = ledger->operations->count_unnoted(ledger, &count);

    if (code == EXIT_OK && count > 0)
        report("orders of an earlier version that are still reserved: %" PRId64
               "; what they hold is booked as handed over now",
               count);
    return code;
}

/* ---- the input ---- */

static enum exit_code take_operands(struct settlement *settlement, char **skus)
{
    for (; *skus != NULL; skus++) {
        if (text_is_printable(*skus, strlen(*skus), ORDER_MAX_TEXT)) {
            levels_add(&settlement->levels, *skus);
        } else {
            report("'%s' is not a sku", printable_text(*skus));
            *settlement->some_refused = true;
        }
    }
    return finish(settlement);
}

static enum exit_code take(void *context, const char *sku)
{
    struct settlement *settlement = context;

    levels_add(&settlement->levels, sku);
    return EXIT_OK;
}

static bool take_level(void *context, const struct ledger_level *level)
{
    struct settlement *settlement = context;

    levels_add(&settlement->levels, level->sku);
    return !stop_requested();
}

static enum exit_code take_all(struct settlement *settlement)
{
    enum exit_code code =
        settlement->ledger->operations->each_level(settlement->ledger, take_level, settlement);

    return code == EXIT_OK && !stop_requested() ? finish(settlement) : code;
}

static enum exit_code end(struct settlement *settlement, enum exit_code code)
{
    if (code == EXIT_OK && settlement->some_settled)
        code = tell_of_open_orders(settlement->ledger);
    levels_free(&settlement->levels);
    return code;
}

enum exit_code settle(struct ledger *ledger, char **skus, bool *some_refused)
{
    struct settlement settlement = {.ledger = ledger, .some_refused = some_refused};
    const struct input input = {.kind = ID_STREAM_SKUS,
                                .take = take,
                                .finish = finish,
                                .context = &settlement,
                                .some_refused = some_refused};

    return end(&settlement, *skus != NULL ? take_operands(&settlement, skus) : input_take(&input));
}

enum exit_code settle_all(struct ledger *ledger, bool *some_refused)
{
    struct settlement settlement = {.ledger = ledger, .some_refused = some_refused};

    return end(&settlement, take_all(&settlement));
}
