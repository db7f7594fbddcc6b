/* What Octroi needs of Linux and Glibc's Swift module does not offer. */
#ifndef OCTROI_CLINUX_H
#define OCTROI_CLINUX_H

#include <stdbool.h>

/* Whether the open file lies on a cgroup2 file system; -1 and errno on failure. */
int clinux_is_cgroup2(int fd);

/* openat2(2) that cannot leave dirfd: no symlink, no "..", no other mount. -1 and errno on failure.
   Falls back to openat(2) with O_NOFOLLOW where the kernel is older than 5.6. */
int clinux_open_beneath(int dirfd, const char *path, int flags);

/* flock(2) for the exclusive lock, without waiting: -1 and EWOULDBLOCK if another holds it. */
int clinux_lock_exclusive(int fd);

#endif
