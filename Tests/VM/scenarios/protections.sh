#!/bin/bash
# memory.low, memory.min and cpuset.cpus on a real kernel, through systemd, Docker, Podman and plain files.
# They are read back, kept over a daemon-reload and a restart, bound by cgroups above, unset and undone.
# shellcheck source=Tests/VM/lib.sh
. /srv/lib.sh

cat >/etc/octroi/tenants.yaml <<'YAML'
tenants:
  - { id: acme, price_book: standard, match: [ { slice: tenant-acme.slice } ] }
  - { id: lab, price_book: standard, match: [ { root: /lab } ] }
YAML
octroi apply >/dev/null
slice=/tenant.slice/tenant-acme.slice
unit() { systemctl show -p "$2" --value "$1"; }
web=$(docker run -d --name web --cgroup-parent tenant-acme.slice bb /bin/busybox sleep 100000)
scope=$slice/docker-$web.scope

# --- through systemd, on the tenant's slice; it is protected no more than the slice above it
octroi limit set acme memory.low=200M --plan >/tmp/plan
is "the plan says what is above" "$(grep -c "/tenant.slice has memory.low 0" /tmp/plan)" 1
systemctl set-property --runtime tenant.slice MemoryLow=1G MemoryMin=500M
octroi limit set acme memory.low=200M memory.min=50M cpuset.cpus=0 --reason contract >/tmp/set
cat /tmp/set
is "with that nothing is above it" "$(grep -c "is protected more" /tmp/set)" 0
is "memory.low of the slice" "$(of $slice memory.low)" $((200 << 20))
is "memory.min of the slice" "$(of $slice memory.min)" $((50 << 20))
is "cpuset.cpus of the slice" "$(of $slice cpuset.cpus)" 0
is "systemd keeps all three" \
    "$(unit tenant-acme.slice MemoryLow) $(unit tenant-acme.slice MemoryMin) $(unit tenant-acme.slice AllowedCPUs)" \
    "$((200 << 20)) $((50 << 20)) 0"
systemctl daemon-reload
is "after a daemon-reload" \
    "$(of $slice memory.low) $(of $slice memory.min) $(of $slice cpuset.cpus)" "$((200 << 20)) $((50 << 20)) 0"
is "the container runs where its slice may" "$(of "$scope" cpuset.cpus.effective)" 0

# --- through Docker, which cannot set memory.min
octroi limit set web memory.low=64M memory.min=8M cpuset.cpus=1 memory.max=200M
is "memory.low of the container" "$(of "$scope" memory.low)" $((64 << 20))
is "memory.min of the container" "$(of "$scope" memory.min)" $((8 << 20))
is "cpuset.cpus of the container" "$(of "$scope" cpuset.cpus)" 1
is "Docker keeps what it has words for" \
    "$(docker inspect -f '{{.HostConfig.MemoryReservation}} {{.HostConfig.CpusetCpus}}' web)" "$((64 << 20)) 1"
show() { octroi limit show web --format csv | awk -F, -v f="$1" '$2 == f { print $3, "|", $6, "|", $7 }'; }
is "without a CPU of its slice it has those of the slice" "$(show cpuset.cpus)" "1 | 0 | $slice"
is "as the kernel has it" "$(of "$scope" cpuset.cpus.effective)" 0
is "its own protection holds below its slice's" "$(show memory.low)" "$((64 << 20)) | $((64 << 20)) | $scope"
octroi limit set acme memory.low=32M
is "a protection is no more than its slice's" "$(show memory.low)" "$((64 << 20)) | $((32 << 20)) | $slice"
docker restart -t 1 web >/dev/null
is "after a restart Docker brings them back" \
    "$(of "$scope" memory.low) $(of "$scope" cpuset.cpus)" "$((64 << 20)) 1"
octroi limit unset web memory.low memory.min cpuset.cpus
is "unset what Docker cannot" \
    "$(of "$scope" memory.low) $(of "$scope" memory.min)" "0 0"
is "a container with processes has all CPUs by name" "$(of "$scope" cpuset.cpus)" 0-1
octroi limit undo web
is "undo brings them back" "$(of "$scope" memory.low) $(of "$scope" cpuset.cpus)" "$((64 << 20)) 1"

# --- through Podman
docker export "$(docker create bb true)" | podman import - bb >/dev/null 2>&1
podman run -d --name job --cgroup-parent tenant-acme.slice bb /bin/busybox sleep 100000 >/dev/null
job=$(octroi limit show job --format csv | awk -F, 'NR == 2 { print $1 }')
octroi limit set job memory.low=16M cpuset.cpus=1
is "of a container of Podman" "$(of "$job" memory.low) $(of "$job" cpuset.cpus)" "$((16 << 20)) 1"

# --- by the kernel's files
mkdir -p /sys/fs/cgroup/lab/one
echo "+memory +cpuset" >/sys/fs/cgroup/cgroup.subtree_control
echo "+memory +cpuset" >/sys/fs/cgroup/lab/cgroup.subtree_control
octroi limit set lab memory.low=10M memory.min=5M cpuset.cpus=1
is "by the files" "$(of /lab memory.low) $(of /lab memory.min) $(of /lab cpuset.cpus)" "$((10 << 20)) $((5 << 20)) 1"
octroi limit unset lab memory.low memory.min cpuset.cpus
is "unset by the files" "$(of /lab memory.low) $(of /lab memory.min) $(of /lab cpuset.cpus)" "0 0 "
octroi limit undo lab
is "undone by the files" "$(of /lab memory.low) $(of /lab cpuset.cpus)" "$((10 << 20)) 1"
refused "a list that is none" 64 "numbers of CPUs and ranges" octroi limit set lab cpuset.cpus=3-1
is "the plan says that a CPU is not there" \
    "$(octroi limit set acme cpuset.cpus=7 --plan | grep -c "this host has CPUs 0 to 1")" 1
is "the chain of changes is whole" "$(octroi limit history --verify --format csv | wc -l)" 1
