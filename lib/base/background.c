#include "base/background.h"

#include "base/memory.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

struct background {
    pthread_t thread;
    int (*run)(void *context);
    void *context;
    int result;
};

static void *work(void *argument)
{
    struct background *background = argument;

    background->result = background->run(background->context);
    return NULL;
}

static bool start(pthread_t *thread, void *(*run)(void *context), void *context)
{
    sigset_t all;
    sigset_t before;
    bool started;

    (void)sigfillset(&all);
    /* A new thread inherits the mask of its creator. */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    started = pthread_create(thread, NULL, run, context) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

struct background *background_start(int (*run)(void *context), void *context)
{
    struct background *background = xcalloc(1, sizeof *background);

    background->run = run;
    background->context = context;
    if (start(&background->thread, work, background))
        return background;
    free(background);
    return NULL;
}

int background_finish(struct background *background)
{
    int result;

    (void)pthread_join(background->thread, NULL);
    result = background->result;
    free(background);
    return result;
}

/* A detached thread, and how many there are. */
struct detached {
    void *(*run)(void *context);
    void *context;
};

static atomic_int detached_count;

static void *work_alone(void *argument)
{
    struct detached detached = *(struct detached *)argument;

    free(argument);
    (void)detached.run(detached.context);
    detached_count--;
    return NULL;
}

bool background_detach(void *(*run)(void *context), void *context)
{
    struct detached *detached = xmalloc(sizeof *detached);
    pthread_t thread;

    *detached = (struct detached){run, context};
    detached_count++;
    if (!start(&thread, work_alone, detached)) {
        detached_count--;
        free(detached);
        return false;
    }
    (void)pthread_detach(thread);
    return true;
}

bool background_some_detached(void)
{
    return detached_count > 0;
}
