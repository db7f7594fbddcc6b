#!/bin/bash
# The end of an hour on a real kernel. Samples are sealed, the ledger is closed and chained, and nothing is
# lost or counted twice. Also: a backup while collecting, capacity, and a forged row.
# shellcheck source=Tests/VM/lib.sh
. /srv/lib.sh

cat >/etc/octroi/tenants.yaml <<'YAML'
tenants:
  - { id: acme, price_book: standard, match: [ { slice: tenant-acme.slice } ] }
YAML
octroi apply
before=$(date +%s) up=$(awk '{ print int($1) }' /proc/uptime)
# Sets the clock to fifteen seconds before the hour ends.
date -s "$(date -u +%Y-%m-%dT%H:59:45Z)" >/dev/null
octroi collect --interval 1s 2>/tmp/collect.log &
collector=$!
sleep 3
container=$(docker run -d --cgroup-parent tenant-acme.slice bb /bin/sh -c 'for i in 1 2 3 4 5 6 7 8 9; do x=0; while [ $x -lt 9000 ]; do x=$((x+1)); done; dd if=/dev/zero of=/tmp/f bs=64k count=9 2>/dev/null; sync; sleep 1; done; sleep 300')
slice=/tenant.slice/tenant-acme.slice
path=$slice/docker-$container.scope
octroi store backup /srv/early.db
sleep 24
is "an hour was closed" "$(sqlite3 "$OCTROI_DB" "SELECT count(*) FROM ledger_entry WHERE kind = 'hour'")" 1
above "blocks" "$(sqlite3 "$OCTROI_DB" 'SELECT count(*) FROM sample_block')" 10
above "blocks of devices" "$(sqlite3 "$OCTROI_DB" 'SELECT count(*) FROM sample_io_block')" 0
octroi store backup /srv/late.db
octroi report capacity --format csv | awk -F, 'NR > 1 { key = $1 $2; if ($3 == "capacity") total[key] = $5; else sum[key] += $5 }
    END { for (key in total) { n++; if (sum[key] != total[key]) bad = 1 }; exit bad || n != 4 }'
is "capacity is whose it was, and idle, for two hours and meters" $? 0
kill -INT "$collector"
wait "$collector"
is "the tenant root's own counter over the hour's end" \
    "$(octroi audit --format csv | awk -F, -v root=$slice '$2 == root && $3 == "cpu" { print $5 + $6, $7 }')" \
    "$(counter "$slice" cpu.stat usage_usec) 0"
is "the container's own counter" "$(metered "$path" cpu)" "$(counter "$path" cpu.stat usage_usec)"
is "its written bytes" "$(metered "$path" io_write_bytes)" "$(io "$path" wbytes)"
octroi samples --container "$path" >/srv/samples.csv
is "its last sample" "$(awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "cpu_usage_us") c = i } END { print $c }' /srv/samples.csv)" \
    "$(counter "$path" cpu.stat usage_usec)"
is "its samples rise, without a gap at the hour's end" \
    "$(awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "cpu_usage_us") c = i; next } { sub("Z$", "", $1); if ($c < last || $1 <= at) bad++; last = $c; at = $1 } END { print bad + 0 }' /srv/samples.csv)" 0
above "samples of it" "$(wc -l </srv/samples.csv)" 15
octroi samples --container "$path" --devices | tail -1
for db in "$OCTROI_DB" /srv/early.db /srv/late.db; do octroi store check --db "$db"; is "sound: $db" $? 0; done
octroi store info
sqlite3 /srv/late.db "DROP TRIGGER usage_is_final; UPDATE usage SET quantity = quantity - 1 WHERE container = (SELECT id FROM container WHERE path = '$path') AND meter = 1"
status=0
octroi store verify --db /srv/late.db >/srv/damage || status=$?
is "a forged row ends with 1" "$status" 1
is "and is named" "$(grep -c "docker-$container.scope.*: it was changed" /srv/damage)" 1
is "and the sum of its day" "$(grep -c "1 sum of a day differs from the ledger, first that of $path" /srv/damage)" 1
date -s "@$((before + $(awk '{ print int($1) }' /proc/uptime) - up))" >/dev/null
