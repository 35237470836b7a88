#include "access_log.h"

#include "target.h"

#include "base/report.h"
#include "base/text.h"
#include "json/writer.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define METHOD_MAX 16

/* "-" or "null" stands for no status. */
static void status_text(unsigned status, const char *none, char text[8])
{
    if (status == 0)
        (void)snprintf(text, 8, "%s", none);
    else
        (void)snprintf(text, 8, "%u", status % 1000);
}

/* Returns the path of a target, to be shown. */
static const char *path_of(const char *target)
{
    const char *path = target_path(target);

    return printable(path, strcspn(path, "?"));
}

/* Returns the members of the line as JSON; free with free(). */
static char *members_of(const struct access *access)
{
    struct json_writer members;
    char numbers[96];
    char status[8];

    status_text(access->status, "null", status);
    (void)snprintf(numbers, sizeof numbers,
                   ", \"status\": %s, \"bytes\": %" PRIu64 ", \"ms\": %.3f", status, access->bytes,
                   (double)access->duration_us / 1000);
    json_writer_start(&members);
    json_writer_member(&members, ", \"method\": ",
                       printable_up_to(METHOD_MAX, access->method, strlen(access->method)));
    json_writer_member(&members, ", \"path\": ", path_of(access->target));
    json_writer_raw(&members, numbers);
    json_writer_member(&members, ", \"peer\": ", printable_text(access->peer));
    return json_writer_end(&members);
}

void access_log(const struct access *access)
{
    bool has_order = *access->order_id != '\0';
    char *members = report_format() == LOG_JSON ? members_of(access) : NULL;
    char status[8];

    status_text(access->status, "-", status);
    log_members(has_order ? access->order_id : NULL, members,
                "[http] %s %s %s %" PRIu64 " bytes %.3f ms %s%s%s",
                printable_up_to(METHOD_MAX, access->method, strlen(access->method)),
                path_of(access->target), status, access->bytes, (double)access->duration_us / 1000,
                printable_text(access->peer), has_order ? " " : "", access->order_id);
    free(members);
}
