#include "verdict.h"

#include "base/text.h"
#include "json/json.h"

static const char *const names[] = {
    [LEVEL_UNKNOWN] = "unknown", [LEVEL_WARNING] = "warning", [LEVEL_CRITICAL] = "critical"};

enum level level_worse(enum level a, enum level b)
{
    return a > b ? a : b;
}

void verdict_add(cJSON *checks, const char *name, enum level level, const char *detail)
{
    cJSON *check = cJSON_AddObjectToObject(checks, name);

    json_need(check);
    json_need(cJSON_AddBoolToObject(check, "ok", level == LEVEL_OK));
    if (level == LEVEL_OK)
        return;
    json_need(cJSON_AddStringToObject(check, "level", names[level]));
    json_need(cJSON_AddStringToObject(check, "detail", detail));
}

void verdict_warn(cJSON *checks, const char *name, const char *warning)
{
    if (*warning != '\0')
        json_add_text(cJSON_GetObjectItemCaseSensitive(checks, name), "warning", warning);
}

enum level verdict_of(const cJSON *check)
{
    const char *name = json_member_text(check, "level");
    enum level level = json_member(check, "warning") != NULL ? LEVEL_WARNING : LEVEL_OK;

    for (enum level i = LEVEL_UNKNOWN; i <= LEVEL_CRITICAL; i++)
        if (text_equals(name, names[i]))
            level = level_worse(level, i);
    return level;
}
