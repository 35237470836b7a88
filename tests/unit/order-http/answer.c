#include "order-http/answer.h"

#include "unit.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static void makes_problems(void)
{
    struct answer answer = {0};

    answer_problem(&answer, 422, "items", "items[%d].qty is \"%s\"", 3, "\xC3\xA4");
    EQUAL(answer.status, 422);
    SAME(answer.type, "application/problem+json");
    SAME_BYTES(answer.body, answer.len,
               "{\"type\": \"about:blank\", \"title\": \"Unprocessable Content\", \"status\": 422, "
               "\"detail\": \"items[3].qty is \\\"\xC3\xA4\\\"\", \"member\": \"items\"}\n",
               answer.len);
    answer_free(&answer);
    EQUAL(answer.status, 0);
    answer_problem(&answer, 404, NULL, "%s", "gone");
    SAME_BYTES(answer.body, answer.len,
               "{\"type\": \"about:blank\", \"title\": \"Not Found\", \"status\": 404, "
               "\"detail\": \"gone\"}\n",
               answer.len);
    answer_free(&answer);
}

/* Returns what follows the field Date, which must be the first after the status and Connection. */
static const char *after_date(const char *wire, const char *before)
{
    size_t len = strlen(before);

    CHECK(strncmp(wire, before, len) == 0);
    CHECK(strncmp(wire + len, "Date: ", strlen("Date: ")) == 0);
    CHECK(strncmp(strchr(wire + len, '\r') - 4, " GMT\r\n", strlen(" GMT\r\n")) == 0);
    return strchr(wire + len, '\n') + 1;
}

static void stands_on_the_wire(void)
{
    struct answer answer = {0};
    size_t len;
    char *wire;

    answer_text(&answer, 408, "text/plain", xstrdup("too slow"), 8);
    answer_add(&answer, "Retry-After", "%d", 7);
    wire = answer_on_wire(&answer, &len);
    EQUAL(len, strlen(wire));
    SAME(after_date(wire, "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"),
         "Content-Length: 8\r\nContent-Type: text/plain\r\nRetry-After: 7\r\n\r\ntoo slow");
    free(wire);
    answer_free(&answer);
    answer_empty(&answer, 204);
    wire = answer_on_wire(&answer, &len);
    SAME(after_date(wire, "HTTP/1.1 204 No Content\r\nConnection: close\r\n"),
         "Content-Length: 0\r\n\r\n");
    free(wire);
    answer_free(&answer);
}

static int released;

static void release(void *context)
{
    (void)context;
    released++;
}

static ssize_t read_nothing(void *context, char *buffer, size_t max)
{
    (void)context;
    (void)buffer;
    (void)max;
    return ANSWER_END;
}

static void releases_what_is_read(void)
{
    struct answer answer = {0};

    answer_stream(&answer, 200, read_nothing, release, &answer);
    SAME(answer.type, "application/json");
    EQUAL(released, 0);
    answer_free(&answer);
    EQUAL(released, 1);
    answer_free(&answer);
    EQUAL(released, 1);
}

static void add_too_many(void)
{
    struct answer answer = {0};

    for (int i = 0; i <= ANSWER_HEADERS; i++)
        answer_add(&answer, "X", "%d", i);
}

static void takes_so_many_fields(void)
{
    EQUAL(unit_exit_code(add_too_many), EXIT_BUG);
}

int main(void)
{
    unit_capture(2);
    RUN(makes_problems);
    RUN(stands_on_the_wire);
    RUN(releases_what_is_read);
    RUN(takes_so_many_fields);
    return unit_end();
}
