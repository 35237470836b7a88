#include "books.h"

#include "base/stop.h"
#include "base/text.h"
#include "json/json.h"
#include "json/output.h"

#include <inttypes.h>

static void add_number(cJSON *line, const char *name, int64_t number)
{
    json_need(cJSON_AddNumberToObject(line, name, (double)number));
}

static bool print_next(void *context, const struct ledger_report *report)
{
    enum exit_code *code = context;
    cJSON *line = cJSON_CreateObject();

    json_need(line);
    json_add_text(line, "sku", report->level.sku);
    add_number(line, "put_in", report->put_in);
    add_number(line, "taken_out", report->taken_out);
    add_number(line, "ordered", report->ordered);
    add_number(line, "released", report->released);
    add_number(line, "handed_over", report->handed_over);
    add_number(line, "reserved", report->level.reserved);
    add_number(line, "on_hand", report->level.on_hand);
    *code = output_json(line);
    return *code == EXIT_OK && !stop_requested();
}

enum exit_code books_print(struct ledger *ledger, int64_t since_ms)
{
    enum exit_code printed = EXIT_OK;
    enum exit_code code = ledger->operations->each_report(ledger, since_ms, print_next, &printed);

    return code == EXIT_OK ? printed : code;
}

static enum exit_code print_removed(const char *sku)
{
    cJSON *line = cJSON_CreateObject();

    json_need(line);
    json_add_text(line, "sku", sku);
    json_need(cJSON_AddTrueToObject(line, "removed"));
    return output_json(line);
}

enum exit_code books_remove(struct ledger *ledger, char *const skus[], bool *some_refused)
{
    enum exit_code code = EXIT_OK;

    for (; *skus != NULL && code == EXIT_OK; skus++) {
        struct ledger_level level = {.sku = *skus};

        code = ledger->operations->remove_level(ledger, &level);
        if (code != EXIT_OK)
            return code;
        if (level.is_limited && level.on_hand == 0 && level.reserved == 0) {
            code = print_removed(*skus);
            continue;
        }
        *some_refused = true;
        if (!level.is_limited)
            report("'%s' has no level", printable_text(*skus));
        else
            report("the level of '%s' stays: %" PRId64 " on hand, %" PRId64 " reserved",
                   printable_text(*skus), level.on_hand, level.reserved);
    }
    return code;
}
