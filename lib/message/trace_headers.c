#include "message/trace_headers.h"

#include "amqp/bytes.h"
#include "amqp/properties.h"
#include "base/memory.h"

#include <stdint.h>
#include <string.h>

#define LENGTH_OCTETS 4 /* of a string, after the octet of its type */

static void set(amqp_table_entry_t *entry, const char *name, const char *text, size_t len)
{
    entry->key = amqp_cstring_bytes(name);
    entry->value.kind = AMQP_FIELD_KIND_UTF8;
    entry->value.value.bytes = (amqp_bytes_t){.bytes = (void *)(uintptr_t)text, .len = len};
}

void trace_headers_set(amqp_basic_properties_t *properties, struct trace_headers *headers,
                       const char *trace)
{
    const char *state;

    if (trace == NULL)
        return;
    state = trace_state(trace);
    set(&headers->entries[0], TRACE_PARENT_NAME, trace, TRACE_PARENT_LEN);
    if (state != NULL)
        set(&headers->entries[1], TRACE_STATE_NAME, state, strlen(state));
    properties->_flags |= AMQP_BASIC_HEADERS_FLAG;
    properties->headers.num_entries = state == NULL ? 1 : 2;
    properties->headers.entries = headers->entries;
}

/* Returns the text of an encoded value, a string, that begins at from and ends at to; an empty one
 * if it is something else. */
static amqp_bytes_t text_of(const unsigned char *from, const unsigned char *to)
{
    if (to - from <= LENGTH_OCTETS || (*from != 'S' && *from != 'x'))
        return amqp_empty_bytes;
    from += 1 + LENGTH_OCTETS;
    return (amqp_bytes_t){.bytes = (void *)(uintptr_t)from, .len = (size_t)(to - from)};
}

char *trace_headers_read(amqp_bytes_t properties)
{
    struct property_reader headers;
    amqp_bytes_t parent = amqp_empty_bytes;
    amqp_bytes_t state = amqp_empty_bytes;
    char text[TRACE_SIZE];
    size_t flags;

    if (!properties_find_headers(properties, &flags, &headers))
        return NULL;
    while (headers.left > 0) {
        amqp_bytes_t name;
        const unsigned char *value;

        if (!properties_next_header(&headers, &name))
            return NULL;
        value = (const unsigned char *)name.bytes + name.len;
        if (bytes_are(name, TRACE_PARENT_NAME))
            parent = text_of(value, headers.at);
        else if (bytes_are(name, TRACE_STATE_NAME))
            state = text_of(value, headers.at);
    }
    if (parent.len == 0 || !trace_read(parent.bytes, parent.len, state.bytes, state.len, text))
        return NULL;
    return xstrdup(text);
}

/* Returns the header of that name, the last one as trace_headers_read() does, or NULL. */
static amqp_table_entry_t *find(const amqp_basic_properties_t *properties, const char *name)
{
    int count =
        (properties->_flags & AMQP_BASIC_HEADERS_FLAG) != 0 ? properties->headers.num_entries : 0;

    while (count-- > 0)
        if (bytes_are(properties->headers.entries[count].key, name))
            return &properties->headers.entries[count];
    return NULL;
}

static amqp_bytes_t text_in(const amqp_table_entry_t *entry)
{
    bool is_text = entry != NULL && (entry->value.kind == AMQP_FIELD_KIND_UTF8 ||
                                     entry->value.kind == AMQP_FIELD_KIND_BYTES);

    return is_text ? entry->value.value.bytes : amqp_empty_bytes;
}

bool trace_headers_find(const amqp_basic_properties_t *properties, char trace[TRACE_SIZE])
{
    amqp_bytes_t parent = text_in(find(properties, TRACE_PARENT_NAME));
    amqp_bytes_t state = text_in(find(properties, TRACE_STATE_NAME));

    return parent.len > 0 && trace_read(parent.bytes, parent.len, state.bytes, state.len, trace);
}

void trace_headers_replace(amqp_basic_properties_t *properties, const char *trace)
{
    amqp_table_entry_t *entry = find(properties, TRACE_PARENT_NAME);

    if (entry != NULL)
        set(entry, TRACE_PARENT_NAME, trace, TRACE_PARENT_LEN);
}
