#include "output.h"

#include "json.h"
#include "text.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

enum exit_code output_json_text(const char *text, size_t len)
{
    size_t shown_len;
    char *shown;
    enum exit_code code;

    if (text_plain_run(text, len) == len)
        return output_line(text, len);
    shown = json_shown(text, len, &shown_len);
    code = output_line(shown, shown_len);
    free(shown);
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

enum exit_code output_write(const char *text, size_t len, size_t *taken)
{
    struct pollfd ready = {.fd = STDOUT_FILENO, .events = POLLOUT};

    *taken = 0;
    if (output_flush() != EXIT_OK)
        return EXIT_OUTPUT;
    while (*taken < len) {
        ssize_t wrote = write(STDOUT_FILENO, text + *taken, len - *taken);

        if (wrote >= 0)
            *taken += (size_t)wrote;
        else if (errno == EAGAIN)
            (void)poll(&ready, 1, -1);
        else if (errno != EINTR)
            return failure();
    }
    return EXIT_OK;
}

enum exit_code output_sync(void)
{
    struct stat status;

    if (output_flush() != EXIT_OK)
        return EXIT_OUTPUT;
    if (fstat(STDOUT_FILENO, &status) != 0 || (S_ISREG(status.st_mode) && fsync(STDOUT_FILENO) != 0))
        return failure();
    return EXIT_OK;
}

enum exit_code output_close(enum exit_code code)
{
    if (failed)
        return EXIT_OUTPUT;
    /* Only close() tells what a network file system thought of the data. */
    return fclose(stdout) == 0 ? code : failure();
}
