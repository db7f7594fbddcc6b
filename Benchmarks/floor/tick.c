/* tick ROOT ROUNDS [DB]: the least that a tick costs. Reads and parses the same files of every cgroup
   right below ROOT by pread on kept descriptors; with DB, also writes what a tick of Octroi writes, in
   one transaction: sample, position and usage of each cgroup. Prints CPU microseconds a tick. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "floor.h"

/* The files that Octroi reads of each cgroup. */
static const char *const names[] = {"cpu.stat", "io.stat", "memory.current", "memory.stat", "memory.swap.current",
    "memory.events", "pids.current", "cpu.max", "memory.max", "cpu.pressure", "memory.pressure", "io.pressure",
    "cgroup.stat.local"};
enum { PRESSURE = 9, MOST = 20000, NAMES = sizeof names / sizeof *names };
/* A descriptor; or a file that is not there, or one too many to be kept, which is opened at each reading. */
enum { MISSING = -1, UNKEPT = -2 };
static int files[MOST][NAMES];
static char folders[MOST][256];
static int count;

static long cpu_us(void) {
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000L + use.ru_utime.tv_usec + use.ru_stime.tv_usec;
}

int main(int argc, char **argv) {
    if (argc < 3) return 64;
    DIR *root = opendir(argv[1]);
    if (!root) return 69;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    int most = (int)limit.rlim_cur - 256;
    struct dirent *entry;
    char path[4096];
    while ((entry = readdir(root)) && count < MOST) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.') continue;
        for (int f = 0; f < NAMES; f++) {
            snprintf(path, sizeof path, "%s/%s/%s", argv[1], entry->d_name, names[f]);
            files[count][f] = open(path, O_RDONLY | O_CLOEXEC);
            if (files[count][f] < 0) files[count][f] = errno == ENOENT ? MISSING : UNKEPT;
            else if (files[count][f] >= most) {
                close(files[count][f]);
                files[count][f] = UNKEPT;
            }
        }
        snprintf(folders[count++], sizeof *folders, "%s", entry->d_name);
    }
    sqlite3 *db = 0;
    sqlite3_stmt *begin = 0, *commit = 0, *tick = 0, *sample = 0, *position = 0, *usage = 0;
    if (argc > 3) {
        check(sqlite3_open(argv[3], &db), db);
        check(sqlite3_exec(db, "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; INSERT INTO boot VALUES (1, 'floor', 0);"
            "INSERT INTO run VALUES (1, 1, '/', 1, 0)", 0, 0, 0), db);
        check(sqlite3_exec(db, "BEGIN", 0, 0, 0), db);
        sqlite3_stmt *container = prepare(db, "INSERT INTO container (id, kind, boot, cgroup_id, path, runtime, first_seen_ms, last_seen_ms)"
            " VALUES (?, 'container', 1, ?, '/x', 'cgroup', 0, 0)");
        for (long i = 1; i <= count; i++) run(db, container, 2, (long[]){i, i});
        check(sqlite3_exec(db, "COMMIT", 0, 0, 0), db);
        begin = prepare(db, "BEGIN IMMEDIATE");
        commit = prepare(db, "COMMIT");
        tick = prepare(db, "INSERT INTO tick (run, wall_ms, boottime_us, seen, read, vanished, failed, highest_id, duration_us) VALUES (1, ?, 0, 0, 0, 0, 0, 0, 0)");
        sample = prepare(db, "INSERT INTO sample (tick, container, cpu_usage_us, cpu_user_us, cpu_system_us, cpu_some_us,"
            " memory_some_us, memory_full_us, io_some_us, io_full_us, frozen_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
        position = prepare(db, "INSERT OR REPLACE INTO position (container, cpu_usage_us, cpu_boottime_us) VALUES (?, ?, ?)");
        usage = prepare(db, "INSERT INTO usage_open VALUES (?, ?, 1, 1, ?) ON CONFLICT DO UPDATE SET quantity = quantity + excluded.quantity");
    }
    static long last[MOST];
    char text[4096];
    int rounds = atoi(argv[2]);
    long start = 0;
    for (int round = -1; round < rounds; round++) {
        if (round == 0) start = cpu_us();
        long row = 0;
        if (db) {
            run(db, begin, 0, 0);
            run(db, tick, 1, (long[]){round});
            row = sqlite3_last_insert_rowid(db);
        }
        for (int i = 0; i < count; i++) {
            long values[NAMES][3] = {{0}};
            for (int f = 0; f < NAMES; f++) {
                if (files[i][f] == MISSING) continue;
                int file = files[i][f];
                if (file == UNKEPT) {
                    snprintf(path, sizeof path, "%s/%s", folders[i], names[f]);
                    file = openat(dirfd(root), path, O_RDONLY | O_CLOEXEC);
                }
                ssize_t length = pread(file, text, sizeof text - 1, 0);
                if (file != files[i][f]) close(file);
                if (length <= 0) continue;
                text[length] = 0;
                char *at = text;
                for (int k = 0; at; k++) {
                    /* Of a pressure file the totals of its two lines. */
                    at = f >= PRESSURE && f < PRESSURE + 3 ? strstr(at, "total=") : strchr(at, ' ');
                    if (!at) break;
                    long value = strtol(strpbrk(at, " =") + 1, &at, 10);
                    if (k < 3) values[f][k] = value;
                }
            }
            if (db) {
                run(db, sample, 11, (long[]){row, i + 1, values[0][0], values[0][1], values[0][2],
                    values[PRESSURE][0], values[PRESSURE + 1][0], values[PRESSURE + 1][1],
                    values[PRESSURE + 2][0], values[PRESSURE + 2][1], values[NAMES - 1][0]});
                run(db, position, 3, (long[]){i + 1, values[0][0], round});
                if (values[0][0] > last[i]) run(db, usage, 3, (long[]){0, i + 1, values[0][0] - last[i]});
            }
            last[i] = values[0][0];
        }
        if (db) run(db, commit, 0, 0);
    }
    printf("%ld\n", (cpu_us() - start) / rounds);
    return 0;
}
