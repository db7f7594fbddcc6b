#include <sqlite3.h>

/* SQLite counts every allocation under one lock, by default. The tests of a run are threads of one process, and
   would wait for each other there. This must come before SQLite is used first. */
__attribute__((constructor)) static void count_no_allocations(void) {
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}
