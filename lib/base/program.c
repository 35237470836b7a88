#include "base/program.h"

#include "base/output.h"
#include "base/stop.h"

int program_end(enum exit_code code, bool stop_is_normal)
{
    code = output_close(code);
    if (code != EXIT_OUTPUT && !stop_is_normal)
        stop_by_signal();
    return (int)code;
}
