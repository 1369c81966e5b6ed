#include "nginx_process.h"

#include "clock.h"
#include "log.h"
#include "nginx_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CANNOT_EXECUTE = 127, SIGNALED = 128 };

static bool is_program(struct str directory, const char *name, struct buf *path)
{
    buf_clear(path);
    if (directory.n > 0)
        buf_printf(path, "%.*s/", STR_ARG(directory));
    buf_add(path, str_of(name));
    buf_char(path, '\0');
    if (path->failed || access(path->p, X_OK) != 0)
        return false;
    path->n--;
    return true;
}

/* nginx is started in its own directory, where a path that was relative to ours would lead elsewhere. */
static bool make_absolute(struct buf *path)
{
    char *absolute = realpath(path->p, NULL);

    if (!absolute)
        return false;
    buf_clear(path);
    buf_add(path, str_of(absolute));
    buf_char(path, '\0');
    free(absolute);
    return !path->failed;
}

bool nginx_find(const char *wanted, struct buf *path, struct buf *problem)
{
    const char *from_environment = getenv("PATH");
    const struct str places[] = {str_of(from_environment), STR("/usr/sbin:/usr/local/sbin")};

    if (strchr(wanted, '/')) {
        if (is_program((struct str){NULL, 0}, wanted, path) && make_absolute(path))
            return true;
        buf_printf(problem, "there is no program %s: set gateway.nginx to where nginx is, or install the package nginx",
                   wanted);
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        for (struct str rest = places[i]; rest.n > 0;) {
            struct str directory = str_split(rest, ':', &rest);
            if (directory.n > 0 && is_program(directory, wanted, path))
                return true;
        }
    }
    buf_printf(problem,
               "the gateway needs nginx, and there is no %s in PATH or /usr/sbin: install the package nginx or set "
               "gateway.nginx",
               wanted);
    return false;
}

/* In the new process: its own group, so that a Ctrl-C reaches only the parent, which stops nginx gracefully; and never
 * longer alive than it. */
static _Noreturn void become_nginx(const struct nginx_process *process, pid_t parent)
{
    char *const arguments[] = {(char *)"nginx", (char *)"-e", (char *)"stderr",     (char *)"-p",
                               (char *)"./",    (char *)"-c", (char *)"nginx.conf", NULL};
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0);
    nginx_lock_sign(process->lock_fd);
    prctl(PR_SET_PDEATHSIG, SIGQUIT);
    if (getppid() == parent && chdir(process->directory) == 0)
        execv(process->program, arguments);
    _exit(CANNOT_EXECUTE);
}

/* The signals that are for us, from now on fetched by wait_signal(). */
static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGCHLD);
    sigprocmask(SIG_BLOCK, set, NULL);
}

/* The next signal, or 0 when `deadline` has come. */
static int wait_signal(const sigset_t *set, int64_t deadline)
{
    for (;;) {
        int64_t left = deadline == TIME_NEVER ? US_PER_S * 3600 : deadline - clock_monotonic();
        if (left <= 0)
            return 0;
        const struct timespec patience = {left / US_PER_S, left % US_PER_S * 1000};
        int signal = sigtimedwait(set, NULL, &patience);
        if (signal > 0)
            return signal;
    }
}

static bool has_ended(pid_t pid, int *status)
{
    return waitpid(pid, status, WNOHANG) == pid;
}

/* Waits until nginx has ended (true) or the deadline has come; when `until_asked`, also until somebody asks to stop. */
static bool wait_end(pid_t pid, const sigset_t *set, int64_t deadline, bool until_asked, int *status)
{
    for (;;) {
        int signal = wait_signal(set, deadline);
        if (signal == SIGCHLD && has_ended(pid, status))
            return true;
        if (signal == 0 || (until_asked && signal != SIGCHLD))
            return false;
    }
}

/* nginx answers /readyz with 503 while this file is there. */
static void say_draining(const struct nginx_process *process)
{
    struct buf path = {0};

    buf_printf(&path, "%s/draining", process->directory);
    int fd = path.failed ? -1 : open(path.p, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd >= 0)
        close(fd);
    buf_free(&path);
}

static void stop(const struct nginx_process *process, pid_t pid, const sigset_t *set)
{
    int status;

    log_info("stopping", LOG_I("drain_ms", process->drain_ms));
    if (process->drain_ms > 0) {
        say_draining(process);
        if (wait_end(pid, set, clock_monotonic() + process->drain_ms * US_PER_MS, false, &status))
            return;
    }
    kill(pid, SIGQUIT);
    /* its worker cuts off what is left after stop_ms (worker_shutdown_timeout); a little longer means that it hangs */
    if (wait_end(pid, set, clock_monotonic() + (process->stop_ms + 500) * US_PER_MS, false, &status))
        return;
    log_error("nginx did not stop in time and is killed", LOG_I("pid", pid));
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
}

static int explain_end(const struct nginx_process *process, int status, struct buf *problem)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT_EXECUTE)
        buf_printf(problem, "can't run %s in %s", process->program, process->directory);
    else if (WIFEXITED(status))
        buf_printf(problem, "nginx ended with status %d; what it said stands above", WEXITSTATUS(status));
    if (WIFEXITED(status))
        return 1;
    buf_printf(problem, "nginx was ended by signal %d", WTERMSIG(status));
    return SIGNALED + WTERMSIG(status);
}

int nginx_run(const struct nginx_process *process, struct buf *problem)
{
    sigset_t set;
    int status;
    pid_t parent = getpid();

    block_signals(&set);
    pid_t pid = fork();
    if (pid < 0) {
        buf_printf(problem, "can't start nginx: %s", strerror(errno));
        return 1;
    }
    if (pid == 0)
        become_nginx(process, parent);
    bool ended = wait_end(pid, &set, TIME_NEVER, true, &status);
    if (!ended)
        stop(process, pid, &set);
    kill(-pid, SIGKILL); /* workers that the master has left, if any: they would keep the port */
    return ended ? explain_end(process, status, problem) : 0;
}
