#include "base/output.h"

#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void holds_lines_back_until_they_are_flushed(void)
{
    EQUAL(output_text("a", 1), EXIT_OK);
    EQUAL(output_line("bc", 2), EXIT_OK);
    EQUAL(output_line("", 0), EXIT_OK);
    SAME(unit_captured(1), "");
    EQUAL(output_flush(), EXIT_OK);
    SAME(unit_captured(1), "abc\n\n");
    EQUAL(output_line("d", 1), EXIT_OK);
    EQUAL(output_sync(), EXIT_OK);
    SAME(unit_captured(1), "d\n");
}

static void writes_what_was_added_before_what_it_is_given(void)
{
    const char *text = "second";
    size_t len = 6;
    size_t taken = 0;

    EQUAL(output_line("first", 5), EXIT_OK);
    EQUAL(output_write(text, len, &taken), EXIT_OK);
    EQUAL(taken, 6);
    SAME(unit_captured(1), "first\nsecond");
    EQUAL(output_some(&text, &len), EXIT_OK);
    EQUAL(len, 0);
    SAME(unit_captured(1), "second");
}

static void writes_more_than_it_holds(void)
{
    const size_t len = 50000;
    char *line = calloc(len, 1);

    if (!CHECK(line != NULL))
        return;
    memset(line, 'x', len);
    EQUAL(output_line(line, len), EXIT_OK);
    EQUAL(output_line(line, len), EXIT_OK);
    EQUAL(strlen(unit_captured(1)), len + 1);
    EQUAL(output_flush(), EXIT_OK);
    EQUAL(strlen(unit_captured(1)), len + 1);
    free(line);
}

static void fails_on_a_full_disk_and_says_so_once(void)
{
    int full = open("/dev/full", O_WRONLY);
    const char *text = "c";
    size_t len = 1;
    size_t taken = 1;

    if (!CHECK(full >= 0))
        return;
    (void)dup2(full, STDOUT_FILENO);
    (void)close(full);
    EQUAL(output_line("a", 1), EXIT_OK);
    EQUAL(output_flush(), EXIT_OUTPUT);
    SAME(unit_captured(2), "order-tools: cannot write standard output: No space left on device\n");
    EQUAL(output_line("b", 1), EXIT_OUTPUT);
    EQUAL(output_write(text, len, &taken), EXIT_OUTPUT);
    EQUAL(taken, 0);
    EQUAL(output_some(&text, &len), EXIT_OUTPUT);
    EQUAL(output_flush(), EXIT_OUTPUT);
    EQUAL(output_sync(), EXIT_OUTPUT);
    EQUAL(output_close(EXIT_OK), EXIT_OUTPUT);
    SAME(unit_captured(2), "");
}

int main(void)
{
    unit_capture(1);
    unit_capture(2);
    RUN(holds_lines_back_until_they_are_flushed);
    RUN(writes_what_was_added_before_what_it_is_given);
    RUN(writes_more_than_it_holds);
    RUN(fails_on_a_full_disk_and_says_so_once);
    return unit_end();
}
