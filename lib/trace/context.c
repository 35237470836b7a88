#include "trace/context.h"

#include <stdlib.h>
#include <string.h>

#define STATE_MEMBERS_MAX 32
#define STATE_KEY_MAX 256
#define STATE_TENANT_MAX 241
#define STATE_SYSTEM_MAX 14
#define STATE_VALUE_MAX 256

#define FLAG_SAMPLED 1
#define FLAGS_KNOWN 3 /* sampled, and random trace id */

static const char digits[] = "0123456789abcdef";

/* ---- traceparent ---- */

static bool is_lower_hex(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] == '\0' || strchr(digits, text[i]) == NULL)
            return false;
    return true;
}

static bool is_id(const char *text, size_t len)
{
    size_t zeros = 0;

    while (zeros < len && text[zeros] == '0')
        zeros++;
    return zeros < len && is_lower_hex(text, len);
}

static bool is_parent(const char *text, size_t len)
{
    if (len < TRACE_PARENT_LEN || !is_lower_hex(text, 2) || memcmp(text, "ff", 2) == 0)
        return false;
    if (len > TRACE_PARENT_LEN && (memcmp(text, "00", 2) == 0 || text[TRACE_PARENT_LEN] != '-'))
        return false;
    return text[TRACE_ID_AT - 1] == '-' && is_id(text + TRACE_ID_AT, TRACE_ID_LEN) &&
           text[TRACE_SPAN_AT - 1] == '-' && is_id(text + TRACE_SPAN_AT, TRACE_SPAN_LEN) &&
           text[TRACE_FLAGS_AT - 1] == '-' && is_lower_hex(text + TRACE_FLAGS_AT, 2);
}

static size_t low_flags(const char *trace)
{
    return (size_t)(strchr(digits, trace[TRACE_FLAGS_AT + 1]) - digits);
}

/* ---- tracestate ---- */

struct member {
    const char *text;
    size_t key_len;
    size_t len;
};

static bool is_lower(char byte)
{
    return byte >= 'a' && byte <= 'z';
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool has_key_bytes(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!is_lower(text[i]) && !is_digit(text[i]) &&
            (text[i] == '\0' || strchr("_-*/", text[i]) == NULL))
            return false;
    return true;
}

/* A key is a name, or that of a tenant, @ and that of a system. */
static bool is_key(const char *text, size_t len)
{
    const char *at = memchr(text, '@', len);
    size_t tenant_len = at == NULL ? 0 : (size_t)(at - text);

    if (len == 0 || len > STATE_KEY_MAX)
        return false;
    if (at == NULL)
        return is_lower(text[0]) && has_key_bytes(text, len);
    return tenant_len > 0 && tenant_len <= STATE_TENANT_MAX &&
           (is_lower(text[0]) || is_digit(text[0])) && has_key_bytes(text, tenant_len) &&
           len - tenant_len - 1 <= STATE_SYSTEM_MAX && is_lower(at[1]) &&
           has_key_bytes(at + 1, len - tenant_len - 1);
}

static bool is_value(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] < ' ' || text[i] > '~' || text[i] == '=' || text[i] == ',')
            return false;
    return len > 0 && len <= STATE_VALUE_MAX;
}

/* Sets *member to what is in text[0..len), without white space around it. Returns false if it is
 * invalid; its len is 0 if there is nothing. */
static bool read_member(const char *text, size_t len, struct member *member)
{
    const char *equals;

    while (len > 0 && (*text == ' ' || *text == '\t')) {
        text++;
        len--;
    }
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
        len--;
    *member = (struct member){.text = text, .len = len};
    equals = memchr(text, '=', len);
    if (len == 0 || equals == NULL)
        return len == 0;
    member->key_len = (size_t)(equals - text);
    return is_key(text, member->key_len) && is_value(equals + 1, len - member->key_len - 1);
}

static bool has_key(const struct member *members, size_t count, const struct member *member)
{
    for (size_t i = 0; i < count; i++)
        if (members[i].key_len == member->key_len &&
            memcmp(members[i].text, member->text, member->key_len) == 0)
            return true;
    return false;
}

/* Returns the number of members; 0 if the state is invalid. */
static size_t read_members(const char *state, size_t len, struct member *members)
{
    size_t count = 0;

    for (size_t at = 0; at <= len;) {
        const char *comma = at < len ? memchr(state + at, ',', len - at) : NULL;
        size_t end = comma == NULL ? len : (size_t)(comma - state);
        struct member member;

        if (!read_member(state + at, end - at, &member))
            return 0;
        at = end + 1;
        if (member.len == 0)
            continue;
        if (count == STATE_MEMBERS_MAX || has_key(members, count, &member))
            return 0;
        members[count++] = member;
    }
    return count;
}

/* Writes the state, after a space, or nothing. */
static void write_state(const char *state, size_t len, char *text)
{
    struct member members[STATE_MEMBERS_MAX];
    size_t count = read_members(state, len, members);
    size_t used = 0;

    for (size_t i = 0; i < count; i++) {
        if (used + 1 + members[i].len > 1 + TRACE_STATE_MAX) {
            used = 0;
            break;
        }
        text[used++] = i == 0 ? ' ' : ',';
        memcpy(text + used, members[i].text, members[i].len);
        used += members[i].len;
    }
    text[used] = '\0';
}

/* ---- both ---- */

bool trace_read(const char *parent, size_t parent_len, const char *state, size_t state_len,
                char text[TRACE_SIZE])
{
    if (!is_parent(parent, parent_len))
        return false;
    memcpy(text, parent, TRACE_PARENT_LEN);
    memcpy(text, "00", 2);
    text[TRACE_FLAGS_AT + 1] = digits[low_flags(text) & FLAGS_KNOWN];
    text[TRACE_FLAGS_AT] = '0';
    text[TRACE_PARENT_LEN] = '\0';
    if (state != NULL)
        write_state(state, state_len, text + TRACE_PARENT_LEN);
    return true;
}

bool trace_read_environment(char text[TRACE_SIZE])
{
    const char *parent = getenv(TRACE_PARENT_VARIABLE);
    const char *state = getenv(TRACE_STATE_VARIABLE);

    return parent != NULL &&
           trace_read(parent, strlen(parent), state, state == NULL ? 0 : strlen(state), text);
}

const char *trace_state(const char *trace)
{
    return trace[TRACE_PARENT_LEN] == '\0' ? NULL : trace + TRACE_PARENT_LEN + 1;
}

bool trace_is_sampled(const char *trace)
{
    return (low_flags(trace) & FLAG_SAMPLED) != 0;
}
