#include "output.h"

#include "json.h"
#include "text.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool failed;

static enum exit_code failure(void)
{
    if (!failed)
        report_errno("cannot write standard output");
    failed = true;
    return EXIT_OUTPUT;
}

enum exit_code output_text(const char *text, size_t len)
{
    if (failed)
        return EXIT_OUTPUT;
    return fwrite(text, 1, len, stdout) == len ? EXIT_OK : failure();
}

enum exit_code output_line(const char *text, size_t len)
{
    enum exit_code code = output_text(text, len);

    return code == EXIT_OK ? output_text("\n", 1) : code;
}

/* How many bytes of a JSON text need no care: printable ASCII. */
static size_t plain_run(const char *text, size_t len)
{
    size_t i = 0;

    while (i < len && text[i] >= 0x20 && text[i] < 0x7F)
        i++;
    return i;
}

enum exit_code output_json_text(const char *text, size_t len)
{
    char *safe = NULL;
    size_t out = 0;
    enum exit_code code;
    uint32_t point;

    if (plain_run(text, len) == len)
        return output_line(text, len);
    safe = need_calloc(len * 6 + 1, 1);
    for (size_t i = 0; i < len;) {
        size_t step = utf8_decode(text + i, len - i, &point);

        if (step == 0)
            die(EXIT_BUG, "JSON that is not UTF-8");
        /* Between its tokens, the text has line breaks and tabs. */
        if (point == '\n' || point == '\r' || point == '\t')
            safe[out++] = ' ';
        else if (text_is_control(point))
            out += (size_t)snprintf(safe + out, 7, "\\u%04x", (unsigned)point);
        else {
            memcpy(safe + out, text + i, step);
            out += step;
        }
        i += step;
    }
    code = output_line(safe, out);
    free(safe);
    return code;
}

enum exit_code output_json(cJSON *tree)
{
    char *text = json_print(tree);
    enum exit_code code = output_json_text(text, strlen(text));

    cJSON_free(text);
    cJSON_Delete(tree);
    return code;
}

enum exit_code output_flush(void)
{
    if (failed)
        return EXIT_OUTPUT;
    return fflush(stdout) == 0 ? EXIT_OK : failure();
}

enum exit_code output_close(enum exit_code code)
{
    if (failed)
        return EXIT_OUTPUT;
    /* Only close() tells what a network file system thought of the data. */
    return fclose(stdout) == 0 ? code : failure();
}
