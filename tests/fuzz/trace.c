/*
 * A traceparent and, after the first line break, a tracestate: what is read is read again as it is.
 */
#include "trace/context.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_again(const char *text)
{
    const char *state = trace_state(text);
    size_t len = state == NULL ? 0 : strlen(state);
    char again[TRACE_SIZE];

    assert(strlen(text) < TRACE_SIZE && (state == NULL || (len > 0 && len <= TRACE_STATE_MAX)));
    assert(trace_read(text, TRACE_PARENT_LEN, state, len, again));
    assert(strcmp(text, again) == 0);
    assert(trace_is_sampled(text) == trace_is_sampled(again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *parent = (const char *)data;
    const char *end = size == 0 ? NULL : memchr(parent, '\n', size);
    size_t len = end == NULL ? size : (size_t)(end - parent);
    char text[TRACE_SIZE];

    if (trace_read(parent, len, end == NULL ? NULL : end + 1, end == NULL ? 0 : size - len - 1,
                   text))
        read_again(text);
    return 0;
}
