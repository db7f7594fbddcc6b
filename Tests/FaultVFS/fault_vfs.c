#include "fault_vfs.h"

#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

static sqlite3_vfs *real_vfs;
static enum fault_kind fault;
static long fault_at, fault_every, steps;

/* The real file lies behind this head. */
struct file {
    sqlite3_file head;
    sqlite3_file *real;
};

static sqlite3_file *real(sqlite3_file *file) { return ((struct file *)file)->real; }

/* Whether the step that begins now is one that fails. */
static int fails(void) {
    steps++;
    if (fault == FAULT_NONE || steps < fault_at) return 0;
    return steps == fault_at || (fault_every > 0 && (steps - fault_at) % fault_every == 0);
}

static int failure(int io_error) {
    if (fault == FAULT_KILL) kill(getpid(), SIGKILL);
    return fault == FAULT_FULL ? SQLITE_FULL : io_error;
}

static int x_close(sqlite3_file *f) { return real(f)->pMethods->xClose(real(f)); }
static int x_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at) { return real(f)->pMethods->xRead(real(f), to, n, at); }
static int x_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at) {
    if (fails()) {
        if (fault == FAULT_KILL) real(f)->pMethods->xWrite(real(f), from, n / 2, at);
        return failure(SQLITE_IOERR_WRITE);
    }
    return real(f)->pMethods->xWrite(real(f), from, n, at);
}
static int x_truncate(sqlite3_file *f, sqlite3_int64 size) {
    return fails() ? failure(SQLITE_IOERR_TRUNCATE) : real(f)->pMethods->xTruncate(real(f), size);
}
static int x_sync(sqlite3_file *f, int flags) {
    if (fails()) return fault == FAULT_FULL ? SQLITE_IOERR_FSYNC : failure(SQLITE_IOERR_FSYNC);
    return real(f)->pMethods->xSync(real(f), flags);
}
static int x_size(sqlite3_file *f, sqlite3_int64 *size) { return real(f)->pMethods->xFileSize(real(f), size); }
static int x_lock(sqlite3_file *f, int level) { return real(f)->pMethods->xLock(real(f), level); }
static int x_unlock(sqlite3_file *f, int level) { return real(f)->pMethods->xUnlock(real(f), level); }
static int x_reserved(sqlite3_file *f, int *result) { return real(f)->pMethods->xCheckReservedLock(real(f), result); }
static int x_control(sqlite3_file *f, int op, void *arg) { return real(f)->pMethods->xFileControl(real(f), op, arg); }
static int x_sector(sqlite3_file *f) { return real(f)->pMethods->xSectorSize(real(f)); }
static int x_device(sqlite3_file *f) { return real(f)->pMethods->xDeviceCharacteristics(real(f)); }
static int x_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **to) { return real(f)->pMethods->xShmMap(real(f), page, size, extend, to); }
static int x_shm_lock(sqlite3_file *f, int offset, int n, int flags) { return real(f)->pMethods->xShmLock(real(f), offset, n, flags); }
static void x_shm_barrier(sqlite3_file *f) { real(f)->pMethods->xShmBarrier(real(f)); }
static int x_shm_unmap(sqlite3_file *f, int remove) { return real(f)->pMethods->xShmUnmap(real(f), remove); }

static const sqlite3_io_methods methods = {
    .iVersion = 2, .xClose = x_close, .xRead = x_read, .xWrite = x_write, .xTruncate = x_truncate,
    .xSync = x_sync, .xFileSize = x_size, .xLock = x_lock, .xUnlock = x_unlock,
    .xCheckReservedLock = x_reserved, .xFileControl = x_control, .xSectorSize = x_sector,
    .xDeviceCharacteristics = x_device, .xShmMap = x_shm_map, .xShmLock = x_shm_lock,
    .xShmBarrier = x_shm_barrier, .xShmUnmap = x_shm_unmap,
};

static int x_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out) {
    (void)vfs;
    struct file *file = (struct file *)f;
    file->real = (sqlite3_file *)(file + 1);
    int code = real_vfs->xOpen(real_vfs, name, file->real, flags, out);
    f->pMethods = file->real->pMethods ? &methods : 0;
    return code;
}

static int x_delete(sqlite3_vfs *vfs, const char *name, int sync) {
    (void)vfs;
    return fails() ? failure(SQLITE_IOERR_DELETE) : real_vfs->xDelete(real_vfs, name, sync);
}

void fault_vfs_register(enum fault_kind kind, long at, long every) {
    static sqlite3_vfs vfs;
    real_vfs = sqlite3_vfs_find(0);
    (fault = kind, fault_at = at, fault_every = every);
    vfs = *real_vfs;
    vfs.zName = "fault";
    vfs.pNext = 0;
    vfs.szOsFile = (int)sizeof(struct file) + real_vfs->szOsFile;
    vfs.xOpen = x_open;
    vfs.xDelete = x_delete;
    sqlite3_vfs_register(&vfs, 1);
}

long fault_vfs_steps(void) { return steps; }
