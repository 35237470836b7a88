#include "base/background.h"

#include "unit.h"

#include "base/program.h"
#include "base/report.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void pause_ms(long ms)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

static int add_one(void *context)
{
    ++*(int *)context;
    return 7;
}

static void gives_the_result(void)
{
    int number = 1;
    struct background *background = background_start(add_one, &number);

    CHECK(background_some_run());
    EQUAL(background_finish(background), 7);
    EQUAL(number, 2);
    CHECK(!background_some_run());
}

/* ---- the end of a program, each in a process of its own ---- */

/* Stands for what a library tears down at exit(): threads that use it then crash. */
static atomic_bool is_torn_down;
static atomic_bool is_used; /* the thread runs */
static pthread_key_t key;

static void tear_down(void)
{
    is_torn_down = true;
    pause_ms(500);
}

static void use(void)
{
    is_used = true;
    if (is_torn_down)
        abort();
}

static void *use_for_ever(void *context)
{
    for (;; pause_ms(10))
        use();
    return context;
}

/* As libraries do at the end of a thread. */
static void use_at_the_end(void *value)
{
    (void)value;
    pause_ms(100);
    use();
}

static void *use_and_end(void *context)
{
    (void)pthread_setspecific(key, &key);
    is_used = true;
    return context;
}

static void begin(void *(*run)(void *))
{
    if (atexit(tear_down) != 0 || pthread_key_create(&key, use_at_the_end) != 0 ||
        !background_detach(run, NULL))
        _exit(99);
    while (!is_used)
        pause_ms(1);
}

static void say_farewell(void)
{
    report("farewell");
}

static void end_while_one_runs(void)
{
    program_at_end(say_farewell);
    begin(use_for_ever);
    exit(program_end(EXIT_PENDING, true));
}

static void die_while_one_runs(void)
{
    program_at_end(say_farewell);
    begin(use_for_ever);
    die(EXIT_STORE, "enough");
}

/* The thread has ended, as far as the program can tell. */
static void end_right_after_one(void)
{
    begin(use_and_end);
    pause_ms(50);
    exit(program_end(EXIT_PENDING, true));
}

static void leaves_threads_what_they_use(void)
{
    EQUAL(unit_exit_code(end_while_one_runs), EXIT_PENDING);
    SAME(unit_captured(2), "order-tools: farewell\n");
    EQUAL(unit_exit_code(end_right_after_one), EXIT_PENDING);
}

static void leaves_threads_what_they_use_when_it_dies(void)
{
    EQUAL(unit_exit_code(die_while_one_runs), EXIT_STORE);
    SAME(unit_captured(2), "order-tools: enough\norder-tools: farewell\n");
}

/* ---- many ---- */

static void *ring(void *context)
{
    (*(atomic_int *)context)++;
    return NULL;
}

static void keeps_none_that_have_ended(void)
{
    atomic_int count = 0;

    for (int i = 0; i < 500; i++)
        CHECK(background_detach(ring, &count));
    while (background_some_run())
        pause_ms(1);
    EQUAL(count, 500);
}

int main(void)
{
    unit_capture(2);
    RUN(gives_the_result);
    RUN(leaves_threads_what_they_use);
    RUN(leaves_threads_what_they_use_when_it_dies);
    RUN(keeps_none_that_have_ended);
    return unit_end();
}
