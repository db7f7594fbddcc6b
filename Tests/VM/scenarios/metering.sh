#!/bin/bash
# Tests what only a real host can show: names, labels, namespaces and networks of Docker containers,
# limits as reservations, pressure and throttling, a slice that stops, a slice that is kept, a recording.
# shellcheck source=Tests/VM/lib.sh
. /srv/lib.sh

cat >/etc/octroi/tenants.yaml <<'YAML'
tenants:
  - { id: acme, match: [ { slice: tenant-acme.slice } ] }
  - { id: lab,  match: [ { label: octroi.tenant=lab } ] }
YAML
octroi apply /etc/octroi/tenants.yaml
octroi tenant add keep --slice tenant-keep.slice
is "the kept slice is active" "$(systemctl is-active tenant-keep.slice)" active

# A slice without io accounting in systemd.
systemd-run -q --unit bare --slice tenant-bare.slice sleep 100000
echo 'tenants: [ { id: bare, match: [ { slice: tenant-bare.slice } ] } ]' >/tmp/bare.yaml
is "apply offers it" "$(octroi apply /tmp/bare.yaml 2>&1 >/dev/null | grep -c 'tenant-bare.slice: systemd does not account')" 1
is "the doctor names it" "$(octroi doctor --format csv | grep -c 'meter io of tenant-bare.slice')" 1
octroi apply --accounting /tmp/bare.yaml >/dev/null 2>&1
is "and it is turned on" "$(systemctl show -p IOAccounting --value tenant-bare.slice) $([ -e $root/tenant.slice/tenant-bare.slice/io.stat ] && echo there)" "yes there"
systemctl stop bare
octroi tenant remove bare >/dev/null

octroi record --interval 1s --for 24s /srv/guest.octroi 2>/dev/null &
recorder=$!
octroi collect --interval 1s 2>/tmp/collect.log &
collector=$!
sleep 3
spin='x=0; while [ $x -lt %s ]; do x=$((x+1)); done'
# shellcheck disable=SC2059  # the loop's length goes into it
work() { printf "$spin" "$1"; }

# Names, labels and isolation.
labelled=$(docker run -d --name shop --label octroi.tenant=lab bb /bin/sh -c "$(work 3000); sleep 300")
onhost=$(docker run -d --network host --cgroup-parent tenant-acme.slice bb /bin/sh -c "sleep 300")
shop=/system.slice/docker-$labelled.scope hosted=/tenant.slice/tenant-acme.slice/docker-$onhost.scope

# Traffic of three containers: one sends and stays, one shares its network, one sends and ends at once.
busybox nc -ll -p 7777 -e /bin/cat >/dev/null 2>&1 &
sink=$!
send='dd if=/dev/zero bs=64k count=%s 2>/dev/null | busybox nc 172.17.0.1 7777 >/dev/null'
# shellcheck disable=SC2059
sender=$(docker run -d --cgroup-parent tenant-acme.slice bb /bin/sh -c "$(printf "$send" 16) & sleep 300")
beside=$(docker run -d --network "container:$sender" --cgroup-parent tenant-acme.slice bb /bin/sh -c "sleep 300")
sender=/tenant.slice/tenant-acme.slice/docker-$sender.scope
beside=/tenant.slice/tenant-acme.slice/docker-$beside.scope

# A container limited to half a core and 64 MiB. It wants more CPU than that.
limited=$(docker run -d --cpus 0.5 -m 64m --cgroup-parent tenant-acme.slice bb /bin/sh -c "$(work 40000); sleep 300")
limited=/tenant.slice/tenant-acme.slice/docker-$limited.scope
column() { octroi containers --all --format csv | awk -F, -v c="$1" -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) column = i } $2 == c { print $column }'; }
isolation() { octroi containers --isolation --format csv | awk -F, -v c="$1" -v field="$2" '$2 == c { print $field }'; }
# A new container is unattributed until the engine has answered.
until_is "Docker's name" shop column "$shop" name
until_is "a label decides whose it is" lab column "$shop" tenant
until_is "its own network" true isolation "$sender" 6
until_is "the host's network" false isolation "$hosted" 6
until_is "its own root directory" true isolation "$hosted" 11
octroi containers --isolation
octroi top --once
octroi containers --tenant acme
# The container has done its work and sleeps, so the next reading finds its counter at rest.
unread() { echo $(($(counter "$shop" cpu.stat usage_usec) - $(metered "$shop" cpu))); }
until_is "from its first microsecond" 0 unread
last() { sqlite3 "$OCTROI_DB" "SELECT $1 FROM sample s JOIN container c ON c.id = s.container WHERE c.path = '$2' ORDER BY tick DESC LIMIT 1"; }
until_above "throttled by its limit" 100000 last cpu_throttled_us "$limited"
until_above "and waiting for it" 100000 last cpu_some_us "$limited"

docker run --rm --cidfile /tmp/brief --cgroup-parent tenant-acme.slice bb /bin/sh -c "$(printf "$send" 8)"
short=$(cat /tmp/brief)
sleep 2
kill "$sink" 2>/dev/null || true
sleep 2
pid=$(head -1 "$root$sender/cgroup.procs")
net() { awk -v column="$1" '$1 == "eth0:" { print $column }' "/proc/$pid/net/dev"; }
# Packets of neighbours may arrive at any time, so the collector's last reading lies between two of ours.
received=$(net 2) sent=$(net 10)
kill -INT "$collector"
wait "$collector"
between "bytes sent by a container" "$sent" "$(metered "$sender" net_tx_bytes)" "$(net 10)"
between "bytes received by it" "$received" "$(metered "$sender" net_rx_bytes)" "$(net 2)"
above "and it did send" "$(net 10)" 1000000
is "nothing twice on a shared network" "$(metered "$beside" net_tx_bytes)" 0
is "why" "$(octroi containers --all --format csv | grep "$beside" | grep -c 'net/dev: shared_namespace')" 1
is "nothing guessed on the host's network" "$(octroi containers --all --format csv | grep "$hosted" | grep -c 'net/dev: host_namespace')" 1
above "sent by one that is gone" "$(metered "/tenant.slice/tenant-acme.slice/docker-$short.scope" net_tx_bytes)" 500000

seconds=$(sqlite3 "$OCTROI_DB" "SELECT (max(boottime_us) - min(boottime_us)) / 1000000 FROM tick WHERE wall_ms >= (SELECT first_seen_ms FROM container WHERE path = '$limited')")
above "half a core reserved for $seconds s" "$(metered "$limited" cpu_reserved)" $((seconds * 450000))
above "and no more" $((seconds * 550000 + 600000)) "$(metered "$limited" cpu_reserved)"
above "64 MiB reserved" "$(metered "$limited" memory_reserved)" $((seconds * 60000000))
is "its limits are known" "$(last "cpu_limit_nanocores || ' ' || memory_limit_bytes" "$limited")" "500000000 67108864"
octroi audit
octroi report completeness
octroi report unmetered

# The counters of a slice go away when it stops. All of its usage was read before.
octroi collect --interval 1s 2>/tmp/collect.log &
collector=$!
sleep 3
docker run --rm --cgroup-parent tenant-keep.slice bb /bin/sh -c "$(work 3000)"
docker ps -q | xargs docker rm -f >/dev/null
sleep 2
systemctl stop tenant-acme.slice
sleep 2
is "the slice is gone" "$([ -e $root/tenant.slice/tenant-acme.slice ] && echo there || echo gone)" gone
docker run --rm --cgroup-parent tenant-acme.slice bb /bin/sh -c "$(work 3000)"
sleep 2
kill -INT "$collector"
wait "$collector"
octroi audit
is "its last moments were read" "$(grep -c 'went away' /tmp/collect.log)" 0
is "the kept slice's counter" "$(octroi audit --format csv | awk -F, '$2 ~ /keep/ && $3 == "cpu" { print $5, $7 }')" \
    "$(counter /tenant.slice/tenant-keep.slice cpu.stat usage_usec) 0"
is "the new slice's counter" "$(octroi audit --format csv | awk -F, '$2 ~ /acme/ && $3 == "cpu" { last = $5 " " $7 } END { print last }')" \
    "$(counter /tenant.slice/tenant-acme.slice cpu.stat usage_usec) 0"

# A recording replays to the same ledger.
wait "$recorder"
for copy in 1 2; do octroi replay --db /srv/replay$copy.db /srv/guest.octroi; done
ledger() { sqlite3 "$1" 'SELECT * FROM usage ORDER BY 1, 2, 3, 4; SELECT * FROM usage_open ORDER BY 1, 2, 3, 4; SELECT * FROM control; SELECT * FROM sample ORDER BY 1, 2' | sha256sum; }
is "two replays are one" "$(ledger /srv/replay1.db)" "$(ledger /srv/replay2.db)"
above "rows in it" "$(sqlite3 /srv/replay1.db 'SELECT (SELECT count(*) FROM usage) + (SELECT count(*) FROM usage_open)')" 50
octroi audit --db /srv/replay1.db
