#include "options.h"

#include "output.h"
#include "report.h"
#include "text.h"
#include "version.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

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
        die(EXIT_USAGE, "%s: '%s' is not a number from %ld to %ld", option, printable_text(text), least,
            most);
    return value;
}

bool common_option(int option, const char *usage)
{
    if (option == 'h')
        (void)fputs(usage, stdout);
    else if (option == 'V')
        (void)printf("%s (order-tools) %s\n", report_name(), ORDER_TOOLS_VERSION);
    else
        return false;
    exit((int)output_close(ferror(stdout) ? EXIT_OUTPUT : EXIT_OK));
}
