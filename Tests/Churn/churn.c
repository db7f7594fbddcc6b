/* churn ROOT COUNT PARALLEL SEED: runs COUNT short lives in cgroups of their own right below ROOT, up to
   PARALLEL at once. Each is made, holds one process for 1 to 50 ms of which it works a part, and is
   removed as soon as the process has gone. Prints how many lived. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 64 };
static struct { pid_t pid; char path[512]; } lives[MOST];

static long now_us(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * 1000000L + time.tv_nsec / 1000;
}

static void live(const char *path, long life_us, long work_us) {
    char procs[600];
    snprintf(procs, sizeof procs, "%s/cgroup.procs", path);
    int file = open(procs, O_WRONLY | O_CLOEXEC);
    if (file < 0 || write(file, "0", 1) != 1) _exit(1);
    long end = now_us(CLOCK_MONOTONIC) + life_us, start = now_us(CLOCK_PROCESS_CPUTIME_ID);
    while (now_us(CLOCK_PROCESS_CPUTIME_ID) - start < work_us) {}
    long left = end - now_us(CLOCK_MONOTONIC);
    if (left > 0) usleep((useconds_t)left);
    _exit(0);
}

static int reap(void) {
    pid_t pid = wait(NULL);
    if (pid < 0) return -1;
    for (int i = 0; i < MOST; i++) {
        if (lives[i].pid != pid) continue;
        while (rmdir(lives[i].path) != 0 && errno == EBUSY) usleep(50);
        lives[i].pid = 0;
        return i;
    }
    return -1;
}

int main(int argc, char **argv) {
    if (argc < 5) return 64;
    long count = atol(argv[2]), parallel = atol(argv[3]);
    unsigned seed = (unsigned)atol(argv[4]);
    if (parallel < 1 || parallel > MOST) return 64;
    long lived = 0, running = 0;
    for (long i = 0; i < count; i++) {
        int slot = 0;
        if (running == parallel) {
            slot = reap();
            if (slot < 0) return 1;
            running--;
        } else {
            while (lives[slot].pid) slot++;
        }
        char *path = lives[slot].path;
        snprintf(path, sizeof lives[slot].path, "%s/c%ld", argv[1], i);
        if (mkdir(path, 0755) != 0) return 1;
        long life = 1000 + rand_r(&seed) % 49000, work = 200 + rand_r(&seed) % 1500;
        pid_t pid = fork();
        if (pid == 0) live(path, life, work < life ? work : life);
        if (pid < 0) return 1;
        lives[slot].pid = pid;
        running++;
        lived++;
    }
    while (running-- > 0) reap();
    printf("%ld\n", lived);
    return 0;
}
