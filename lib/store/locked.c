#include "store/locked.h"

static bool is_hasty;
static bool last_failed;

void locked_never_wait(void)
{
    is_hasty = true;
}

bool locked_failed(void)
{
    return last_failed;
}

bool locked_is_hasty(void)
{
    return is_hasty;
}

void locked_note(bool has_failed)
{
    last_failed = has_failed;
}
