#include "dlq-replay/fate.h"

#include "unit.h"

#include "json/json.h"

#include <stdlib.h>
#include <string.h>

static void check_line(const struct fate *fate, const char *expected)
{
    char *line = fate_line(fate);

    SAME(line, expected);
    free(line);
}

static cJSON *parsed(const struct fate *fate)
{
    const char *reason;
    char *line = fate_line(fate);
    cJSON *tree = json_parse(line, strlen(line), &reason);

    free(line);
    return tree;
}

static void says_what_there_is_to_say(void)
{
    check_line(&(struct fate){.kind = FATE_REPLAYED,
                              .queue = "q",
                              .order_id = "1",
                              .exchange = "e",
                              .routing_key = "k",
                              .replays = 2},
               "{\"fate\":\"replayed\",\"queue\":\"q\",\"order_id\":\"1\",\"exchange\":\"e\","
               "\"routing_key\":\"k\",\"replays\":2,\"error\":null}");
    check_line(&(struct fate){.kind = FATE_LEFT,
                              .number = 7,
                              .error = "user_id is missing",
                              .handled = "reserved",
                              .reason = "a stop",
                              .dry_run = true},
               "{\"fate\":\"left\",\"number\":7,\"order_id\":null,\"exchange\":\"\","
               "\"routing_key\":\"\",\"replays\":0,\"error\":\"user_id is missing\","
               "\"handled\":\"reserved\",\"reason\":\"a stop\",\"dry_run\":true}");
}

static void names_each_kind(void)
{
    static const char *const names[] = {"replayed", "left",  "parked",  "dropped",
                                        "refused",  "taken", "restored"};

    for (size_t i = 0; i < COUNT(names); i++) {
        cJSON *line = parsed(&(struct fate){.kind = (enum fate_kind)i});

        SAME(json_member_text(line, "fate"), names[i]);
        cJSON_Delete(line);
    }
}

static void shows_names_that_json_cannot_hold(void)
{
    cJSON *line =
        parsed(&(struct fate){.queue = "\xFF", .exchange = "\xC3\xBC", .routing_key = "a\xC3"});

    SAME(json_member_text(line, "queue"), "\\xff");
    SAME(json_member_text(line, "exchange"), "\xC3\xBC");
    SAME(json_member_text(line, "routing_key"), "a\\xc3");
    cJSON_Delete(line);
}

static void counts_beyond_32_bits(void)
{
    cJSON *line = parsed(&(struct fate){.number = UINT64_C(5000000000), .replays = 4294967296});

    CHECK(json_member(line, "number")->valuedouble == 5e9);
    CHECK(json_member(line, "replays")->valuedouble == 4294967296.0);
    cJSON_Delete(line);
}

int main(void)
{
    RUN(says_what_there_is_to_say);
    RUN(names_each_kind);
    RUN(shows_names_that_json_cannot_hold);
    RUN(counts_beyond_32_bits);
    return unit_end();
}
