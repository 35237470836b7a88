#include "finding.h"

#include "base/text.h"
#include "json/json.h"

#include <stddef.h>

cJSON *finding_add(cJSON *findings, const char *kind, const char *name, const char *problem)
{
    cJSON *finding = cJSON_CreateObject();

    json_need(finding);
    json_need(cJSON_AddStringToObject(finding, "kind", kind));
    json_need(cJSON_AddStringToObject(finding, "name", name));
    json_need(cJSON_AddStringToObject(finding, "problem", problem));
    (void)cJSON_AddItemToArray(findings, finding);
    return finding;
}

void finding_add_flags(cJSON *findings, const char *kind, const char *name, const cJSON *object)
{
    static const char *const fatal[] = {"exclusive", "auto_delete", "internal"};

    if (cJSON_IsFalse(json_member(object, "durable")))
        (void)finding_add(findings, kind, name, "not durable");
    for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++)
        if (cJSON_IsTrue(json_member(object, fatal[i])))
            (void)finding_add(findings, kind, name, fatal[i]);
}

bool finding_has_binding(const cJSON *bindings, const char *exchange, const char *routing_key)
{
    const cJSON *each;

    cJSON_ArrayForEach(each, bindings)
    {
        if (text_equals(json_member_text(each, "source"), exchange) &&
            text_equals(json_member_text(each, "routing_key"), routing_key))
            return true;
    }
    return false;
}
