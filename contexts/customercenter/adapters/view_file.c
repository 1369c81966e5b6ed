#include "view_file.h"

#include "clock.h"
#include "errors.h"
#include "view_schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct sql *open_view(const char *path, bool read_only, struct buf *problem)
{
    int error;
    struct sql_options options = {.path = path,
                                  .application = "customercenter",
                                  .migrations = view_migrations,
                                  .n_migrations = view_migrations_count,
                                  .read_only = read_only};

    return sqlite_open(&options, problem, &error);
}

bool view_file_is_whole(const char *path)
{
    struct buf problem = {0};
    int64_t whole = 0;

    struct sql *sql = access(path, F_OK) == 0 ? open_view(path, true, &problem) : NULL;
    buf_free(&problem);
    if (!sql)
        return false;
    int rc = view_tally_read(sql, STR(VIEW_TALLY_WHOLE), &whole);
    sql->close(sql);
    return rc == OK && whole != 0;
}

static bool remove_with(const char *path, const char *suffix)
{
    struct buf name = {0};

    buf_add(&name, str_of(path));
    buf_add(&name, str_of(suffix));
    buf_char(&name, '\0');
    bool gone = !name.failed && (unlink(name.p) == 0 || errno == ENOENT);
    buf_free(&name);
    return gone;
}

/* A log without its database is nothing; a database without its log may be half of what it should be. So the database
 * goes first. */
bool view_file_remove(const char *path)
{
    return remove_with(path, "") && remove_with(path, "-wal") && remove_with(path, "-shm");
}

/* The highest number of a change; closing the file leaves no log beside it. 0 for a view that can't be read. */
static int64_t last_change_of(const char *path, bool *readable)
{
    static const struct sql_statement last = {"SELECT COALESCE(MAX(change), 0) FROM mypage", 0};
    struct buf problem = {0};
    int64_t change = 0, epoch = 0;

    struct sql *sql = access(path, F_OK) == 0 ? open_view(path, false, &problem) : NULL;
    buf_free(&problem);
    if (!sql)
        return 0;
    if (readable)
        *readable = true;
    if (sql_number(sql, &last, NULL, &change) || view_tally_read(sql, STR(VIEW_TALLY_EPOCH), &epoch))
        change = 0;
    sql->close(sql);
    return change > epoch ? change : epoch;
}

static bool begin_epoch(const char *rebuilt, int64_t epoch, struct buf *problem)
{
    struct sql *sql = open_view(rebuilt, false, problem);

    if (!sql)
        return false;
    int rc = view_tally_write(sql, STR(VIEW_TALLY_EPOCH), epoch);
    sql->close(sql);
    if (rc)
        buf_printf(problem, "%s: %s", rebuilt, error_text(rc));
    return rc == OK;
}

static bool sync_path(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);

    if (fd < 0)
        return false;
    bool synced = fsync(fd) == 0;
    close(fd);
    return synced;
}

static bool sync_directory_of(const char *path)
{
    struct buf name = {0};
    const char *slash = strrchr(path, '/');

    buf_add(&name, slash ? (struct str){path, (size_t)(slash - path) + 1} : STR("."));
    buf_char(&name, '\0');
    bool synced = !name.failed && sync_path(name.p, O_RDONLY | O_DIRECTORY);
    buf_free(&name);
    return synced;
}

/* Whether there is a log beside it that isn't empty: closing a database puts it all into the file. */
static bool has_log(const char *path)
{
    struct buf name = {0};
    struct stat status;

    buf_add(&name, str_of(path));
    buf_add(&name, STR("-wal"));
    buf_char(&name, '\0');
    bool there = name.failed || (stat(name.p, &status) == 0 && status.st_size > 0);
    buf_free(&name);
    return there;
}

/* SQLite would play the old database's log into the new one, so it has to be gone before. All of it is in the old file
 * by now, unless that can't be read; then it is no loss. */
static bool remove_log(const char *path)
{
    return remove_with(path, "-wal") && remove_with(path, "-shm");
}

bool view_file_replace(const char *current, const char *rebuilt, struct buf *problem)
{
    bool readable = false;
    int64_t newest = last_change_of(current, &readable), own = last_change_of(rebuilt, NULL), now = clock_wall();

    newest = newest > own ? newest : own;
    if (!begin_epoch(rebuilt, (newest > now ? newest : now) + 1, problem))
        return false;
    if (has_log(rebuilt) || (readable && has_log(current))) {
        buf_printf(problem, "%s can't take the place of %s: what is in the log beside one of them can't be put into it",
                   rebuilt, current);
        return false;
    }
    /* The new one is durable before it has the name, and has it in one step. */
    if (!sync_path(rebuilt, O_RDONLY) || !remove_log(rebuilt) || !remove_log(current) || rename(rebuilt, current)) {
        buf_printf(problem, "%s can't take the place of %s: %s", rebuilt, current, strerror(errno));
        return false;
    }
    /* If that isn't durable, the old view is there after a crash: behind, not wrong. */
    (void)sync_directory_of(current);
    return true;
}
