#include "supervisor.h"

#include "alloc.h"
#include "clock.h"
#include "log.h"
#include "program.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CANNOT_EXECUTE = 126, SIGNALED = 128 };

static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGCHLD);
    sigprocmask(SIG_BLOCK, set, NULL);
}

/* In the new process. Ends with the supervisor; the signals are as a fresh program expects them. */
static _Noreturn void become(const struct supervisor *supervisor, const struct child *child, pid_t parent)
{
    char *const arguments[] = {(char *)"coffeeshop", (char *)child->name, NULL};
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() == parent)
        execve("/proc/self/exe", arguments, supervisor->environment);
    _exit(CANNOT_EXECUTE);
}

static void start(struct supervisor *supervisor, struct child *child, int64_t now)
{
    pid_t parent = getpid();
    pid_t pid = fork();

    if (pid == 0)
        become(supervisor, child, parent);
    if (pid < 0) {
        log_error("can't start a process", LOG_T("service", child->name), LOG_T("why", strerror(errno)));
        child->start_at_us = now + supervisor->settings->backoff_max_ms * US_PER_MS;
        return;
    }
    child->pid = pid;
    child->starts++;
    child->started_us = now;
    child->ready = false;
    probe_reset(&child->probe, now);
}

static void signal_all(const struct supervisor *supervisor, int signal)
{
    for (size_t i = 0; i < supervisor->n_children; i++) {
        if (supervisor->children[i].pid > 0)
            kill(supervisor->children[i].pid, signal);
    }
}

static void begin_stop(struct supervisor *supervisor, int64_t now)
{
    if (supervisor->stopping)
        return;
    supervisor->stopping = true;
    supervisor->kill_at_us = now + supervisor->settings->stop_ms * US_PER_MS;
    signal_all(supervisor, SIGTERM);
}

static void kill_who_is_late(struct supervisor *supervisor, int64_t now)
{
    if (!supervisor->stopping || supervisor->killed || now < supervisor->kill_at_us)
        return;
    supervisor->killed = true;
    for (size_t i = 0; i < supervisor->n_children; i++) {
        if (supervisor->children[i].pid > 0)
            log_error("did not stop in time and is killed", LOG_T("service", supervisor->children[i].name));
    }
    signal_all(supervisor, SIGKILL);
}

/* The signal that ended a child or, as a shell says it (128 + n), what the child stood for; 0: none. Who was killed can
 * well start again. */
static int signal_of(int status)
{
    if (WIFSIGNALED(status))
        return WTERMSIG(status);
    return WIFEXITED(status) && WEXITSTATUS(status) > SIGNALED ? WEXITSTATUS(status) - SIGNALED : 0;
}

static bool could_not_start(const struct supervisor *supervisor, const struct child *child, int status, int64_t now)
{
    bool failed = signal_of(status) == 0 && WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != PROGRAM_START_AGAIN;
    bool is_young = now - child->started_us < supervisor->settings->steady_ms * US_PER_MS;

    return failed && is_young && child->starts == 1;
}

static void log_end(const struct child *child, pid_t pid, int status, int64_t wait_ms)
{
    if (signal_of(status) != 0)
        log_warning("ended, is started again", LOG_T("service", child->name), LOG_I("pid", pid),
                    LOG_I("signal", signal_of(status)), LOG_I("wait_ms", wait_ms));
    else
        log_warning("ended, is started again", LOG_T("service", child->name), LOG_I("pid", pid),
                    LOG_I("status", WEXITSTATUS(status)), LOG_I("wait_ms", wait_ms));
}

static void child_ended(struct supervisor *supervisor, struct child *child, int status, int64_t now)
{
    const struct supervisor_settings *settings = supervisor->settings;
    pid_t pid = child->pid;

    child->pid = 0;
    child->ready = false;
    probe_reset(&child->probe, now);
    if (supervisor->stopping)
        return;
    if (could_not_start(supervisor, child, status, now)) {
        supervisor->cannot_start = child->name;
        begin_stop(supervisor, now);
        return;
    }
    if (child->backoff_ms == 0 || now - child->started_us >= settings->steady_ms * US_PER_MS)
        child->backoff_ms = settings->backoff_ms;
    child->start_at_us = now + child->backoff_ms * US_PER_MS;
    log_end(child, pid, status, child->backoff_ms);
    child->backoff_ms *= 2;
    if (child->backoff_ms > settings->backoff_max_ms)
        child->backoff_ms = settings->backoff_max_ms;
}

static void reap(struct supervisor *supervisor, int64_t now)
{
    int status;

    for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG)) {
        for (size_t i = 0; i < supervisor->n_children; i++) {
            if (supervisor->children[i].pid == pid)
                child_ended(supervisor, &supervisor->children[i], status, now);
        }
    }
}

static void read_signals(struct supervisor *supervisor, int64_t now)
{
    struct signalfd_siginfo info;

    while (read(supervisor->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo != SIGCHLD)
            begin_stop(supervisor, now);
    }
    reap(supervisor, now);
}

static size_t count_running(const struct supervisor *supervisor)
{
    size_t n = 0;

    for (size_t i = 0; i < supervisor->n_children; i++)
        n += supervisor->children[i].pid > 0;
    return n;
}

static void announce_when_ready(struct supervisor *supervisor)
{
    for (size_t i = 0; i < supervisor->n_children; i++) {
        if (!supervisor->children[i].ready)
            return;
    }
    if (!supervisor->announced && !supervisor->stopping)
        supervisor->all_ready(supervisor);
    supervisor->announced = true;
}

/* When `child` next wants attention without a signal or a socket. */
static int64_t due(const struct supervisor *supervisor, const struct child *child)
{
    if (supervisor->stopping)
        return supervisor->killed ? TIME_NEVER : supervisor->kill_at_us;
    if (child->pid == 0)
        return child->start_at_us;
    return child->ready ? TIME_NEVER : child->probe.next_us;
}

static int wait_for_something(const struct supervisor *supervisor, struct pollfd *fds)
{
    int64_t wake = TIME_NEVER;

    fds[0] = (struct pollfd){.fd = supervisor->signals, .events = POLLIN};
    for (size_t i = 0; i < supervisor->n_children; i++) {
        const struct child *child = &supervisor->children[i];
        int64_t when = due(supervisor, child);
        fds[i + 1] = probe_wish(&child->probe);
        wake = when < wake ? when : wake;
    }
    if (wake == TIME_NEVER)
        return poll(fds, supervisor->n_children + 1, -1);
    int64_t left = wake - clock_monotonic();
    /* rounded up: waking just before the time would turn in circles */
    return poll(fds, supervisor->n_children + 1, left > 0 ? (int)((left + US_PER_MS - 1) / US_PER_MS) : 0);
}

/* A probe that was begun anew since poll() has nothing to do with what poll() saw. */
static short answer_for(const struct child *child, const struct pollfd *seen)
{
    if (child->probe.fd != seen->fd)
        return 0;
    return seen->revents;
}

static void turn(struct supervisor *supervisor, const struct pollfd *fds)
{
    int64_t now = clock_monotonic();

    read_signals(supervisor, now);
    kill_who_is_late(supervisor, now);
    if (supervisor->stopping)
        return;
    for (size_t i = 0; i < supervisor->n_children; i++) {
        struct child *child = &supervisor->children[i];
        if (child->pid == 0 && now >= child->start_at_us)
            start(supervisor, child, now);
        else if (child->pid > 0 && !child->ready)
            child->ready = probe_turn(&child->probe, answer_for(child, &fds[i + 1]), now);
    }
    announce_when_ready(supervisor);
}

static void loop(struct supervisor *supervisor, struct pollfd *fds)
{
    do {
        if (wait_for_something(supervisor, fds) < 0)
            ASSERT(errno == EINTR || errno == ENOMEM);
        turn(supervisor, fds);
    } while (!supervisor->stopping || count_running(supervisor) > 0);
}

int supervisor_run(struct supervisor *supervisor, struct buf *problem)
{
    sigset_t set;
    struct pollfd *fds = heap_alloc((supervisor->n_children + 1) * sizeof(struct pollfd));

    block_signals(&set);
    supervisor->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (!fds || supervisor->signals < 0) {
        buf_printf(problem, "can't watch over the services: %s", strerror(errno));
        heap_free(fds);
        return 1;
    }
    loop(supervisor, fds);
    for (size_t i = 0; i < supervisor->n_children; i++)
        probe_reset(&supervisor->children[i].probe, 0);
    close(supervisor->signals);
    heap_free(fds);
    if (supervisor->cannot_start) {
        buf_printf(problem, "%s can't start, its reason stands above; everything is stopped", supervisor->cannot_start);
        return 1;
    }
    if (supervisor->killed) {
        BUF_LIT(problem, "not every service stopped in time; what was acknowledged is kept all the same");
        return 1;
    }
    return 0;
}
