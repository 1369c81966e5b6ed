#include "sqlite_vfs.h"

#include "base.h"
#include "checksum.h"
#include "log.h"

#include <pthread.h>
#include <string.h>

enum {
    PAGE = 4096,      /* every database of ours; others pass through */
    SUM = 8,          /* the end of a page */
    RESERVED_AT = 20, /* in the file's header: how many bytes at the end of each page are left alone */
    LEAST_PAGE = 512  /* what is shorter is a piece of the header, not a page */
};

/* SQLite makes room for szOsFile bytes: ours, and behind it the file of the VFS below. */
struct guarded_file {
    sqlite3_file base;
    const char *name; /* SQLite's; lives as long as the file is open */
    bool guarded;
    sqlite3_int64 told; /* the page said to be damaged last */
    sqlite3_int64 below[];
};

static struct guarded_file *of(sqlite3_file *file)
{
    return (struct guarded_file *)(void *)file;
}

static sqlite3_file *below(sqlite3_file *file)
{
    return (sqlite3_file *)(void *)of(file)->below;
}

/* --- pages --- */

static uint64_t sum_of(const unsigned char *page, sqlite3_int64 at)
{
    return checksum_of(page, PAGE - SUM, (uint64_t)(at / PAGE) + 1);
}

static uint64_t stored_sum(const unsigned char *page)
{
    uint64_t sum;

    memcpy(&sum, page + PAGE - SUM, sizeof(sum));
    return sum;
}

static bool is_page(int n, sqlite3_int64 at)
{
    return n == PAGE && at % PAGE == 0;
}

static int complain(struct guarded_file *file, sqlite3_int64 at)
{
    sqlite3_int64 page = at / PAGE + 1;

    if (page != file->told)
        log_error("a page of the database is damaged: it isn't what was written", LOG_T("file", file->name),
                  LOG_I("page", page));
    file->told = page;
    return SQLITE_IOERR_DATA;
}

static int read_page(sqlite3_file *port, void *bytes, int n, sqlite3_int64 at)
{
    struct guarded_file *file = of(port);
    unsigned char *page = bytes;

    int rc = below(port)->pMethods->xRead(below(port), bytes, n, at);
    if (rc != SQLITE_OK || !file->guarded || n < LEAST_PAGE)
        return rc;
    if (!is_page(n, at)) /* the header was damaged where it says how long a page is */
        return complain(file, at);
    if (stored_sum(page) != 0 && stored_sum(page) != sum_of(page, at))
        return complain(file, at);
    memset(page + PAGE - SUM, 0, SUM);
    return SQLITE_OK;
}

static int write_page(sqlite3_file *port, const void *bytes, int n, sqlite3_int64 at)
{
    struct guarded_file *file = of(port);
    unsigned char page[PAGE];

    if (at == 0 && is_page(n, at)) /* the first page says what SQLite itself goes by */
        file->guarded = ((const unsigned char *)bytes)[RESERVED_AT] == SUM;
    if (!file->guarded || !is_page(n, at))
        return below(port)->pMethods->xWrite(below(port), bytes, n, at);
    memcpy(page, bytes, PAGE - SUM);
    uint64_t sum = sum_of(page, at);
    memcpy(page + PAGE - SUM, &sum, sizeof(sum));
    return below(port)->pMethods->xWrite(below(port), page, n, at);
}

/* Whether the file has room for checksums. What it says itself may be the very byte that is damaged; then its checksum
 * is right for what the byte should be. One without a page yet is made with room. */
static bool has_room(sqlite3_file *file)
{
    unsigned char page[PAGE];

    if (file->pMethods->xRead(file, page, PAGE, 0) != SQLITE_OK)
        return true;
    if (page[RESERVED_AT] == SUM)
        return true;
    page[RESERVED_AT] = SUM;
    return stored_sum(page) == sum_of(page, 0);
}

/* --- the rest is the VFS's below --- */

static int close_file(sqlite3_file *file)
{
    return below(file)->pMethods->xClose(below(file));
}

static int truncate_file(sqlite3_file *file, sqlite3_int64 n)
{
    return below(file)->pMethods->xTruncate(below(file), n);
}

static int sync_file(sqlite3_file *file, int flags)
{
    return below(file)->pMethods->xSync(below(file), flags);
}

static int size_of_file(sqlite3_file *file, sqlite3_int64 *n)
{
    return below(file)->pMethods->xFileSize(below(file), n);
}

static int lock_file(sqlite3_file *file, int level)
{
    return below(file)->pMethods->xLock(below(file), level);
}

static int unlock_file(sqlite3_file *file, int level)
{
    return below(file)->pMethods->xUnlock(below(file), level);
}

static int is_reserved(sqlite3_file *file, int *reserved)
{
    return below(file)->pMethods->xCheckReservedLock(below(file), reserved);
}

static int control_file(sqlite3_file *file, int what, void *argument)
{
    return below(file)->pMethods->xFileControl(below(file), what, argument);
}

static int sector_size(sqlite3_file *file)
{
    return below(file)->pMethods->xSectorSize(below(file));
}

static int characteristics(sqlite3_file *file)
{
    return below(file)->pMethods->xDeviceCharacteristics(below(file));
}

static int shm_map(sqlite3_file *file, int region, int n, int extend, void volatile **at)
{
    return below(file)->pMethods->xShmMap(below(file), region, n, extend, at);
}

static int shm_lock(sqlite3_file *file, int first, int n, int flags)
{
    return below(file)->pMethods->xShmLock(below(file), first, n, flags);
}

static void shm_barrier(sqlite3_file *file)
{
    below(file)->pMethods->xShmBarrier(below(file));
}

static int shm_unmap(sqlite3_file *file, int remove)
{
    return below(file)->pMethods->xShmUnmap(below(file), remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2, /* 3 would be for a file mapped into memory, whose pages nobody hands us */
    .xClose = close_file,
    .xRead = read_page,
    .xWrite = write_page,
    .xTruncate = truncate_file,
    .xSync = sync_file,
    .xFileSize = size_of_file,
    .xLock = lock_file,
    .xUnlock = unlock_file,
    .xCheckReservedLock = is_reserved,
    .xFileControl = control_file,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = characteristics,
    .xShmMap = shm_map,
    .xShmLock = shm_lock,
    .xShmBarrier = shm_barrier,
    .xShmUnmap = shm_unmap,
};

/* --- opening --- */

static sqlite3_vfs *real; /* set once, before ours is known to SQLite */
static sqlite3_vfs ours;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Only databases are guarded: every other file is the VFS's below alone, at no cost. */
static int open_file(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *out_flags)
{
    UNUSED(vfs);
    if (!(flags & SQLITE_OPEN_MAIN_DB))
        return real->xOpen(real, name, file, flags, out_flags);
    struct guarded_file *guarded = of(file);
    *guarded = (struct guarded_file){.name = name};
    int rc = real->xOpen(real, name, below(file), flags, out_flags);
    if (rc == SQLITE_OK) {
        guarded->guarded = has_room(below(file));
        file->pMethods = &methods;
    }
    return rc;
}

static void set_up(void)
{
    real = sqlite3_vfs_find(NULL);
    if (!real)
        return;
    ours = *real; /* names, times and random numbers are its own */
    ours.pNext = NULL;
    ours.zName = "coffeeshop";
    ours.szOsFile = (int)sizeof(struct guarded_file) + real->szOsFile;
    ours.xOpen = open_file;
    if (sqlite3_vfs_register(&ours, 0) != SQLITE_OK)
        real = NULL;
}

const char *sqlite_vfs(void)
{
    pthread_once(&once, set_up);
    return real ? ours.zName : NULL;
}

void sqlite_vfs_ask_for_room(sqlite3 *db)
{
    int n = SUM;

    (void)sqlite3_file_control(db, "main", SQLITE_FCNTL_RESERVE_BYTES, &n);
}

bool sqlite_vfs_guards(sqlite3 *db)
{
    sqlite3_file *file = NULL;

    return sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK && file &&
           file->pMethods == &methods && of(file)->guarded;
}
