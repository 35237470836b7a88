#include "base/options.h"

#include "base/output.h"
#include "base/report.h"
#include "base/text.h"
#include "base/version.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void usage_error(void)
{
    die(EXIT_USAGE, "try '%s --help'", report_name());
}

long option_number(const char *option, const char *text, long least, long most)
{
    char *end;
    long value;

    errno = 0;
    value = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < least || value > most)
        die(EXIT_USAGE, "%s: '%s' is not a number from %ld to %ld", option, printable_text(text),
            least, most);
    return value;
}

bool common_option(int option, const char *usage)
{
    static const char version[] = " (order-tools) " ORDER_TOOLS_VERSION;
    enum exit_code code;

    if (option == 'h') {
        code = output_text(usage, strlen(usage));
    } else if (option == 'V') {
        code = output_text(report_name(), strlen(report_name()));
        if (code == EXIT_OK)
            code = output_line(version, strlen(version));
    } else {
        return false;
    }
    exit((int)output_close(code));
}
