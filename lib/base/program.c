#include "base/program.h"

#include "base/background.h"
#include "base/output.h"
#include "base/stop.h"

#include <stdlib.h>
#include <unistd.h>

#define ENDINGS_MAX 4

static void (*endings[ENDINGS_MAX])(void);
static size_t ending_count;
static enum exit_code (*translation)(enum exit_code code);

/* Each once: one of them may end the program itself, by die(). */
static void run_endings(void)
{
    while (ending_count > 0)
        endings[--ending_count]();
}

void program_at_end(void (*function)(void))
{
    static bool is_registered;

    if (ending_count == ENDINGS_MAX || (!is_registered && atexit(run_endings) != 0))
        die(EXIT_BUG, "more to be done at the end than there is room for");
    is_registered = true;
    endings[ending_count++] = function;
}

void program_translate(enum exit_code (*translate)(enum exit_code code))
{
    translation = translate;
}

static int final_code(enum exit_code code)
{
    return (int)(translation == NULL ? code : translation(code));
}

void program_exit(enum exit_code code)
{
    if (!background_some_run())
        exit(final_code(code));
    run_endings();
    _exit(final_code(code));
}

int program_end(enum exit_code code, bool stop_is_normal)
{
    code = output_close(code);
    if (output_has_no_reader())
        stop_by_pipe();
    if (code != EXIT_OUTPUT && !stop_is_normal)
        stop_by_signal();
    if (background_some_run())
        program_exit(code);
    return final_code(code);
}
