#ifndef FAULT_VFS_H
#define FAULT_VFS_H

/* A layer between SQLite and the file system that fails on purpose. All that changes a file (a
   write, a sync, a truncation, a removal) is counted as one step. */
enum fault_kind {
    FAULT_NONE,
    FAULT_KILL, /* half of the step is done, then the process is killed */
    FAULT_IO,   /* SQLITE_IOERR */
    FAULT_FULL, /* SQLITE_FULL */
};

/* Makes it the default of this process. Step number `at` fails, and then, if `every` is not 0, each
   that many steps another one. */
void fault_vfs_register(enum fault_kind kind, long at, long every);

/* How many steps were taken. */
long fault_vfs_steps(void);

#endif
