/* C11's threads by POSIX's, which they are in glibc: ThreadSanitizer knows only those, and dies of a thread that it
 * hasn't seen begin. Linked into tests of what uses librdkafka when they are built for it. */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

_Static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t) && sizeof(cnd_t) == sizeof(pthread_cond_t),
               "they are the same");

struct beginning {
    thrd_start_t start;
    void *context;
};

static void *begin(void *context)
{
    struct beginning beginning = *(struct beginning *)context;

    free(context);
    return (void *)(intptr_t)beginning.start(beginning.context);
}

static int said(int error)
{
    return error ? thrd_error : thrd_success;
}

int thrd_create(thrd_t *thread, thrd_start_t start, void *context)
{
    struct beginning *beginning = malloc(sizeof(*beginning));

    if (!beginning)
        return thrd_nomem;
    *beginning = (struct beginning){start, context};
    return said(pthread_create(thread, NULL, begin, beginning));
}

int thrd_join(thrd_t thread, int *result)
{
    void *returned;
    int error = pthread_join(thread, &returned);

    if (result)
        *result = (int)(intptr_t)returned;
    return said(error);
}

int thrd_detach(thrd_t thread)
{
    return said(pthread_detach(thread));
}

int mtx_init(mtx_t *mutex, int type)
{
    pthread_mutexattr_t attributes;

    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, type & mtx_recursive ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL);
    return said(pthread_mutex_init((pthread_mutex_t *)mutex, &attributes));
}

void mtx_destroy(mtx_t *mutex)
{
    pthread_mutex_destroy((pthread_mutex_t *)mutex);
}

int mtx_lock(mtx_t *mutex)
{
    return said(pthread_mutex_lock((pthread_mutex_t *)mutex));
}

int mtx_trylock(mtx_t *mutex)
{
    return pthread_mutex_trylock((pthread_mutex_t *)mutex) ? thrd_busy : thrd_success;
}

int mtx_unlock(mtx_t *mutex)
{
    return said(pthread_mutex_unlock((pthread_mutex_t *)mutex));
}

int cnd_init(cnd_t *condition)
{
    return said(pthread_cond_init((pthread_cond_t *)condition, NULL));
}

void cnd_destroy(cnd_t *condition)
{
    pthread_cond_destroy((pthread_cond_t *)condition);
}

int cnd_wait(cnd_t *condition, mtx_t *mutex)
{
    return said(pthread_cond_wait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex));
}

int cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *until)
{
    return pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until) ? thrd_timedout
                                                                                                : thrd_success;
}

int cnd_signal(cnd_t *condition)
{
    return said(pthread_cond_signal((pthread_cond_t *)condition));
}

int cnd_broadcast(cnd_t *condition)
{
    return said(pthread_cond_broadcast((pthread_cond_t *)condition));
}

/* librdkafka counts references by atomics of its own, which nobody here sees; so what it does itself isn't judged, only
 * what we do. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "ignore_noninstrumented_modules=1";
}
