#include "background.h"

#include "report.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
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

struct background *background_start(int (*run)(void *context), void *context)
{
    struct background *background = need_calloc(1, sizeof *background);
    sigset_t all;
    sigset_t before;
    bool started;

    background->run = run;
    background->context = context;
    (void)sigfillset(&all);
    /* The new thread has the mask of the one that makes it. */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    started = pthread_create(&background->thread, NULL, work, background) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started)
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
