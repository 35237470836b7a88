#include "summary.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "json/json.h"
#include "json/output.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct group {
    char *error;  /* NULL: the worker would take the letters */
    char *reason; /* safe to be shown; NULL: unknown */
    bool other;
    uint64_t count;
    int64_t oldest; /* seconds since 1970; 0: unknown */
    int64_t newest;
};

struct summary {
    struct group groups[SUMMARY_GROUPS + 1];
    size_t count;
};

struct summary *summary_new(void)
{
    return xcalloc(1, sizeof(struct summary));
}

void summary_free(struct summary *summary)
{
    if (summary == NULL)
        return;
    for (size_t i = 0; i < summary->count; i++) {
        free(summary->groups[i].error);
        free(summary->groups[i].reason);
    }
    free(summary);
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static struct group *find_group(struct summary *summary, const char *error, const char *reason)
{
    struct group *group = summary->groups;

    for (size_t i = 0; i < summary->count; i++, group++)
        if (group->other || (same_text(group->error, error) && same_text(group->reason, reason)))
            return group;
    summary->count++;
    group->other = summary->count > SUMMARY_GROUPS;
    if (!group->other) {
        group->error = error == NULL ? NULL : xstrdup(error);
        group->reason = reason == NULL ? NULL : xstrdup(reason);
    }
    return group;
}

void summary_add(struct summary *summary, struct dead_letter *letter)
{
    amqp_bytes_t bytes = letter->history.death.reason;
    const char *reason = bytes.bytes == NULL ? NULL : printable(bytes.bytes, bytes.len);
    struct group *group = find_group(summary, dead_letter_check(letter)->error, reason);
    int64_t time = letter->history.death.time;

    group->count++;
    if (time > 0 && (group->oldest == 0 || time < group->oldest))
        group->oldest = time;
    if (time > group->newest)
        group->newest = time;
}

void summary_add_letters(struct summary *summary, struct batch *batch)
{
    for (size_t i = batch->first; i < batch->count; i++)
        summary_add(summary, &batch->decisions[i].letter);
    batch_leave(batch);
}

static int by_count(const void *a, const void *b)
{
    const struct group *left = a;
    const struct group *right = b;

    return (left->count < right->count) - (left->count > right->count);
}

static void add_time(cJSON *line, const char *name, int64_t seconds)
{
    char text[CLOCK_TEXT_SIZE];

    clock_rfc3339(seconds > INT64_MAX / 1000 ? INT64_MAX : seconds * 1000, text);
    json_add_text(line, name, seconds > 0 ? text : NULL);
}

static enum exit_code print_group(const struct group *group)
{
    cJSON *line = cJSON_CreateObject();

    json_need(line);
    json_add_text(line, "error", group->error);
    json_add_text(line, "reason", group->reason);
    if (group->other)
        json_need(cJSON_AddTrueToObject(line, "other"));
    json_need(cJSON_AddNumberToObject(line, "count", (double)group->count));
    add_time(line, "oldest", group->oldest);
    add_time(line, "newest", group->newest);
    return output_json(line);
}

enum exit_code summary_print(struct summary *summary)
{
    enum exit_code code = EXIT_OK;

    qsort(summary->groups, summary->count, sizeof *summary->groups, by_count);
    for (size_t i = 0; i < summary->count && code == EXIT_OK; i++)
        code = print_group(&summary->groups[i]);
    return code;
}
