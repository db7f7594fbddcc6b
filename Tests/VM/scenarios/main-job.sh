#!/bin/bash
# Two Docker containers and one systemd service of two tenants are metered (cpu, memory, io) and
# invoiced. Usage equals the kernel's own counters. A limit is set and read back.
# shellcheck source=Tests/VM/lib.sh
. /srv/lib.sh

cat >/etc/octroi/tenants.yaml <<'YAML'
tenants:
  - { id: acme, price_book: standard, match: [ { slice: tenant-acme.slice } ] }
  - { id: lab,  price_book: standard, match: [ { unit: "lab-*.service" } ] }
YAML
# Prices are so high that seconds cost euros.
cat >/etc/octroi/prices.yaml <<'YAML'
books:
  - id: standard
    currency: EUR
    effective: 2026-01-01T00:00:00Z
    taxes: [ { code: vat, name: TVA, rate: "20" } ]
    meters:
      cpu:            { price: "1.37", per: 1 vCPU-second }
      memory:         { price: "0.0311", per: 1 MiB-second }
      io_read_bytes:  { price: "0.07", per: 1 MB }
      io_write_bytes: { price: "0.13", per: 1 MB }
      io_read_ops:    { price: "0.001", per: 1 operation }
      io_write_ops:   { price: "0.003", per: 1 operation }
      net_rx_bytes:   { price: "0", per: 1 MB }
      net_tx_bytes:   { price: "0.09", per: 1 MB }
YAML
octroi apply
octroi doctor

octroi collect --interval 2s &
collector=$!
sleep 3
burn='i=0; while [ $i -lt 20 ]; do dd if=/dev/zero of=/out bs=64k count=8 conv=fsync 2>/dev/null; x=0; while [ $x -lt 3000 ]; do x=$((x+1)); done; i=$((i+1)); done; sleep 300'
a=$(docker run -d --cgroup-parent tenant-acme.slice bb /bin/sh -c "$burn")
b=$(docker run -d --cgroup-parent tenant-acme.slice bb /bin/sh -c 'x=0; while [ $x -lt 50000 ]; do x=$((x+1)); done; sleep 300')
systemd-run -q --unit lab-press.service --property=Type=exec -p IOAccounting=yes -p MemoryAccounting=yes /bin/sh -c 'dd if=/dev/zero of=/srv/lab.out bs=1M count=8 conv=fsync; x=0; while [ $x -lt 40000 ]; do x=$((x+1)); done; exec sleep 300'

slice=/tenant.slice/tenant-acme.slice
first=$slice/docker-$a.scope second=$slice/docker-$b.scope press=/system.slice/lab-press.service
# A container that is created and removed between two ticks.
docker run --rm --cgroup-parent tenant-acme.slice bb /bin/sh -c 'x=0; while [ $x -lt 3000 ]; do x=$((x+1)); done' || true
# Before the last reading the workloads are done, and frozen: even a process that sleeps is now and then
# given a microsecond, and then the counters would not be what the last reading saw.
counters() { for cgroup in "$first" "$second" "$press"; do of "$cgroup" cpu.stat; done; }
at_rest() {
    local before
    before=$(counters)
    sleep 5
    [ "$before" != "$(counters)" ] || echo yes
}
until_is "the workloads are done" yes at_rest
freeze() { for cgroup in "$first" "$second" "$press"; do echo "$1" >"$root$cgroup/cgroup.freeze"; done; }
frozen() { for cgroup in "$first" "$second" "$press"; do grep -c '^frozen 1' "$root$cgroup/cgroup.events" || true; done | sort -u; }
freeze 1
until_is "the workloads are frozen" 1 frozen
kill -INT "$collector"
wait "$collector"

for container in "$first" "$second" "$press"; do
    is "cpu of $(basename "$container")" "$(metered "$container" cpu)" "$(counter "$container" cpu.stat usage_usec)"
    above "memory of $(basename "$container")" "$(metered "$container" memory)" 100000
done
for pair in io_write_bytes:wbytes io_write_ops:wios; do
    is "$pair of the first container" "$(metered "$first" "${pair%:*}")" "$(io "$first" "${pair#*:}")"
    is "$pair of the service" "$(metered "$press" "${pair%:*}")" "$(io "$press" "${pair#*:}")"
done
# The usage of everything below the tenant root, including the container above, equals the root's counter.
octroi audit
control() { octroi audit --format csv | awk -F, -v root=$slice -v meter="$1" '$2 == root && $3 == meter { print $5 + $6, $7 }'; }
is "the slice's own cpu counter" "$(control cpu)" "$(counter "$slice" cpu.stat usage_usec) 0"
# The kernel rounds the counter of each cgroup down to whole microseconds, so the counters of two containers
# may be two below that of the slice. The next tick would show whose they are.
pending=$(octroi audit --format csv | awk -F, -v root=$slice '$2 == root && $3 == "cpu" { print $6 }')
between "microseconds that are still pending" 0 "$pending" 2
for pair in io_read_bytes:rbytes io_write_bytes:wbytes io_read_ops:rios io_write_ops:wios; do
    is "the slice's own ${pair%:*}" "$(control "${pair%:*}")" "$(io "$slice" "${pair#*:}") 0"
done
octroi report completeness
above "bytes the service wrote" "$(metered "$press" io_write_bytes)" 8000000
is "whose containers" \
    "$(octroi containers --format csv | grep -c "^acme,$slice/docker-.*,container,docker,")" 2
is "the tenant root" "$(octroi containers --format csv | grep -c "^acme,$slice,tenant root")" 1

octroi usage
month=$(date -u +%Y-%m)
octroi invoice issue --month "$month" --until now
octroi invoice export --month "$month"
is "invoices" "$(octroi invoice list --format csv | tail -n +2 | wc -l)" 2
above "cents on the first invoice" "$(octroi invoice list --format csv | awk -F, 'NR == 2 { printf "%d", $7 * 100 }')" 300
is "issuing again changes nothing" \
    "$(octroi invoice issue --month "$month" --until now --format csv 2>/dev/null | sha256sum)" \
    "$(octroi invoice list --format csv | sha256sum)"
is "lines add up to totals" \
    "$(octroi invoice export | awk -F, 'NR > 1 { sum += $15 } END { printf "%.2f", sum }')" \
    "$(octroi invoice list --format csv | awk -F, 'NR > 1 { sum += $7 } END { printf "%.2f", sum }')"

# Every figure walks back: the cpu billed below the slice, and what is pending, is the slice's own counter.
is "cpu on the invoice" \
    "$(octroi invoice export --month "$month" | awk -F, -v slice="$slice" '$3 == "acme" && $5 == "cpu" && index($7, slice) == 1 { sum += $10 } END { printf "%.0f", sum }')" \
    "$(($(counter "$slice" cpu.stat usage_usec) - pending))"
octroi invoice verify
octroi invoice show OCT-000001 2>&1 | tee /tmp/shown
is "what is said of cpu" "$(grep -c 'assurance: cpu: conserved [0-9]*$' /tmp/shown)" 1
octroi invoice explain OCT-000001 | tee /tmp/explained
above "lines led back to the kernel's counters" "$(grep -c 'kernel     cpu_usage_us: ' /tmp/explained)" 1
is "memory led back to the parts of its formula" "$(for part in anon shmem kernel sock; do
    grep -q "kernel     ${part}_bytes: " /tmp/explained && echo "$part"
done | wc -l)" 4
octroi invoice export OCT-000001 --format html --lang fr >/tmp/page.html
is "the page" "$(grep -c '^<html lang="fr"' /tmp/page.html)" 1
octroi invoice export --format focus --focus 1.4 >/tmp/focus.csv
is "FOCUS rows" "$(wc -l </tmp/focus.csv)" "$(octroi invoice export | wc -l)"
for report in usage-by-tenant usage-by-container top-containers idle daily-cost throttling; do
    octroi report "$report" --month "$month"
done
octroi invoice credit OCT-000001 --reason scenario
is "credited" "$(octroi invoice list --format csv | grep -c '^OCT-000001,.*,credited,')" 1
octroi invoice issue --month "$month" --until now --again
octroi invoice verify

freeze 0
octroi limit set acme cpu=50% memory.max=512M pids.max=200 --reason scenario
is "cpu.max" "$(cat "$root$slice/cpu.max")" "50000 100000"
is "memory.max" "$(cat "$root$slice/memory.max")" 536870912
is "pids.max" "$(cat "$root$slice/pids.max")" 200
is "the record of limits" "$(sqlite3 "$OCTROI_DB" 'SELECT count(*) FROM limit_change WHERE verified = 1')" 3
octroi limit set "docker-$b.scope" cpu=0.25
is "a container's cpu.max" "$(cat "$root$second/cpu.max")" "25000 100000"
if octroi limit set "docker-$b.scope" memory.max=4K 2>/tmp/refused; then exit 1; fi
is "a limit that would kill is refused" "$(grep -c 'reclaim, then kill' /tmp/refused)" 1

run=$(sqlite3 "$OCTROI_DB" 'SELECT max(run) FROM tick')
octroi collect --interval 1s &
collector=$!
# Its first tick comes after it has set up its signals.
until_above "it collects" "$run" sqlite3 "$OCTROI_DB" 'SELECT max(run) FROM tick'
kill -TERM "$collector"
wait "$collector"
is "the collector ends cleanly on SIGTERM" "$?" 0
