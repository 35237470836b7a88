#include "tap_keys.h"

#include "amqp/topology.h"
#include "base/text.h"
#include "json/json.h"

#include <string.h>

static void add_known_keys(struct tap *tap)
{
    for (size_t i = 0; i < TOPOLOGY_ALL_COUNT; i++) {
        const struct topology_part *part = &topology_parts[i];

        if (part->kind == TOPOLOGY_BINDING && strcmp(part->exchange, tap->exchange) == 0)
            tap_add_key(tap, part->routing_key);
    }
}

static void add_keys_of(struct tap *tap, const cJSON *bindings)
{
    const cJSON *each;

    cJSON_ArrayForEach(each, bindings)
    {
        const char *key = json_member_text(each, "routing_key");

        if (key != NULL)
            tap_add_key(tap, key);
    }
}

static enum exit_code ask_for_keys(struct tap *tap, struct management *management)
{
    cJSON *exchange;
    cJSON *bindings = NULL;
    enum exit_code code =
        management_get(management, "exchanges", tap->exchange, "?columns=type", &exchange);
    const char *type = json_member_text(exchange, "type");

    if (code == EXIT_OK)
        code =
            management_get(management, "exchanges", tap->exchange, "/bindings/source", &bindings);
    if (code != EXIT_OK)
        report("%s", management_reason(management));
    else if (type != NULL && strcmp(type, "direct") != 0)
        tap_add_key(tap, "#");
    else
        add_keys_of(tap, bindings);
    cJSON_Delete(exchange);
    cJSON_Delete(bindings);
    return code;
}

enum exit_code tap_find_keys(struct tap *tap, struct management *management)
{
    enum exit_code code = EXIT_OK;

    if (management != NULL)
        code = ask_for_keys(tap, management);
    else
        add_known_keys(tap);
    if (code == EXIT_OK && tap->key_count == 0) {
        report("which messages of the exchange '%s'? name their routing keys with --routing-key",
               printable_text(tap->exchange));
        code = EXIT_USAGE;
    }
    return code;
}
