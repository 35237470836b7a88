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

static atomic_int not_joined; /* threads that were started */

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
    if (started)
        not_joined++;
    return started;
}

static void join(pthread_t thread)
{
    (void)pthread_join(thread, NULL);
    not_joined--;
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

    join(background->thread);
    result = background->result;
    free(background);
    return result;
}

/* ---- threads that are left alone ---- */

struct loner {
    pthread_t thread;
    void *(*run)(void *context);
    void *context;
    bool has_ended; /* but for what the libraries do at the end of a thread */
    struct loner *next;
};

static pthread_mutex_t loners_lock = PTHREAD_MUTEX_INITIALIZER;
static struct loner *loners;

static void *work_alone(void *argument)
{
    struct loner *loner = argument;

    (void)loner->run(loner->context);
    (void)pthread_mutex_lock(&loners_lock);
    loner->has_ended = true;
    (void)pthread_mutex_unlock(&loners_lock);
    return NULL;
}

/* Takes one that has ended out of the list; returns NULL if there is none. */
static struct loner *take_ended(void)
{
    struct loner **place = &loners;
    struct loner *loner;

    (void)pthread_mutex_lock(&loners_lock);
    while (*place != NULL && !(*place)->has_ended)
        place = &(*place)->next;
    loner = *place;
    if (loner != NULL)
        *place = loner->next;
    (void)pthread_mutex_unlock(&loners_lock);
    return loner;
}

static void join_ended(void)
{
    struct loner *loner;

    while ((loner = take_ended()) != NULL) {
        join(loner->thread);
        free(loner);
    }
}

bool background_detach(void *(*run)(void *context), void *context)
{
    struct loner *loner = xcalloc(1, sizeof *loner);
    bool started;

    join_ended();
    loner->run = run;
    loner->context = context;
    /* It cannot end before it is in the list. */
    (void)pthread_mutex_lock(&loners_lock);
    started = start(&loner->thread, work_alone, loner);
    if (started) {
        loner->next = loners;
        loners = loner;
    }
    (void)pthread_mutex_unlock(&loners_lock);
    if (!started)
        free(loner);
    return started;
}

bool background_some_run(void)
{
    join_ended();
    return not_joined > 0;
}
