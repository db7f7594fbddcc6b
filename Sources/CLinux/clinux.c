#define _GNU_SOURCE
#include "clinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <linux/quota.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

/* Since Linux 5.14; older headers lack it. The number is the same on every architecture. */
#ifndef SYS_quotactl_fd
#define SYS_quotactl_fd 443
#endif

int clinux_is_cgroup2(int fd) {
    struct statfs fs;
    if (fstatfs(fd, &fs) != 0) return -1;
    return fs.f_type == CGROUP2_SUPER_MAGIC;
}

int clinux_open_beneath(int dirfd, const char *path, int flags) {
    struct open_how how = {
        .flags = (unsigned)flags,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
    };
    long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof how);
    if (fd < 0 && errno == ENOSYS) fd = openat(dirfd, path, flags | O_NOFOLLOW);
    return (int)fd;
}

int clinux_lock_exclusive(int fd) { return flock(fd, LOCK_EX | LOCK_NB); }

int clinux_lock_wait(int fd) {
    int code;
    do code = flock(fd, LOCK_EX);
    while (code < 0 && errno == EINTR);
    return code;
}

int64_t clinux_birth(const char *path) {
    struct statx file;
    if (statx(AT_FDCWD, path, 0, STATX_BTIME, &file) != 0) return -1;
    if (!(file.stx_mask & STATX_BTIME)) return -1;
    return file.stx_btime.tv_sec * INT64_C(1000000000) + file.stx_btime.tv_nsec;
}

int clinux_is_clock_kept(void) {
    struct timex kernel = {0};
    struct timespec wall;
    if (adjtimex(&kernel) < 0 || (kernel.status & STA_UNSYNC)) return 0;
    /* A time that is made up for this process alone is not what was kept right. */
    if (clock_gettime(CLOCK_REALTIME, &wall) != 0) return 0;
    long off = (long)(wall.tv_sec - kernel.time.tv_sec);
    return off > -60 && off < 60;
}

int clinux_epoll(void) { return epoll_create1(EPOLL_CLOEXEC); }

static int add(int epoll, int fd, uint32_t events, uint64_t tag) {
    struct epoll_event event = {.events = events, .data.u64 = tag};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

int clinux_epoll_add(int epoll, int fd, uint64_t tag) { return add(epoll, fd, EPOLLIN, tag); }

int clinux_epoll_add_notice(int epoll, int fd, uint64_t tag) {
    return add(epoll, fd, EPOLLPRI | EPOLLET, tag);
}

int clinux_epoll_wait(int epoll, uint64_t *tags, int most, int timeout_ms) {
    struct epoll_event events[256];
    int count = epoll_wait(epoll, events, most < 256 ? most : 256, timeout_ms);
    for (int i = 0; i < count; i++) tags[i] = events[i].data.u64;
    return count;
}

int clinux_boot_timer(void) { return timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK); }

int clinux_boot_timer_set(int timer, int64_t at_ns) {
    /* A time of 0 would disarm it; one that is over fires at once. */
    if (at_ns < 1) at_ns = 1;
    struct itimerspec when = {.it_value = {.tv_sec = at_ns / 1000000000, .tv_nsec = at_ns % 1000000000}};
    return timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, 0);
}

int clinux_event(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

int clinux_event_signal(int event) { return eventfd_write(event, 1); }

int64_t clinux_project_space(int fd, uint32_t *project) {
    struct fsxattr attributes;
    if (ioctl(fd, FS_IOC_FSGETXATTR, &attributes) != 0) return -1;
    *project = attributes.fsx_projid;
    /* Files without a project have id 0, and the count of id 0 would be that of all of them. */
    if (attributes.fsx_projid == 0) {
        errno = ENODATA;
        return -1;
    }
    /* The kernel counts Q_GETQUOTA among the commands that write, and refuses it where the mount is read-only,
       as every mount is for a service with ProtectSystem=strict. Q_XGETQUOTA reads, on every file system. */
    struct fs_disk_quota quota;
    memset(&quota, 0, sizeof quota);
    int command = QCMD(Q_XGETQUOTA, PRJQUOTA);
    if (syscall(SYS_quotactl_fd, fd, command, attributes.fsx_projid, &quota) != 0) return -1;
    /* d_bcount is in blocks of 512 bytes. */
    if (quota.d_bcount > INT64_MAX / 512) {
        errno = ERANGE;
        return -1;
    }
    return (int64_t)quota.d_bcount * 512;
}
