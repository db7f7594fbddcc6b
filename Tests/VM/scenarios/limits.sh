#!/bin/bash
# Limits on a real kernel, through systemd, Docker, crun, runc and plain files. They are read back, shown,
# planned, unset, undone, boosted, shrunk, frozen, and refused if they would kill or hang something.
# shellcheck source=Tests/VM/lib.sh
. /srv/lib.sh

cat >/etc/octroi/tenants.yaml <<'YAML'
tenants:
  - { id: acme, price_book: standard, match: [ { slice: tenant-acme.slice } ] }
  - { id: lab, price_book: standard, match: [ { root: /lab } ] }
YAML
octroi apply >/dev/null
slice=/tenant.slice/tenant-acme.slice
sh='/bin/busybox sh -c'

# unit NAME PROPERTY: the value that systemd keeps.
unit() { systemctl show -p "$2" --value "$1"; }
web=$(docker run -d --name web --cgroup-parent tenant-acme.slice bb /bin/busybox sleep 100000)
scope=$slice/docker-$web.scope

# --- through systemd, on the tenant's slice
octroi limit set acme cpu=1.5 cpu.weight=50 memory.high=300M memory.max=400M memory.swap.max=0 \
    io.weight=60 io.max=/dev/vda:wbps=10M,riops=200 pids.max=500 --reason contract
is "cpu.max of the slice" "$(of $slice cpu.max)" "150000 100000"
is "cpu.weight" "$(of $slice cpu.weight)" 50
is "memory.high" "$(of $slice memory.high)" $((300 << 20))
is "memory.max" "$(of $slice memory.max)" $((400 << 20))
is "memory.swap.max" "$(of $slice memory.swap.max)" 0
is "io.weight" "$(of $slice io.weight)" "default 60"
is "io.max" "$(of $slice io.max)" "254:0 rbps=max wbps=10485760 riops=200 wiops=max"
is "pids.max" "$(of $slice pids.max)" 500
is "systemd keeps the quota" "$(unit tenant-acme.slice CPUQuotaPerSecUSec)" 1.500000s
is "systemd keeps memory.max" "$(unit tenant-acme.slice MemoryMax)" $((400 << 20))
systemctl daemon-reload
is "cpu.max after a daemon-reload" "$(of $slice cpu.max)" "150000 100000"
is "io.max after a daemon-reload" "$(of $slice io.max)" "254:0 rbps=max wbps=10485760 riops=200 wiops=max"
octroi limit set acme io.max=/dev/vda:wbps=max --reason "only one field"
is "the other field stays" "$(of $slice io.max)" "254:0 rbps=max wbps=max riops=200 wiops=max"
octroi limit unset acme io.max io.weight cpu.weight memory.swap.max
is "io.max is unset" "$(of $slice io.max)" ""
is "io.weight is unset" "$(of $slice io.weight)" "default 100"
is "cpu.weight is unset" "$(of $slice cpu.weight)" 100
is "memory.swap.max is unset" "$(of $slice memory.swap.max)" max

# --- through Docker, on a container; through the scope what Docker's interface cannot express
octroi limit set web cpu=0.5 memory.max=200M memory.high=150M pids.max=40 cpu.weight=77
is "cpu.max of the container" "$(of "$scope" cpu.max)" "50000 100000"
is "memory.max of the container" "$(of "$scope" memory.max)" $((200 << 20))
is "memory.high of the container" "$(of "$scope" memory.high)" $((150 << 20))
is "pids.max of the container" "$(of "$scope" pids.max)" 40
is "cpu.weight of the container" "$(of "$scope" cpu.weight)" 77
is "Docker keeps it" "$(docker inspect -f '{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}' web)" \
    "500000000 $((200 << 20)) 40"
systemctl daemon-reload
is "the container's limits after a daemon-reload" \
    "$(of "$scope" cpu.max) $(of "$scope" memory.high) $(of "$scope" cpu.weight)" "50000 100000 $((150 << 20)) 77"
is "effective is its own" \
    "$(octroi limit show web --format csv | awk -F, '$2 == "cpu.max" { print $6, $7 == $1 }')" "50000 100000 1"
octroi limit set acme cpu=0.3
is "effective is the slice's, which binds" \
    "$(octroi limit show web --format csv | awk -F, '$2 == "cpu.max" { print $3, "|", $6, "|", $7 }')" \
    "50000 100000 | 30000 100000 | $slice"
octroi limit unset web cpu memory.max pids.max memory.high cpu.weight
is "unset what Docker cannot" \
    "$(of "$scope" cpu.max) $(of "$scope" memory.max) $(of "$scope" memory.high) $(of "$scope" pids.max)" \
    "max 100000 max max max"
# --- undo finds the container after a restart, and gives the limit back to Docker
api=$(docker run -d --name api --cgroup-parent tenant-acme.slice bb /bin/busybox sleep 100000)
# systemd gives a scope a pids.max of its own.
pids=$(of "$slice/docker-$api.scope" pids.max)
octroi limit set api cpu=0.5 pids.max=40 memory.max=100M
docker restart -t 1 api >/dev/null
octroi limit undo api
is "undone after a restart" "$(of "$slice/docker-$api.scope" cpu.max) $(of "$slice/docker-$api.scope" pids.max) $(of "$slice/docker-$api.scope" memory.max)" \
    "max 100000 $pids max"
is "nothing is wanted any more" \
    "$(octroi limit show api --format csv | awk -F, 'NR > 1 && $5 != "" { n++ } END { print n + 0 }')" 0
docker update --cpus 0.3 --memory 90m --memory-swap 90m api >/dev/null
is "Docker's own tool goes on working" "$(of "$slice/docker-$api.scope" cpu.max)" "30000 100000"
docker rm -f api >/dev/null
nano=$(docker run -d --name nano --cpus 0.7 -m 64m --cgroup-parent tenant-acme.slice bb /bin/busybox sleep 100000)
octroi limit set nano cpu=0.4 memory.max=80M
is "a container of --cpus" "$(of "$slice/docker-$nano.scope" cpu.max) $(of "$slice/docker-$nano.scope" memory.max)" \
    "40000 100000 $((80 << 20))"
is "Docker keeps it as --cpus" "$(docker inspect -f '{{.HostConfig.NanoCpus}} {{.HostConfig.CpuQuota}}' nano)" "400000000 0"
octroi limit unset nano cpu memory.max
is "unset what Docker cannot at all" "$(of "$slice/docker-$nano.scope" cpu.max) $(of "$slice/docker-$nano.scope" memory.max)" \
    "max 100000 max"

swapper=$(docker run -d --name swapper -m 64m --memory-swap 96m --cgroup-parent tenant-acme.slice bb /bin/busybox sleep 100000)
octroi limit set swapper memory.max=80M
swaps=$slice/docker-$swapper.scope
is "a container's swap stays" "$(of "$swaps" memory.max) $(of "$swaps" memory.swap.max)" "$((80 << 20)) $((32 << 20))"
is "for Docker, too" "$(docker inspect -f '{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}' swapper)" "$((80 << 20)) $((112 << 20))"
docker restart -t 1 swapper >/dev/null
is "and after a restart" "$(of "$swaps" memory.max) $(of "$swaps" memory.swap.max)" "$((80 << 20)) $((32 << 20))"
octroi limit unset swapper memory.max
is "and without a limit of memory" "$(of "$swaps" memory.max) $(of "$swaps" memory.swap.max)" "max $((32 << 20))"
docker rm -f swapper >/dev/null

# --- crun keeps a second copy below its scope; runc does not
for runtime in crun runc; do
    QUOTA=50000 PERIOD=100000 MEMORY=100000000 PIDS=40 /srv/oci.sh up $runtime t1
    octroi limit set $slice/$runtime-t1.scope cpu=0.8 memory.max=150M pids.max=60
    leaf=$slice/$runtime-t1.scope
    [ $runtime = runc ] || leaf=$leaf/container
    is "$runtime: the copy that binds" "$(of $leaf cpu.max) $(of $leaf memory.max) $(of $leaf pids.max)" \
        "80000 100000 $((150 << 20)) 60"
    octroi limit undo $slice/$runtime-t1.scope
    is "$runtime: undone" "$(of $leaf cpu.max) $(of $leaf memory.max) $(of $leaf pids.max)" "50000 100000 99999744 40"
    octroi limit boost $slice/$runtime-t1.scope cpu=1 pids.max=70 --for 1h 2>/dev/null
    is "$runtime: the copy is boosted" "$(of $leaf cpu.max) $(of $leaf pids.max)" "100000 100000 70"
    octroi limit undo $slice/$runtime-t1.scope
    is "$runtime: and gets back its own" "$(of $leaf cpu.max) $(of $leaf pids.max)" "50000 100000 40"
    /srv/oci.sh down $runtime t1
done

# --- a tenant of plain services: systemd switches a controller on only for the first limit
systemd-run -q --unit bare --slice tenant-bare.slice sleep 100000
octroi tenant add bare --slice tenant-bare.slice --no-unit >/dev/null
bare=/tenant.slice/tenant-bare.slice
bares=$bare/bare.service
is "io is off in it" "$([ -e $root$bares/io.max ] && echo on || echo off)" off
octroi limit set /tenant.slice/tenant-bare.slice/bare.service io.max=/dev/vda:riops=90 cpu=0.5
is "and on with the first limit" "$(of $bares io.max) $(of $bares cpu.max)" \
    "254:0 rbps=max wbps=max riops=90 wiops=max 50000 100000"
octroi limit undo $bares
is "undone" "$(of $bares io.max 2>/dev/null || true) $(of $bares cpu.max 2>/dev/null || echo max 100000)" " max 100000"
octroi limit set bare freeze=on
is "a service is frozen by systemd" "$(counter $bares cgroup.events frozen) $(unit bare.service FreezerState)" "1 frozen"
octroi limit unset bare freeze
is "and thawed" "$(counter $bares cgroup.events frozen) $(unit bare.service FreezerState)" "0 running"
systemctl stop bare

# --- a device on top of a disk: the file is written, because systemd would limit the disk below
truncate -s 64M /disk.img
loop=$(losetup -f --show /disk.img)
number=$(lsblk -no MAJ:MIN "$loop" | tr -d ' ')
octroi limit set acme "io.max=$loop:wbps=3M"
is "a loop device" "$(of $slice io.max | grep -o "$number .*wbps=3145728")" "$number rbps=max wbps=3145728"
octroi limit unset acme "io.max=$loop"
losetup -d "$loop"

# --- a service, a plain cgroup
systemd-run -q --unit job -p TasksMax=100 sleep 100000
refused "a service that is no tenant's" 1 "is no tenant's" octroi limit set job.service cpu=25% pids.max=50
octroi limit set job.service cpu=25% pids.max=50 --force
is "a transient service" "$(of /system.slice/job.service cpu.max) $(of /system.slice/job.service pids.max)" "25000 100000 50"
is "systemd knows" "$(unit job.service TasksMax)" 50
mkdir -p $root/lab/one
echo '+cpu +memory +pids +io' >$root/lab/cgroup.subtree_control
octroi limit set lab cpu=0.125 memory.max=64M
is "a plain cgroup" "$(of /lab cpu.max) $(of /lab memory.max)" "12500 100000 $((64 << 20))"

# --- a plan writes nothing
before=$(of $slice cpu.max)
octroi limit set acme cpu=2 memory.max=max --plan --format csv >/tmp/plan
is "a plan names each write and its owner" \
    "$(awk -F, 'NR > 1 { print $2, $3, $4, $7 }' /tmp/plan | sort | tr '\n' ';')" \
    "cpu.max $before 200000 100000 systemd:tenant-acme.slice;memory.max $((400 << 20)) max systemd:tenant-acme.slice;"
is "and changes nothing" "$(of $slice cpu.max)" "$before"

# --- part of the tree (--root): the owners are the same
octroi limit set /tenant-acme.slice pids.max=480 --root $root/tenant.slice >/dev/null
is "below a part of the tree" "$(of $slice pids.max) $(unit tenant-acme.slice TasksMax)" "480 480"
octroi limit set acme pids.max=500 >/dev/null
# --- refused before anything is written
refused "a value out of range" 64 "does not take" octroi limit set acme cpu=0
refused "a device that is none" 64 "no such device" octroi limit set acme io.max=/dev/nosuch:wbps=1M
refused "no such target" 69 "no tenant and no cgroup" octroi limit set ../../etc cpu=1
mkdir $root/lab/one/bare
refused "a controller that is off" 69 "the memory controller is not on here" octroi limit set /lab/one/bare memory.max=1G
is "nothing was written meanwhile" "$(of $slice cpu.max)" "$before"

refused "all services of the host" 1 "holds what this host lives on" octroi limit set system.slice cpu=50%
above "a plan names what is inside" "$(octroi limit set system.slice cpu=50% --plan | grep -c 'docker.service')" 0
is "and nothing was written" "$(of /system.slice cpu.max 2>/dev/null || echo max 100000)" "max 100000"
refused "a slice of the host as a tenant root" 1 "the host's own services" octroi tenant add all --slice system.slice

# --- undo: the values before, unless somebody changed them since
octroi limit set acme cpu=1.2 pids.max=300
octroi limit undo acme
is "undone" "$(of $slice cpu.max) $(of $slice pids.max)" "$before 500"
octroi limit set acme cpu=1.2
echo 90000 100000 >$root$slice/cpu.max
refused "undo over another's change" 1 "before the change it was $before, after it 120000 100000, now it is 90000 100000" octroi limit undo acme
octroi limit set acme cpu=0.3

# --- systemd's timer ends a boost while no octroi runs
octroi limit boost acme cpu=2 --for 15s --reason release 2>/tmp/boost
is "a timer sees to its end" "$(grep -c 'octroi-boost-.*timer' /tmp/boost)" 1
is "boosted" "$(of $slice cpu.max)" "200000 100000"
systemctl daemon-reload
is "and after a daemon-reload" "$(of $slice cpu.max)" "200000 100000"
refused "a limit that a boost holds" 1 "a boost holds it" octroi limit set acme cpu=1
until_is "as before, by the timer" "30000 100000" of $slice cpu.max
systemctl daemon-reload
is "and after a daemon-reload, too" "$(of $slice cpu.max)" "30000 100000"
until_is "the record says so" "expire 200000 100000" \
    bash -c "octroi limit history acme --format csv | tail -1 | awk -F, '{ print \$5, \$11 }'"

# --- memory shrinks through memory.high; if it cannot, the old limits are restored
octroi limit unset acme memory.high memory.max
hog=$(docker run -d --name hog --cgroup-parent tenant-acme.slice bb $sh \
    '/bin/busybox dd if=/dev/zero of=/dev/shm/x bs=1M count=58 2>/dev/null; /bin/busybox sleep 100000')
sleep 5
hogs=$slice/docker-$hog.scope
used=$(of "$hogs" memory.current)
above "the hog holds memory" "$used" 50000000
refused "below what cannot be reclaimed" 1 "would reclaim, then kill" octroi limit set hog memory.max=20M
is "nothing is killed" "$(counter "$hogs" memory.events oom_kill)" 0
# Page cache can be reclaimed: a file that was written and read.
cache=$(docker run -d --name cache --cgroup-parent tenant-acme.slice bb $sh \
    '/bin/busybox dd if=/dev/zero of=/big bs=1M count=80 2>/dev/null; /bin/busybox sync; /bin/busybox cat /big >/dev/null; /bin/busybox sleep 100000')
caches=$slice/docker-$cache.scope
for _ in $(seq 60); do [ "$(of "$caches" memory.current)" -gt 60000000 ] && break; sleep 1; done
sleep 3
above "the cache is there" "$(of "$caches" memory.current)" 60000000
octroi limit set cache memory.max=30M --deadline 60s
between "it shrank" 0 "$(of "$caches" memory.current)" $((30 << 20))
is "memory.max is there, memory.high as before" "$(of "$caches" memory.max) $(of "$caches" memory.high)" "$((30 << 20)) max"
is "nobody was killed" "$(counter "$caches" memory.events oom_kill)" 0

# --- octroi is killed half-way: the next run rolls the change back
grow=$(docker run -d --name grow --cgroup-parent tenant-acme.slice bb $sh \
    '/bin/busybox dd if=/dev/zero of=/dev/shm/x bs=1M count=40 2>/dev/null; /bin/busybox sleep 100000')
grows=$slice/docker-$grow.scope
sleep 5
# With a little swap, memory might shrink, so octroi tries. There is too little swap, so it fails.
dd if=/dev/zero of=/swap bs=1M count=4 2>/dev/null
chmod 600 /swap
mkswap /swap >/dev/null
swapon /swap
refused "memory that does not shrink by the deadline" 1 "memory did not shrink in 3 s" \
    octroi limit set grow memory.max=10M --deadline 3s
is "and everything as before" "$(of "$grows" memory.high) $(of "$grows" memory.max)" "max max"
is "nobody was killed" "$(counter "$grows" memory.events oom_kill)" 0
octroi limit set grow memory.max=10M --deadline 100s >/dev/null 2>&1 &
victim=$!
for _ in $(seq 50); do [ "$(of "$grows" memory.high)" != max ] && break; sleep 0.1; done
is "memory.high came first" "$(of "$grows" memory.high)" $((10 << 20))
is "memory.max waits" "$(of "$grows" memory.max)" max
kill -9 $victim
wait $victim || true
octroi limit set grow pids.max=100 >/dev/null
is "what a dead writer began is taken back" "$(of "$grows" memory.high) $(of "$grows" memory.max)" "max max"
is "and written down" "$(octroi limit history --format csv | awk -F, '$5 == "recover" { n++ } END { print (n > 0) }')" 1
octroi limit set grow memory.max=10M --deadline 100s >/dev/null 2>/tmp/err &
victim=$!
for _ in $(seq 50); do [ "$(of "$grows" memory.high)" != max ] && break; sleep 0.1; done
kill -TERM $victim
wait $victim || true
is "a signal takes all back" "$(of "$grows" memory.high) $(of "$grows" memory.max) $(grep -c interrupted /tmp/err)" "max max 1"
docker rm -f hog cache grow >/dev/null
swapoff /swap

# --- only leaves are frozen
octroi limit set web freeze=on
is "a container is paused by Docker" "$(docker inspect -f '{{.State.Paused}}' web) $(counter "$scope" cgroup.events frozen)" "true 1"
octroi limit unset web freeze
is "and resumed" "$(docker inspect -f '{{.State.Paused}}' web) $(counter "$scope" cgroup.events frozen)" "false 0"
systemctl freeze "docker-$web.scope"
octroi limit unset web freeze
is "a thaw works whoever froze it" "$(counter "$scope" cgroup.events frozen) $(unit "docker-$web.scope" FreezerState)" "0 running"
docker pause web >/dev/null
systemctl thaw "docker-$web.scope"
octroi limit unset web freeze
is "Docker can pause it again" "$(docker pause web) $(docker unpause web)" "web web"
refused "a unit of the host" 1 "a unit of the host" octroi limit set job.service freeze=on
refused "what the host lives on" 1 "the host lives on" octroi limit set dbus.service freeze=on
refused "a slice" 1 "it holds other cgroups" octroi limit set /system.slice freeze=on
refused "a tenant's slice by its path" 1 "it holds other cgroups" octroi limit set $slice freeze=on
octroi limit set acme freeze=on
is "every container of a tenant" "$(counter "$scope" cgroup.events frozen) $(counter "$slice/docker-$nano.scope" cgroup.events frozen)" "1 1"
is "its slice is not" "$(of $slice cgroup.freeze)" 0
octroi limit undo acme
is "thawed by undo" "$(counter "$scope" cgroup.events frozen) $(counter "$slice/docker-$nano.scope" cgroup.events frozen)" "0 0"

# --- the record
is "the chain of changes is whole" "$(octroi limit history --verify --format csv | wc -l)" 1
sleep 1
above "the journal has a copy with fields" "$(journalctl -o cat TENANT=acme LIMIT_FILE=cpu.max | wc -l)" 3
above "the doctor has an answer for every limit" "$(octroi limit doctor --format csv | wc -l)" 12
