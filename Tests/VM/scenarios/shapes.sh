#!/bin/bash
# The engines that Debian has. Each container is one account with everything below it, whatever cgroups it
# makes there. Its metered usage equals its kernel counter.
# shellcheck source=Tests/VM/lib.sh
. /srv/lib.sh

# Processes that still run at the end must not keep the caller's terminal open.
octroi apply >/dev/null 2>&1
work='x=0; while [ $x -lt 3000 ]; do x=$((x+1)); done; touch /tmp/done; sleep 1000'
# A root directory for engines without images.
mkdir -p /srv/bare && docker export "$(docker create bb true)" | tar -C /srv/bare -x
mkdir -p /srv/bare/{proc,sys,dev,tmp,etc,run,root,var,usr}
echo "$work" >/srv/bare/work
tar -C /srv/bare -c . | podman import - bb >/dev/null 2>&1
id sailor >/dev/null 2>&1 || useradd --create-home sailor
loginctl enable-linger sailor
login() { setpriv --reuid sailor --regid sailor --init-groups env XDG_RUNTIME_DIR="/run/user/$(id -u sailor)" "$@"; }
until_is "the login's own manager runs" running login systemctl --user is-system-running

# Threads in a cgroup of their own, as in virtual machines.
mkdir -p $root/vm/vcpu0
echo threaded >$root/vm/vcpu0/cgroup.type

octroi collect --interval 1s 2>/tmp/collect.log &
collector=$!
until_is "the collector runs" 1 bash -c 'octroi containers --format csv | grep -c "^[^,]*,/init.scope,"'

# wanted PATH RUNTIME: there must be an account whose path ends in PATH.
paths=() runtimes=()
wanted() { paths+=("$1") runtimes+=("$2"); }
# Docker: the container makes a cgroup inside itself.
nested=$(docker run -d --privileged --cgroupns private bb /bin/sh -c \
    "mkdir /sys/fs/cgroup/inner && echo 1 >/sys/fs/cgroup/inner/cgroup.procs; $work")
wanted "/system.slice/docker-$nested.scope" docker
# Podman: with systemd, in a pod, and with cgroupfs.
alone=$(podman run -d --network none bb /bin/sh -c "$work")
wanted "/machine.slice/libpod-$alone.scope" podman
pod=$(podman pod create --infra=false)
podded=$(podman run -d --network none --pod "$pod" bb /bin/sh -c "$work")
wanted "/machine.slice/libpod-$podded.scope" podman
filed=$(podman --cgroup-manager cgroupfs run -d --network none bb /bin/sh -c "$work")
wanted "/libpod_parent/libpod-$filed" podman
# LXC.
mkdir -p /var/lib/lxc/crate
cat >/var/lib/lxc/crate/config <<CONF
lxc.rootfs.path = dir:/srv/bare
lxc.uts.name = crate
lxc.net.0.type = empty
lxc.mount.auto = proc
lxc.init.cmd = /bin/sh /work
CONF
lxc-start -n crate
wanted /lxc.payload.crate lxc
# systemd-nspawn, with machined.
cp -a /srv/bare /srv/ship && printf 'NAME=bare\n' >/srv/ship/etc/os-release
systemd-nspawn -q -D /srv/ship -M my-ship /bin/sh /work >/dev/null 2>&1 </dev/null &
wanted '/machine.slice/machine-my\x2dship.scope' machined
# systemd-nspawn, as the service that comes with it.
cp -a /srv/bare /var/lib/machines/buoy
mkdir -p /etc/systemd/nspawn /etc/systemd/system/systemd-nspawn@buoy.service.d
printf '[Exec]\nBoot=no\nParameters=/bin/sh /work\nPrivateUsers=no\n[Network]\nVirtualEthernet=no\n' >/etc/systemd/nspawn/buoy.nspawn
printf '[Service]\nExecStart=\nExecStart=systemd-nspawn -q --keep-unit -M buoy -D /var/lib/machines/buoy /bin/sh /work\n' \
    >/etc/systemd/system/systemd-nspawn@buoy.service.d/plain.conf
systemctl daemon-reload
systemctl start systemd-nspawn@buoy.service
wanted /machine.slice/systemd-nspawn@buoy.service nspawn
# A unit of a login, and a service that makes a cgroup inside itself.
login systemd-run -q --user --unit knot /bin/sh -c "$work"
wanted "/user.slice/user-$(id -u sailor).slice/user@$(id -u sailor).service/app.slice/knot.service" systemd
systemd-run -q --unit keel -p Delegate=yes /bin/sh -c \
    "mkdir $root/system.slice/keel.service/inner && echo \$\$ >$root/system.slice/keel.service/inner/cgroup.procs; $work"
wanted /system.slice/keel.service systemd
/bin/sh -c "echo \$\$ >$root/vm/cgroup.procs; echo \$\$ >$root/vm/vcpu0/cgroup.threads; $work" >/dev/null 2>&1 </dev/null &
wanted /vm cgroup

# busy prints the counters. rest prints yes once they stand still.
busy() { for path in "${paths[@]}"; do counter "$path" cpu.stat usage_usec; done | tr '\n' ' '; }
rest() { local before; before=$(busy); sleep 3; [ "$before" = "$(busy)" ] && echo yes; }
until_is "all have worked and rest" yes rest
sleep 2
kill -INT "$collector"
wait "$collector"
cat /tmp/collect.log
octroi containers
accounts=$(octroi containers --format csv)
column() { awk -F, -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) print i }' <<<"$accounts"; }
for index in "${!paths[@]}"; do
    path=${paths[$index]} runtime=${runtimes[$index]}
    mine=$(cut -d, -f"$(column container),$(column runtime)" <<<"$accounts" | grep -F -- "$path,")
    is "$path is one account" "$(grep -c . <<<"$mine")" 1
    is "of runtime $runtime" "${mine##*,}" "$runtime"
    is "with all that it used" "$(metered "$path" cpu)" "$(counter "$path" cpu.stat usage_usec)"
done
octroi store verify
# The runtimes give the names, so nobody has to know a path.
name_of() { octroi containers --format json | python3 -c 'import json, sys
print([c["name"] for c in json.load(sys.stdin) if c["container"] == sys.argv[1]][0])' "$1"; }
is "LXC names its container" "$(name_of /lxc.payload.crate)" crate
is "machined names its machine" "$(name_of '/machine.slice/machine-my\x2dship.scope')" my-ship
is "nspawn names its service" "$(name_of /machine.slice/systemd-nspawn@buoy.service)" buoy
octroi limit set crate cpu=0.5 --reason scenario
is "a limit by the name that LXC gave" "$(of /lxc.payload.crate cpu.max)" "50000 100000"

# A limit goes through Podman's own interface, and podman update still works after it. Podman changes only
# crun's inner cgroup. Octroi's limit on the scope above it stays in force until it is undone.
systemctl start podman.socket
scope=/machine.slice/libpod-$alone.scope
octroi limit set "$scope" cpu=0.5 memory.max=128M --reason scenario
is "podman's limits are the kernel's" "$(of "$scope" cpu.max), $(of "$scope" memory.max)" "50000 100000, 134217728"
podman update --cpus 1 "$alone" >/dev/null
is "podman update goes on working" "$(of "$scope/container" cpu.max), $(of "$scope" cpu.max)" "100000 100000, 50000 100000"
octroi limit show "$scope"
