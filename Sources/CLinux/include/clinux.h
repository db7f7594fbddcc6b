/* What Octroi needs of Linux and Glibc's Swift module does not offer. */
#ifndef OCTROI_CLINUX_H
#define OCTROI_CLINUX_H

#include <stdbool.h>
#include <stdint.h>

/* Whether the open file lies on a cgroup2 file system; -1 and errno on failure. */
int clinux_is_cgroup2(int fd);

/* openat2(2) that cannot leave dirfd: no symlink, no "..", no other mount. -1 and errno on failure.
   Falls back to openat(2) with O_NOFOLLOW where the kernel is older than 5.6. */
int clinux_open_beneath(int dirfd, const char *path, int flags);

/* flock(2) for the exclusive lock, without waiting: -1 and EWOULDBLOCK if another holds it. */
int clinux_lock_exclusive(int fd);

/* The same, waiting for others. */
int clinux_lock_wait(int fd);

/* When the file at a path was made, in ns since 1970 (statx(2)); -1 where its file system does not say. */
int64_t clinux_birth(const char *path);

/* The space in bytes that a file system counts for the project of an open folder (quotactl_fd(2)), and the
   project's id. -1 and errno where the folder has no project or the file system keeps no such count. */
int64_t clinux_project_space(int fd, uint32_t *project);

/* Whether the kernel's clock is kept right by somebody, as NTP does (adjtimex(2)). */
int clinux_is_clock_kept(void);

/* epoll_create1(2), close-on-exec. */
int clinux_epoll(void);

/* Waits for data to read (EPOLLIN). */
int clinux_epoll_add(int epoll, int fd, uint64_t tag);

/* Waits for a kernel file to change (EPOLLPRI, edge-triggered): each change wakes once. */
int clinux_epoll_add_notice(int epoll, int fd, uint64_t tag);

/* epoll_wait(2) for up to `most` tags; `timeout_ms` -1 waits for ever. */
int clinux_epoll_wait(int epoll, uint64_t *tags, int most, int timeout_ms);

/* timerfd_create(2) on CLOCK_BOOTTIME, which counts while the machine sleeps. */
int clinux_boot_timer(void);

/* Lets the timer fire at a time after boot, in nanoseconds. */
int clinux_boot_timer_set(int timer, int64_t at_ns);

/* eventfd(2), and what makes it readable. */
int clinux_event(void);
int clinux_event_signal(int event);

#endif
