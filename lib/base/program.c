#include "base/program.h"

#include "base/background.h"
#include "base/output.h"
#include "base/stop.h"

#include <unistd.h>

int program_end(enum exit_code code, bool stop_is_normal)
{
    code = output_close(code);
    if (code != EXIT_OUTPUT && !stop_is_normal)
        stop_by_signal();
    if (background_some_detached()) {
        report_flush();
        _exit((int)code);
    }
    return (int)code;
}
