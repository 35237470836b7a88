#include "access_log.h"

#include "target.h"

#include "base/clock.h"
#include "base/report.h"
#include "base/text.h"
#include "json/writer.h"

#include <inttypes.h>
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

static void log_text(const struct access *access)
{
    char status[8];

    status_text(access->status, "-", status);
    log_line("[http] %s %s %s %" PRIu64 " bytes %.3f ms %s%s%s",
             printable_up_to(METHOD_MAX, access->method, strlen(access->method)),
             path_of(access->target), status, access->bytes, (double)access->duration_us / 1000,
             printable_text(access->peer), *access->order_id == '\0' ? "" : " ", access->order_id);
}

static void log_json(const struct access *access)
{
    struct json_writer line;
    char time[CLOCK_TEXT_SIZE];
    char numbers[96];
    char status[8];
    char *text;

    clock_rfc3339(clock_utc_ms(), time);
    status_text(access->status, "null", status);
    (void)snprintf(numbers, sizeof numbers,
                   ", \"status\": %s, \"bytes\": %" PRIu64 ", \"ms\": %.3f", status, access->bytes,
                   (double)access->duration_us / 1000);
    json_writer_start(&line);
    json_writer_member(&line, "{\"time\": ", time);
    json_writer_member(&line, ", \"method\": ",
                       printable_up_to(METHOD_MAX, access->method, strlen(access->method)));
    json_writer_member(&line, ", \"path\": ", path_of(access->target));
    json_writer_raw(&line, numbers);
    json_writer_member(&line, ", \"peer\": ", printable_text(access->peer));
    if (*access->order_id != '\0')
        json_writer_member(&line, ", \"order_id\": ", access->order_id);
    json_writer_raw(&line, "}");
    text = json_writer_end(&line);
    log_line("%s", text);
    free(text);
}

void access_log(const struct access *access, bool as_json)
{
    if (as_json)
        log_json(access);
    else
        log_text(access);
}
