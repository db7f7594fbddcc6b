/* What the floors share: SQLite statements that take whole numbers. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

static void check(int code, sqlite3 *db) {
    if (code == SQLITE_OK || code == SQLITE_DONE) return;
    fprintf(stderr, "floor: %s\n", sqlite3_errmsg(db));
    exit(1);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql) {
    sqlite3_stmt *statement;
    check(sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, 0), db);
    return statement;
}

static void run(sqlite3 *db, sqlite3_stmt *statement, int n, const long *values) {
    for (int i = 0; i < n; i++) sqlite3_bind_int64(statement, i + 1, values[i]);
    check(sqlite3_step(statement), db);
    sqlite3_reset(statement);
}
