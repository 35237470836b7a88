#include "trace/context.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"
#define PARENT "00-" ID "-" SPAN "-01"

static char text[TRACE_SIZE];

/* Returns the context that is read, or NULL. */
static const char *read_both(const char *parent, const char *state)
{
    return trace_read(parent, strlen(parent), state, state == NULL ? 0 : strlen(state), text)
               ? text
               : NULL;
}

static void reads_a_traceparent(void)
{
    SAME(read_both(PARENT, NULL), PARENT);
    SAME(read_both("00-" ID "-" SPAN "-00", NULL), "00-" ID "-" SPAN "-00");
    /* Flags that nobody knows are not handed on. */
    SAME(read_both("00-" ID "-" SPAN "-ff", NULL), "00-" ID "-" SPAN "-03");
    SAME(read_both("01-" ID "-" SPAN "-01", NULL), PARENT);
    SAME(read_both("fe-" ID "-" SPAN "-09-more-of-it", NULL), PARENT);
    SAME(read_both("cc-" ID "-" SPAN "-01-", NULL), PARENT);
}

static void refuses_what_is_no_traceparent(void)
{
    static const char *const parents[] = {"",
                                          "00",
                                          PARENT " ",
                                          " " PARENT,
                                          PARENT "-",
                                          PARENT "-more",
                                          "ff-" ID "-" SPAN "-01",
                                          "0G-" ID "-" SPAN "-01",
                                          "cc-" ID "-" SPAN "-01.more",
                                          "00-00000000000000000000000000000000-" SPAN "-01",
                                          "00-" ID "-0000000000000000-01",
                                          "00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01",
                                          "00-" ID "-00F067AA0BA902B7-01",
                                          "00-" ID "-" SPAN "-0A",
                                          "00-" ID "-" SPAN "-1",
                                          "00_" ID "-" SPAN "-01",
                                          "00-" ID "_" SPAN "-01",
                                          "00-" ID "-" SPAN "_01"};

    for (size_t i = 0; i < COUNT(parents); i++) {
        unit_row(parents[i]);
        SAME(read_both(parents[i], "a=1"), NULL);
    }
    CHECK(!trace_read("00-" ID "-" SPAN "-0\0", TRACE_PARENT_LEN, NULL, 0, text));
}

static void reads_a_tracestate(void)
{
    static const struct {
        const char *state;
        const char *read;
    } rows[] = {
        {"a=1", "a=1"},
        {"a=1,b=2", "a=1,b=2"},
        {" a=1 ,\tb=2\t", "a=1,b=2"},
        {",a=1,, ,b=2,", "a=1,b=2"},
        {"a= 1", "a= 1"},
        {"a-b_c*d/e=~!", "a-b_c*d/e=~!"},
        {"1tenant@system=x", "1tenant@system=x"},
        {"", NULL},
        {" , ", NULL},
        {"a", NULL},
        {"a=", NULL},
        {"=1", NULL},
        {"A=1", NULL},
        {"1a=1", NULL},
        {"a=1=2", NULL},
        {"a=\x7f", NULL},
        {"a=\xc3\xbc", NULL},
        {"a=1,a=2", NULL},
        {"a=1,b", NULL},
        {"a =1", NULL},
        {"@system=1", NULL},
        {"tenant@=1", NULL},
        {"tenant@1system=1", NULL},
        {"tenant@a@b=1", NULL},
        {"tenant@system-of-many-bytes=1", NULL},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        unit_row(rows[i].state);
        if (CHECK(read_both(PARENT, rows[i].state) != NULL))
            SAME(trace_state(text), rows[i].read);
    }
}

/* Returns a tracestate of count members of len bytes. */
static char *members(size_t count, size_t len)
{
    char *state = calloc(count + 1, len + 1);
    size_t used = 0;

    if (state == NULL)
        abort();
    for (size_t i = 0; i < count; i++) {
        used += (size_t)sprintf(state + used, "%sk%03zu=", i == 0 ? "" : ",", i);
        memset(state + used, 'x', len - 5);
        used += len - 5;
    }
    return state;
}

static void has_limits(void)
{
    static const struct {
        size_t count;
        size_t len;
        bool is_read;
    } rows[] = {{32, 6, true},   {33, 6, false}, {1, 261, true},
                {1, 262, false}, {2, 255, true}, {3, 171, false}};

    for (size_t i = 0; i < COUNT(rows); i++) {
        char *state = members(rows[i].count, rows[i].len);

        if (CHECK(read_both(PARENT, state) != NULL))
            EQUAL(trace_state(text) != NULL, rows[i].is_read);
        free(state);
    }
}

static void knows_what_is_sampled(void)
{
    CHECK(trace_is_sampled(PARENT));
    CHECK(trace_is_sampled("00-" ID "-" SPAN "-03 a=1"));
    CHECK(!trace_is_sampled("00-" ID "-" SPAN "-00"));
    CHECK(!trace_is_sampled("00-" ID "-" SPAN "-02"));
}

static void reads_the_environment(void)
{
    (void)unsetenv("TRACEPARENT");
    (void)setenv("TRACESTATE", "a=1", 1);
    CHECK(!trace_read_environment(text));
    (void)setenv("TRACEPARENT", PARENT, 1);
    CHECK(trace_read_environment(text));
    SAME(text, PARENT " a=1");
    (void)unsetenv("TRACESTATE");
    CHECK(trace_read_environment(text));
    SAME(text, PARENT);
    SAME(trace_state(text), NULL);
}

int main(void)
{
    RUN(reads_a_traceparent);
    RUN(refuses_what_is_no_traceparent);
    RUN(reads_a_tracestate);
    RUN(has_limits);
    RUN(knows_what_is_sampled);
    RUN(reads_the_environment);
    return unit_end();
}
