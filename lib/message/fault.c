#include "message/fault.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

bool fault_say(char fault[FAULT_SIZE], const char *format, const char *name)
{
    (void)snprintf(fault, FAULT_SIZE, format, printable_up_to(64, name, strlen(name)));
    return false;
}
