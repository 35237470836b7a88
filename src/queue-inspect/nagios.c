#include "nagios.h"

#include "verdict.h"

#include "base/output.h"
#include "json/json.h"
#include "terminal/columns.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *word;
    enum exit_code code;
} states[] = {[LEVEL_OK] = {"OK", EXIT_OK},
              [LEVEL_UNKNOWN] = {"UNKNOWN", EXIT_UNKNOWN},
              [LEVEL_WARNING] = {"WARNING", EXIT_NO},
              [LEVEL_CRITICAL] = {"CRITICAL", EXIT_CRITICAL}};

/* A bar or a line break would end the text. */
static void put_text(const char *text, FILE *out)
{
    for (; *text != '\0'; text++)
        (void)fputc(*text == '|' ? '/' : (unsigned char)*text < ' ' ? ' ' : *text, out);
}

static enum level worst_of(const cJSON *checks)
{
    enum level worst = LEVEL_OK;
    const cJSON *check;

    cJSON_ArrayForEach(check, checks)
    {
        worst = level_worse(worst, verdict_of(check));
    }
    return worst;
}

/* Puts what the checks of this level say. */
static void put_details(const cJSON *checks, enum level level, const char **separator, FILE *out)
{
    const cJSON *check;

    cJSON_ArrayForEach(check, checks)
    {
        const char *detail = json_member_text(check, "detail");

        if (verdict_of(check) != level)
            continue;
        (void)fputs(*separator, out);
        put_text(detail != NULL ? detail : json_member_text(check, "warning"), out);
        *separator = "; ";
    }
}

enum exit_code nagios_print(const cJSON *checks, const char *data)
{
    enum level worst = worst_of(checks);
    const char *separator = " - ";
    char *line = NULL;
    size_t len = 0;
    FILE *out = columns_start(&line, &len);
    enum exit_code code;

    (void)fprintf(out, "ORDERS %s", states[worst].word);
    for (enum level level = LEVEL_CRITICAL; level > LEVEL_OK; level--)
        put_details(checks, level, &separator, out);
    if (worst == LEVEL_OK)
        (void)fputs(" - all is well", out);
    if (*data != '\0')
        (void)fprintf(out, " |%s", data);
    columns_finish(out);
    code = output_line(line, len);
    free(line);
    return code == EXIT_OK ? states[worst].code : code;
}
