#!/bin/bash
# Controllers are switched off and on while the collector runs. The kernel removes their files and creates
# them again, but the cgroup stays. Its account goes on. What was always readable is exact, and the rest is named.
# shellcheck source=Tests/VM/lib.sh
. /srv/lib.sh

cat >/etc/octroi/tenants.yaml <<'YAML'
tenants:
  - { id: acme, price_book: standard, match: [ { root: /den/acme } ] }
YAML
octroi apply >/dev/null
mkdir -p $root/den/acme/x
all() { for cgroup in $2; do echo "$1cpu $1memory $1io $1pids" >"$root$cgroup/cgroup.subtree_control"; done; }
all + "/ /den /den/acme"
dd if=/dev/zero of=/srv/work bs=64k count=20 conv=fsync 2>/dev/null
work() { (echo "$BASHPID" >$root/den/acme/x/cgroup.procs; dd if=/srv/work of=/dev/null bs=64k iflag=direct 2>/dev/null; x=0; while [ $x -lt 20000 ]; do x=$((x + 1)); done); }
ticks() { sqlite3 -readonly "$OCTROI_DB" "SELECT max(id) FROM tick"; }
# A tick may be committed a while after it was read. The third tick from now was read after now.
next() { local now; now=$(ticks); until_above "three more readings" $((now + 2)) ticks; }
absent() { octroi report unmetered --tenant acme --format csv | grep -c ",controller_off," || true; }

# Without a process, the cgroup would be idle. What it used before the first reading is not billed.
(echo "$BASHPID" >$root/den/acme/x/cgroup.procs && exec sleep 100000) &
until_is "it sleeps" sleep cat /proc/$!/comm
sleep 1
before=$(counter /den/acme/x cpu.stat usage_usec)
read=-$(io /den/acme/x rbytes)
used() { echo $(($(counter "$1" cpu.stat usage_usec) - before)); }
octroi collect --interval 1s 2>/tmp/collect.log &
collector=$!
until_above "metering" 1 ticks
for round in 1 2; do
    work
    next
    # The counters of io.stat go away with the file. A new file begins at 0.
    read=$((read + $(io /den/acme/x rbytes)))
    all - "/den/acme /den"
    is "the files are gone ($round)" "$([ -e $root/den/acme/x/memory.current ] && echo there || echo gone)" gone
    next
    work
    next
    all + "/den /den/acme"
    work
    next
    is "one account each ($round)" "$(octroi containers --all --format csv | grep -c ',/den/acme')" 2
    is "both are alive ($round)" "$(octroi containers --format csv | grep -c ',/den/acme')" 2
    # The work is done, so the counter stands still.
    until_is "cpu is whole ($round)" "$(used /den/acme/x)" metered /den/acme/x cpu
done
kill -INT "$collector"
wait "$collector"
cat /tmp/collect.log
octroi containers --all
octroi report unmetered --tenant acme
octroi usage --by container
is "the tenant's cpu is its root's counter" \
    "$(octroi usage --by tenant --format csv | awk -F, '/,cpu,/ && /acme/ { for (i = 1; i <= NF; i++) if ($i == "cpu") print $(i + 1) }')" \
    "$(used /den/acme)"
above "what was not measured is named" "$(absent)" 1
is "all that was read under io.stat is billed" "$(metered /den/acme/x io_read_bytes)" "$((read + $(io /den/acme/x rbytes)))"
above "which are four of six works" "$(metered /den/acme/x io_read_bytes)" $((4 * 20 * 65536 - 1))
octroi store verify
octroi audit 2>/dev/null
