#include "view_place.h"

#include "clock.h"
#include "errors.h"
#include "view_schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char in_use[] = "customercenter";
static const char rebuilt_schema[] = "customercenter_rebuild";

static struct view_place place_of(const struct common_settings *common, const char *file, const char *schema)
{
    return (struct view_place){file, common->store_sql[0] ? common->store_sql : NULL, schema,
                               (int32_t)common->shop_cells};
}

struct view_place view_place_in_use(const struct common_settings *common, const char *file)
{
    return place_of(common, file, in_use);
}

struct view_place view_place_rebuilt(const struct common_settings *common, const char *file)
{
    return place_of(common, file, rebuilt_schema);
}

const char *view_place_name(const struct view_place *place)
{
    return place->server ? place->schema : place->file;
}

static struct sql_options options_of(const struct view_place *place)
{
    return (struct sql_options){.path = place->file,
                                .server = place->server,
                                .schema = place->schema,
                                .application = "customercenter",
                                .cell = place->cells == 1 ? 0 : SQL_ALL_CELLS,
                                .cells = place->cells,
                                .migrations = view_migrations,
                                .n_migrations = view_migrations_count};
}

struct sql *view_place_open(const struct view_place *place, bool read_only, struct buf *problem)
{
    struct sql_options options = options_of(place);
    int error;

    options.read_only = read_only;
    return place->server ? postgres_open(&options, problem, &error) : sqlite_open(&options, problem, &error);
}

/* Without a word when it isn't there, or can't be opened. */
static struct sql *open_if_there(const struct view_place *place, bool read_only)
{
    struct buf problem = {0};
    struct sql *sql =
        place->server || access(place->file, F_OK) == 0 ? view_place_open(place, read_only, &problem) : NULL;

    buf_free(&problem);
    return sql;
}

bool view_place_is_whole(const struct view_place *place)
{
    int64_t whole = 0;
    struct sql *sql = open_if_there(place, true);

    if (!sql)
        return false;
    int rc = view_tally_read(sql, STR(VIEW_TALLY_WHOLE), &whole);
    sql->close(sql);
    return rc == OK && whole != 0;
}

/* A file isn't opened: whoever renames it must find nothing beside it. */
bool view_place_exists(const struct view_place *place)
{
    return place->server ? view_place_is_whole(place) : access(place->file, F_OK) == 0;
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
static bool remove_file(const char *path)
{
    return remove_with(path, "") && remove_with(path, "-wal") && remove_with(path, "-shm");
}

bool view_place_remove(const struct view_place *place, struct buf *problem)
{
    struct sql_options options = options_of(place);

    if (place->server)
        return postgres_replace_schema(&options, NULL, problem) == OK;
    if (!remove_file(place->file)) {
        buf_printf(problem, "what an earlier rebuild has left at %s can't be removed", place->file);
        return false;
    }
    return true;
}

/* The highest number of a change; closing the file leaves no log beside it. 0 for a view that can't be read. */
static int64_t last_change_of(const struct view_place *place, bool *readable)
{
    static const struct sql_statement last = {"SELECT COALESCE(MAX(change), 0) FROM mypage", 0};
    int64_t change = 0, epoch = 0;

    struct sql *sql = open_if_there(place, false);
    if (!sql)
        return 0;
    if (readable)
        *readable = true;
    if (sql_number(sql, &last, NULL, &change) || view_tally_read(sql, STR(VIEW_TALLY_EPOCH), &epoch))
        change = 0;
    sql->close(sql);
    return change > epoch ? change : epoch;
}

static bool begin_epoch(const struct view_place *rebuilt, int64_t epoch, struct buf *problem)
{
    struct sql *sql = view_place_open(rebuilt, false, problem);

    if (!sql)
        return false;
    int rc = view_tally_write(sql, STR(VIEW_TALLY_EPOCH), epoch);
    sql->close(sql);
    if (rc)
        buf_printf(problem, "%s: %s", view_place_name(rebuilt), error_text(rc));
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

static bool replace_file(const char *current, const char *rebuilt, bool readable, struct buf *problem)
{
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

bool view_place_replace(const struct view_place *current, const struct view_place *rebuilt, struct buf *problem)
{
    bool readable = false;
    int64_t newest = last_change_of(current, &readable), own = last_change_of(rebuilt, NULL), now = clock_wall();

    newest = newest > own ? newest : own;
    if (!begin_epoch(rebuilt, (newest > now ? newest : now) + 1, problem))
        return false;
    if (!current->server)
        return replace_file(current->file, rebuilt->file, readable, problem);
    struct sql_options options = options_of(current);
    return postgres_replace_schema(&options, rebuilt->schema, problem) == OK;
}
