/* ingest DB CONTAINERS TICKS: writes TICKS ticks of CONTAINERS full samples with the statements and
   transactions Octroi uses. Prints rows of table sample a second. DB: a store made by octroi apply. */
#include <time.h>

#include "floor.h"

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    if (argc < 4) return 64;
    long containers = atol(argv[2]), ticks = atol(argv[3]);
    sqlite3 *db;
    check(sqlite3_open(argv[1], &db), db);
    check(sqlite3_exec(db, "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; BEGIN; INSERT INTO boot VALUES (1, 'floor', 0);"
        "INSERT INTO run VALUES (1, 1, '/', 1, 0)", 0, 0, 0), db);
    sqlite3_stmt *container = prepare(db, "INSERT INTO container (id, kind, boot, cgroup_id, path, runtime, first_seen_ms, last_seen_ms)"
            " VALUES (?, 'container', 1, ?, '/x', 'cgroup', 0, 0)");
    for (long i = 1; i <= containers; i++) run(db, container, 2, (long[]){i, i});
    check(sqlite3_exec(db, "COMMIT", 0, 0, 0), db);
    sqlite3_stmt *begin = prepare(db, "BEGIN IMMEDIATE"), *commit = prepare(db, "COMMIT");
    sqlite3_stmt *tick = prepare(db, "INSERT INTO tick (run, wall_ms, boottime_us, seen, read, vanished, failed, highest_id, duration_us) VALUES (1, ?, 0, 0, 0, 0, 0, 0, 0)");
    sqlite3_stmt *sample = prepare(db, "INSERT INTO sample VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    sqlite3_stmt *io = prepare(db, "INSERT INTO sample_io VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    sqlite3_stmt *position = prepare(db, "INSERT OR REPLACE INTO position VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    sqlite3_stmt *position_io = prepare(db, "INSERT OR REPLACE INTO position_io VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    sqlite3_stmt *usage = prepare(db, "INSERT INTO usage_open VALUES (?, ?, ?, 1, ?) ON CONFLICT DO UPDATE SET quantity = quantity + excluded.quantity");
    static const long meters[] = {1, 3, 4, 5, 6, 7, 8, 9};
    double start = now();
    for (long t = 1; t <= ticks; t++) {
        run(db, begin, 0, 0);
        run(db, tick, 1, &t);
        long row = sqlite3_last_insert_rowid(db);
        for (long c = 1; c <= containers; c++) {
            long v = t * 1000 + c;
            run(db, sample, 30, (long[]){row, c, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v});
            run(db, io, 8, (long[]){row, c, 8, 0, v, v, v, v});
            run(db, position, 18, (long[]){c, v, t, 0, t, t, v, 0, v, 0, v, 0, t, v, 0, v, 0, t});
            run(db, position_io, 12, (long[]){c, 8, 0, t, v, v, v, v, 0, 0, 0, 0});
            for (int m = 0; m < 8; m++) run(db, usage, 4, (long[]){0, c, meters[m], 1000});
        }
        run(db, commit, 0, 0);
    }
    printf("%.0f\n", (double)(containers * ticks) / (now() - start));
    sqlite3_close(db);
    return 0;
}
