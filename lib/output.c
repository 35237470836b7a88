#include "output.h"

#include "json.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool failed;

static enum exit_code failure(void)
{
    if (!failed)
        report_errno("cannot write standard output");
    failed = true;
    return EXIT_OUTPUT;
}

enum exit_code output_line(const char *text, size_t len)
{
    if (failed)
        return EXIT_OUTPUT;
    if (fwrite(text, 1, len, stdout) != len || fputc('\n', stdout) == EOF)
        return failure();
    return EXIT_OK;
}

enum exit_code output_json(cJSON *tree)
{
    char *text = json_print(tree);
    enum exit_code code = output_line(text, strlen(text));

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
