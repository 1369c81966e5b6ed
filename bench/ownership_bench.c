/* How long cells are without an owner: when their owner leaves, when it is killed, and when it is stopped.
 *
 *      ownership_bench POSTGRES [CELLS [TIMES]]        (16 cells, 5 times)
 *
 * POSTGRES is the address of a database of which the schemas bench_cells and bench_0, bench_1, … are used and left
 * there. Two processes share the cells; each cell is a schema with a connection that writes it alone, as a service's
 * would be. The one is made to go, the other one takes what it had. Pokes go by UDP. What is printed is from the moment
 * at which it was told to go (or got the signal) until the other one has opened the last of its cells, and how long the
 * one cell was closed that was closed longest.
 */
#include "base.h"
#include "buf.h"
#include "clock.h"
#include "errors.h"
#include "membership_postgres.h"
#include "ownership.h"
#include "sql.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NAME_SIZE = 16, KEEP_MS = 500, POKE_SIZE = 8, LOOK_MS = 2 };

static const struct sql_migration migrations[] = {{1, "CREATE TABLE done (n INTEGER PRIMARY KEY)"}};

/* What both processes see. */
static struct seen {
    _Atomic int64_t closed_at[CELLS_MOST]; /* monotonic, one clock for both */
    _Atomic int64_t opened_at[CELLS_MOST];
    _Atomic int owner[CELLS_MOST];
    _Atomic int has[2]; /* how many cells each has */
} * seen;

static const char *server;
static int n_cells = 16;

/* --- a replica --- */

struct moved_cell {
    int number;
    struct sql *sql;
    pthread_mutex_t lock;
};

static struct replica {
    struct ownership_service service;
    struct ownership *ownership;
    int number;
    int poked; /* where pokes arrive */
    struct moved_cell cells[CELLS_MOST];
    atomic_bool left;
} self;

static void *open_cell(void *context)
{
    struct moved_cell *cell = context;
    char name[NAME_SIZE];
    struct buf problem = {0};
    int error = 0;

    snprintf(name, sizeof(name), "bench_%d", cell->number);
    const struct sql_options options = {.server = server,
                                        .schema = name,
                                        .application = "bench",
                                        .migrations = migrations,
                                        .n_migrations = COUNT_OF(migrations),
                                        .alone = true,
                                        .lost_ms = OWNERSHIP_DEFAULTS.lost_ms};
    struct sql *sql = postgres_open(&options, &problem, &error);
    buf_free(&problem);
    pthread_mutex_lock(&cell->lock);
    cell->sql = sql;
    pthread_mutex_unlock(&cell->lock);
    if (sql) {
        atomic_store(&seen->opened_at[cell->number], clock_monotonic());
        atomic_store(&seen->owner[cell->number], self.number);
    }
    ownership_taken(self.ownership, cell->number, error);
    return NULL;
}

static void *close_cell(void *context)
{
    struct moved_cell *cell = context;

    pthread_mutex_lock(&cell->lock);
    if (cell->sql)
        cell->sql->close(cell->sql);
    cell->sql = NULL;
    pthread_mutex_unlock(&cell->lock);
    ownership_given(self.ownership, cell->number);
    return NULL;
}

static void in_background(void *(*work)(void *), int cell)
{
    pthread_t thread;

    ASSERT(pthread_create(&thread, NULL, work, &self.cells[cell]) == 0);
    pthread_detach(thread);
}

static void take(struct ownership_service *service, int cell, int64_t token)
{
    UNUSED(service);
    UNUSED(token);
    in_background(open_cell, cell);
}

static void give(struct ownership_service *service, int cell)
{
    UNUSED(service);
    atomic_store(&seen->closed_at[cell], clock_monotonic());
    in_background(close_cell, cell);
}

static void moved(struct ownership_service *service, int cell)
{
    UNUSED(service);
    UNUSED(cell);
    atomic_store(&seen->has[self.number], (int)ownership_count(self.ownership));
}

static void poke(struct ownership_service *service, const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((uint16_t)strtol(port, NULL, 10))};

    UNUSED(service);
    (void)!sendto(self.poked, "poke", 4, 0, (struct sockaddr *)&address, sizeof(address));
}

static void left(struct ownership_service *service)
{
    UNUSED(service);
    atomic_store(&self.left, true);
}

static void listen_for_pokes(char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(address);

    self.poked = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ASSERT(self.poked >= 0 && bind(self.poked, (struct sockaddr *)&address, n) == 0);
    ASSERT(getsockname(self.poked, (struct sockaddr *)&address, &n) == 0);
    snprintf(port, POKE_SIZE, "%d", ntohs(address.sin_port));
}

/* As a writer does that has nothing to do, so that its session isn't taken for a dead one's. */
static void keep_cells(void)
{
    for (int i = 0; i < n_cells; i++) {
        struct moved_cell *cell = &self.cells[i];
        if (pthread_mutex_trylock(&cell->lock))
            continue;
        if (cell->sql)
            (void)cell->sql->look(cell->sql);
        pthread_mutex_unlock(&cell->lock);
    }
}

static void live(int orders)
{
    struct pollfd fds[] = {{.fd = self.poked, .events = POLLIN}, {.fd = orders, .events = POLLIN}};
    char text[POKE_SIZE];

    while (!atomic_load(&self.left)) {
        int ready = poll(fds, 2, KEEP_MS / 10);
        if (ready > 0 && fds[0].revents && recv(self.poked, text, sizeof(text), MSG_DONTWAIT) > 0)
            ownership_poke(self.ownership);
        if (ready > 0 && fds[1].revents) {
            (void)!read(orders, text, 1);
            fds[1].fd = -1;
            ownership_leave(self.ownership);
        }
        static int64_t kept_at;
        if (clock_monotonic() - kept_at > KEEP_MS * US_PER_MS) {
            keep_cells();
            kept_at = clock_monotonic();
        }
    }
}

static _Noreturn void be_replica(int number, int orders)
{
    char service[NAME_SIZE];
    struct membership_postgres_options options = {
        .server = server, .service = service, .n_cells = (size_t)n_cells, .lost_ms = OWNERSHIP_DEFAULTS.lost_ms};
    struct buf problem = {0};
    char port[POKE_SIZE];
    int error = 0;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    snprintf(service, sizeof(service), "bench_of_%d", n_cells);
    self.number = number;
    self.service = (struct ownership_service){take, give, moved, poke, left};
    for (int i = 0; i < n_cells; i++) {
        self.cells[i].number = i;
        pthread_mutex_init(&self.cells[i].lock, NULL);
    }
    listen_for_pokes(port);
    struct membership *membership = membership_postgres_open(&options, &problem, &error);
    if (!membership) {
        fprintf(stderr, "%.*s\n", STR_ARG(buf_str(&problem)));
        _exit(EXIT_FAILURE);
    }
    self.ownership = ownership_new(&OWNERSHIP_DEFAULTS, membership, (size_t)n_cells, port, &self.service);
    ASSERT(self.ownership && ownership_start(self.ownership) == OK);
    live(orders);
    ownership_free(self.ownership);
    _exit(EXIT_SUCCESS);
}

/* --- the measuring --- */

struct process {
    pid_t pid;
    int orders;
};

static struct process start(int number)
{
    int ends[2];

    ASSERT(pipe(ends) == 0);
    fflush(stdout);
    pid_t pid = fork();
    ASSERT(pid >= 0);
    if (pid == 0)
        be_replica(number, ends[0]);
    close(ends[0]);
    return (struct process){pid, ends[1]};
}

static void wait_until(int number, int has)
{
    while (atomic_load(&seen->has[number]) != has) {
        siginfo_t ended = {0};
        if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid && ended.si_code == CLD_EXITED &&
            ended.si_status != EXIT_SUCCESS)
            exit(EXIT_FAILURE); /* it has said why */
        poll(NULL, 0, LOOK_MS);
    }
}

enum manner { LEAVES, IS_KILLED, IS_STOPPED };

static void make_go(const struct process *process, enum manner manner)
{
    if (manner == LEAVES)
        ASSERT(write(process->orders, "l", 1) == 1);
    else
        kill(process->pid, manner == IS_KILLED ? SIGKILL : SIGSTOP);
}

static void measure(enum manner manner)
{
    static const char *const names[] = {"leaves", "is killed", "is stopped"};
    int64_t last = 0, longest = 0;

    atomic_store(&seen->has[0], 0);
    atomic_store(&seen->has[1], 0);
    struct process stays = start(0);
    wait_until(0, n_cells);
    struct process goes = start(1);
    wait_until(1, n_cells / 2);
    wait_until(0, n_cells - n_cells / 2);
    int64_t began = clock_monotonic();
    make_go(&goes, manner);
    wait_until(0, n_cells);
    for (int i = 0; i < n_cells; i++) {
        int64_t opened = atomic_load(&seen->opened_at[i]), closed = atomic_load(&seen->closed_at[i]);
        if (opened < began)
            continue;
        last = opened > last ? opened : last;
        int64_t pause = opened - (closed > began ? closed : began);
        longest = pause > longest ? pause : longest;
    }
    printf("it %s: the last of its %d cells is open after %lld ms, the longest pause of one was %lld ms\n",
           names[manner], n_cells / 2, (long long)((last - began) / US_PER_MS), (long long)(longest / US_PER_MS));
    kill(goes.pid, SIGKILL);
    kill(stays.pid, SIGKILL);
    waitpid(goes.pid, NULL, 0);
    waitpid(stays.pid, NULL, 0);
    close(goes.orders);
    close(stays.orders);
}

int main(int argc, char **argv)
{
    int times = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 5;

    if (argc < 2) {
        fprintf(stderr, "ownership_bench POSTGRES [CELLS [TIMES]]\n");
        return EXIT_FAILURE;
    }
    server = argv[1];
    if (argc > 2)
        n_cells = (int)strtol(argv[2], NULL, 10);
    ASSERT(n_cells > 1 && n_cells <= CELLS_MOST);
    seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT(seen != MAP_FAILED);
    for (enum manner manner = LEAVES; manner <= IS_STOPPED; manner++) {
        for (int i = 0; i < times; i++)
            measure(manner);
    }
    return EXIT_SUCCESS;
}
