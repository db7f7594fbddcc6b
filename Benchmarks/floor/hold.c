/* hold ROOT COUNT: makes COUNT cgroups ROOT/c1 … with one sleeping process each, and keeps them until it
   is ended; then the cgroups are removed. Prints "ready" once all are there. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc < 3) return 64;
    long count = atol(argv[2]);
    if (count < 1 || count > 100000) return 64;
    pid_t *children = calloc((size_t)count, sizeof *children);
    if (!children) return 1;
    char path[4096];
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, 0);
    for (long i = 1; i <= count; i++) {
        snprintf(path, sizeof path, "%s/c%ld", argv[1], i);
        if (mkdir(path, 0755) != 0) return 1;
        pid_t pid = fork();
        if (pid < 0) return 1;
        if (pid > 0) {
            children[i - 1] = pid;
            continue;
        }
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        snprintf(path, sizeof path, "%s/c%ld/cgroup.procs", argv[1], i);
        int file = open(path, O_WRONLY);
        if (file < 0 || write(file, "0", 1) != 1) _exit(1);
        for (;;) pause();
    }
    /* The last child is in its cgroup a moment later. */
    usleep(500000);
    printf("ready\n");
    fflush(stdout);
    int signal;
    sigwait(&ends, &signal);
    for (long i = 0; i < count; i++) kill(children[i], SIGKILL);
    while (wait(0) > 0) {}
    for (long i = 1; i <= count; i++) {
        snprintf(path, sizeof path, "%s/c%ld", argv[1], i);
        rmdir(path);
    }
    return 0;
}
