#include "list.h"

#include "base/text.h"

static enum exit_code report_missing(const struct queues *queues)
{
    enum exit_code code = EXIT_OK;

    for (size_t i = 0; i < queues->count; i++) {
        if (!queues->views[i].depth.exists && queues->views[i].error == NULL) {
            report("no queue '%s'", printable_text(queues->views[i].name));
            code = EXIT_NO;
        }
    }
    return code;
}

enum exit_code list_queues(struct queues *queues, enum queues_format format, bool must_exist)
{
    enum exit_code code = queues_look_patiently(queues);
    enum exit_code asked;
    enum exit_code printed;
    enum exit_code refused;

    if (code != EXIT_OK)
        return code;
    asked = queues_ask(queues);
    if (asked != EXIT_OK)
        report("%s", management_reason(queues->management));
    printed = queues_print(queues, format);
    refused = queues_report_refused(queues);
    if (must_exist)
        code = report_missing(queues);
    return first_failure(first_failure(printed, asked), first_failure(refused, code));
}
