/* limit: what octroi limit set does at its core, as a peer to time: set a CPU quota through systemd or in
   the kernel's file, then read cpu.max until it has it. VALUE is microseconds of CPU a second, GROUP a
   cgroup's folder.

     limit bus UNIT VALUE N            N rounds on one connection, VALUE and its double in turn
     limit file GROUP N                the same by the file
     limit once-bus UNIT VALUE GROUP   connect, set, read back; prints nothing
     limit once-file GROUP VALUE       set, read back; prints nothing
     limit time COMMAND...             runs a command, its output thrown away
     limit look FOLDER N               N times: cpu.max, memory.max and pids.max of every group in a folder,
                                       on kept folders; prints the CPU microseconds of one time

   The first two print the median, least and most of a round, the last its time: microseconds. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

enum { PERIOD_US = 100000, MOST = 100000, DEADLINE_S = 5 };
#define SYSTEMD "org.freedesktop.systemd1"
extern char **environ;

static void fail(const char *what, int code) {
    fprintf(stderr, "limit: %s: %s\n", what, strerror(-code));
    exit(1);
}

static double now_us(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static void set_by_bus(sd_bus *bus, const char *unit, uint64_t value) {
    sd_bus_error error = SD_BUS_ERROR_NULL;
    int code = sd_bus_call_method(bus, SYSTEMD, "/org/freedesktop/systemd1", SYSTEMD ".Manager", "SetUnitProperties",
        &error, 0, "sba(sv)", unit, 0, 1, "CPUQuotaPerSecUSec", "t", value);
    if (code < 0) fail(error.message ? error.message : "SetUnitProperties", code);
}

static void set_by_file(int group, uint64_t value) {
    char text[64];
    int length = snprintf(text, sizeof text, "%llu %d\n",
        (unsigned long long)(value / (1000000 / PERIOD_US)), PERIOD_US);
    int file = openat(group, "cpu.max", O_WRONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0 || write(file, text, (size_t)length) != length) {
        perror("limit: cpu.max");
        exit(1);
    }
    close(file);
}

/* Reads cpu.max until it is so many microseconds a second. */
static void verify(int group, uint64_t value) {
    double deadline = now_us() + DEADLINE_S * 1e6;
    do {
        char text[64];
        int file = openat(group, "cpu.max", O_RDONLY | O_CLOEXEC);
        if (file >= 0) {
            ssize_t length = read(file, text, sizeof text - 1);
            close(file);
            unsigned long long quota, period;
            text[length < 0 ? 0 : length] = 0;
            if (sscanf(text, "%llu %llu", &quota, &period) == 2 && quota * 1000000 == value * period) return;
        }
        /* systemd turns the controller on with the first limit: the file may come a moment later. */
    } while (now_us() < deadline);
    fprintf(stderr, "limit: cpu.max is not %llu us a second after %d s\n", (unsigned long long)value, DEADLINE_S);
    exit(1);
}

static sd_bus *connected(void) {
    sd_bus *bus = 0;
    int code = sd_bus_open_system(&bus);
    if (code < 0) fail("the system bus", code);
    return bus;
}

static int opened(const char *group) {
    int folder = open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        perror(group);
        exit(69);
    }
    return folder;
}

/* The folder of a unit's cgroup. */
static int group_of(sd_bus *bus, const char *unit) {
    const char *suffix = strrchr(unit, '.');
    const char *interface = suffix && !strcmp(suffix, ".slice") ? SYSTEMD ".Slice"
        : suffix && !strcmp(suffix, ".scope") ? SYSTEMD ".Scope" : SYSTEMD ".Service";
    char *object = 0, *group = 0, path[4096];
    int code = sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &object);
    if (code >= 0) code = sd_bus_get_property_string(bus, SYSTEMD, object, interface, "ControlGroup", 0, &group);
    if (code < 0) fail(unit, code);
    snprintf(path, sizeof path, "/sys/fs/cgroup%s", group);
    free(object);
    free(group);
    return opened(path);
}

static uint64_t quota(const char *text) {
    uint64_t value = strtoull(text, 0, 10);
    /* A whole number of microseconds a period, of which the kernel takes no less than 1000. */
    if (value < 10000 || value % (1000000 / PERIOD_US)) {
        fprintf(stderr, "limit: \"%s\" is no multiple of 10 from 10000 up\n", text);
        exit(64);
    }
    return value;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sets two values in turn; without a bus, by the file. */
static int rounds(sd_bus *bus, const char *unit, int group, uint64_t value, int count) {
    static double took[MOST];
    if (count < 1 || count > MOST) return 64;
    for (int round = -1; round < count; round++) {
        uint64_t wanted = round & 1 ? value : 2 * value;
        double start = now_us();
        if (bus) set_by_bus(bus, unit, wanted);
        else set_by_file(group, wanted);
        verify(group, wanted);
        /* The first one is not counted: it may turn the controller on. */
        if (round >= 0) took[round] = now_us() - start;
    }
    qsort(took, (size_t)count, sizeof *took, ascending);
    printf("%.1f %.1f %.1f\n", took[(count - 1) / 2], took[0], took[count - 1]);
    return 0;
}

static int timed(char **command) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t pid;
    int status;
    double start = now_us();
    int code = posix_spawnp(&pid, command[0], &actions, 0, command, environ);
    if (code) fail(command[0], -code);
    if (waitpid(pid, &status, 0) != pid) return 1;
    double took = now_us() - start;
    if (!WIFEXITED(status) || WEXITSTATUS(status)) {
        fprintf(stderr, "limit: %s failed\n", command[0]);
        return 1;
    }
    printf("%.1f\n", took);
    return 0;
}

static long cpu_us(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000L + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static void look(const char *folder, long rounds) {
    static const char *files[] = {"cpu.max", "memory.max", "pids.max"};
    static int groups[MOST];
    int count = 0;
    DIR *dir = opendir(folder);
    if (!dir) fail(folder, -2);
    for (struct dirent *entry; (entry = readdir(dir)) && count < MOST;)
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            groups[count++] = openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    long start = cpu_us(), bytes = 0;
    for (long round = 0; round < rounds; round++)
        for (int i = 0; i < count; i++)
            for (int k = 0; k < 3; k++) {
                char text[4096];
                int file = openat(groups[i], files[k], O_RDONLY | O_CLOEXEC);
                if (file < 0) fail(files[k], -2);
                bytes += read(file, text, sizeof text);
                close(file);
            }
    printf("%ld %d\n", (cpu_us() - start) / rounds, bytes > 0 ? count * 3 : 0);
}

int main(int argc, char **argv) {
    const char *mode = argc > 1 ? argv[1] : "";
    if (!strcmp(mode, "bus") && argc == 5) {
        sd_bus *bus = connected();
        return rounds(bus, argv[2], group_of(bus, argv[2]), quota(argv[3]), atoi(argv[4]));
    }
    if (!strcmp(mode, "file") && argc == 4) return rounds(0, 0, opened(argv[2]), 500000, atoi(argv[3]));
    if (!strcmp(mode, "once-bus") && argc == 5) {
        sd_bus *bus = connected();
        set_by_bus(bus, argv[2], quota(argv[3]));
        verify(opened(argv[4]), quota(argv[3]));
        sd_bus_flush_close_unref(bus);
        return 0;
    }
    if (!strcmp(mode, "once-file") && argc == 4) {
        int group = opened(argv[2]);
        set_by_file(group, quota(argv[3]));
        verify(group, quota(argv[3]));
        return 0;
    }
    if (!strcmp(mode, "look") && argc == 4) {
        look(argv[2], atol(argv[3]));
        return 0;
    }
    if (!strcmp(mode, "time") && argc > 2) return timed(argv + 2);
    fprintf(stderr, "limit: bus UNIT VALUE N | file GROUP N | once-bus UNIT VALUE GROUP | once-file GROUP VALUE | "
        "time COMMAND... | look FOLDER N\n");
    return 64;
}
