#include "trace/span.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PARENT "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static time_t seconds = 1000000;

/* In place of the library's: its clock is set back whenever it is read. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
    static long reads;

    *now = (struct timespec){.tv_nsec = ++reads};
    now->tv_sec = clock == CLOCK_REALTIME ? seconds-- : 0;
    return 0;
}

static long long time_of(const char *line, const char *key)
{
    const char *at = strstr(line, key);

    return at == NULL ? -1 : atoll(at + strlen(key));
}

static void writes_spans_behind_a_torn_line(void)
{
    static const struct span_about about = {.kind = SPAN_PRODUCER, .name = "send"};
    char path[] = "/tmp/span.XXXXXX";
    int fd = mkstemp(path);
    FILE *file = fdopen(fd, "r+");
    char line[4096];

    CHECK(file != NULL && fputs("{\"resource", file) >= 0 && fflush(file) == 0);
    span_option_table[0].call("--trace", path);
    span_end(span_start(PARENT), &about);
    rewind(file);
    CHECK(fgets(line, sizeof line, file) != NULL);
    SAME(line, "{\"resource\n");
    CHECK(fgets(line, sizeof line, file) != NULL);
    CHECK(time_of(line, "startTimeUnixNano\":\"") > 0);
    CHECK(time_of(line, "endTimeUnixNano\":\"") > time_of(line, "startTimeUnixNano\":\""));
    CHECK(fgets(line, sizeof line, file) == NULL);
    (void)fclose(file);
    (void)unlink(path);
}

int main(void)
{
    RUN(writes_spans_behind_a_torn_line);
    return unit_end();
}
