#!/bin/bash
# Octroi says what a real kernel does not give: a controller is off, a container uses the host's network.
# Also: hours of a real container move to another tenant.
# shellcheck source=Tests/VM/lib.sh
. /srv/lib.sh

cat >/etc/octroi/prices.yaml <<'YAML'
books:
  - id: standard
    currency: EUR
    effective: 2026-01-01T00:00:00Z
    rounding: half-even
    memory: unreclaimable
    unpriced: show
    taxes: []
    meters:
      cpu: { price: "1", per: 1 vCPU-second }
      memory: { price: "1", per: 1 GiB-hour }
      net_tx_bytes: { price: "1", per: 1 GB }
YAML
cat >/etc/octroi/tenants.yaml <<'YAML'
tenants:
  - { id: acme, name: Acme, price_book: standard, match: [ { cgroup: /bare/a } ] }
  - { id: lab, name: Lab, price_book: standard, match: [ { slice: tenant-lab.slice } ] }
YAML
octroi apply >/dev/null

# Its parent gives this cgroup no controllers, so it has cpu.stat and no memory files.
mkdir -p $root/bare/a
busy() { (echo "$BASHPID" >"$root/bare/a/cgroup.procs" && exec timeout 4 sh -c 'while :; do :; done') & }
is "no memory in it" "$([ -e $root/bare/a/memory.current ] && echo there || echo none)" none
octroi collect --interval 1s 2>/tmp/collect.log &
collector=$!
sleep 3
busy
hosted=$(docker run -d --network host --cgroup-parent tenant-lab.slice bb /bin/sh -c "x=0; while [ \$x -lt 200000 ]; do x=\$((x+1)); done; sleep 300")
sleep 6
kill -INT "$collector"
wait "$collector"

octroi report unmetered
octroi report completeness
is "memory of it is named" "$(octroi report unmetered --format csv | grep -c '^acme,/bare/a,controller_off,.*,memory,memory.stat,')" 1
is "and the host's network" "$(octroi report unmetered --format csv | grep "$hosted" | grep -c 'host_namespace,.*,net_tx_bytes,net/dev,')" 1
is "completeness counts both" "$(octroi report completeness --format csv | awk -F, 'NR == 2 { print ($(NF - 1) >= 2 && $NF >= 2000) }')" 1
octroi audit 2>/tmp/audit
is "and audit names it" "$(grep -c '/bare/a: memory not measured from' /tmp/audit)" 1

month=$(date -u +%Y-%m)
printf 'closing: { unmetered: block }\n' >>/etc/octroi/octroi.yaml
refused "policy blocks" 65 "unmetered: print" octroi invoice issue --month "$month" --until now
is "nothing is issued" "$(octroi invoice list --format csv | tail -n +2 | wc -l)" 0
sed -i '/^closing: { unmetered/d' /etc/octroi/octroi.yaml
octroi invoice issue --month "$month" --until now 2>/tmp/issued
cat /tmp/issued
is "the invoices say each" "$(grep -c 'not measured' /tmp/issued)" 3
octroi invoice verify

# The clock leaps by years and back. The ledger has no hour of those years, and the journal says so.
octroi collect --interval 1s 2>/tmp/leap.log &
collector=$!
until_is "metering goes on" 1 bash -c 'octroi top --once --format csv | grep -c "^[^,]*,/init.scope,"'
before=$(counter /system.slice cpu.stat usage_usec)
date -s '+14 years' >/dev/null
sleep 4
date -s '-14 years' >/dev/null
until_is "the clock is trusted again" 1 grep -c 'is trusted again' /tmp/leap.log
kill -INT "$collector"
wait "$collector"
cat /tmp/leap.log
is "the leap is said" "$(grep -c 'nothing vouches for it' /tmp/leap.log)" 1
is "no hour of another year" "$(sqlite3 -readonly "$OCTROI_DB" "SELECT count(*) FROM ledger_hour WHERE hour_s > unixepoch() + 7200")" 0
above "and work went on" "$(counter /system.slice cpu.stat usage_usec)" "$before"

# The collector names the path of a part of the tree that it may not enter.
mkdir -p $root/shut/a && chmod 000 $root/shut
cp /usr/local/bin/octroi /tmp/octroi && chmod 755 /tmp/octroi
install -d -o nobody /tmp/nobody
setpriv --reuid=nobody --clear-groups /tmp/octroi collect --db /tmp/nobody/octroi.db --interval 1s --for 3s 2>/tmp/shut.log
is "what it cannot enter is said" "$(grep -c 'cannot enter.*/shut' /tmp/shut.log)" 1
is "and is listed" "$(octroi report completeness --db /tmp/nobody/octroi.db --format csv | wc -l)" 2

# Past hours move to another tenant by hand.
octroi tenant assign acme --container "/tenant.slice/tenant-lab.slice/docker-$hosted.scope" --from-tenant lab --from "$(date -u +%Y-%m-%dT%H:00:00Z)" --plan
octroi tenant assign acme --container "/tenant.slice/tenant-lab.slice/docker-$hosted.scope" --from-tenant lab --from "$(date -u +%Y-%m-%dT%H:00:00Z)" --reason scenario
rows() { octroi usage --tenant "$1" --by container --format csv | grep -c "$hosted.*,cpu," || true; }
is "the hours are the other tenant's" "$(rows lab) $(rows acme)" "0 1"
octroi invoice draft --month "$month"
octroi audit 2>/dev/null
octroi store verify

# A day in India begins at 18:30 UTC, a day in Nepal at 18:15. Usage has a row on each side of that time. The first
# zone is read at the start, the second when the settings are read again.
begins() { sqlite3 -readonly "$OCTROI_DB" "SELECT group_concat(DISTINCT strftime('%H:%M', hour_s, 'unixepoch')) FROM ledger_hour WHERE meter = 'cpu' AND strftime('%H:%M', hour_s, 'unixepoch') IN ('18:00', '18:15', '18:30')"; }
sed -i '/^time_zone/d' /etc/octroi/octroi.yaml
printf 'time_zone: Asia/Kolkata\n' >>/etc/octroi/octroi.yaml
date -s '18:29:55' >/dev/null
octroi collect --interval 1s --for 12s 2>/dev/null
is "India's day begins with a row" "$(begins)" "18:00,18:30"
sed -i '/^time_zone/d' /etc/octroi/octroi.yaml
runs() { sqlite3 -readonly "$OCTROI_DB" "SELECT count(*) FROM run"; }
before=$(runs)
octroi daemon >/tmp/daemon.log 2>&1 &
daemon=$!
until_is "the daemon meters" $((before + 1)) runs
printf 'time_zone: Asia/Kathmandu\n' >>/etc/octroi/octroi.yaml
kill -HUP "$daemon"
until_is "the settings are read again" 1 grep -c 'octroi.yaml was read again' /tmp/daemon.log
date -s '18:14:55' >/dev/null
until_is "Nepal's day begins with a row" "18:00,18:15,18:30" begins
kill "$daemon"
wait "$daemon"
octroi store verify
octroi audit 2>/dev/null
