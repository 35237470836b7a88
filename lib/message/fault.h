/* fault: why something is not an envelope. */
#ifndef MESSAGE_FAULT_H
#define MESSAGE_FAULT_H

#include <stdbool.h>

/* Bytes of a reason, with its NUL. */
#define FAULT_SIZE 160

/* Writes a reason, safe to be shown, into fault; returns false. format has one %s, for name. */
bool fault_say(char fault[FAULT_SIZE], const char *format, const char *name);

#endif
