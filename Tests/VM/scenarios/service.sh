#!/bin/bash
# The shipped unit file runs the collector as a systemd service. It becomes ready, collects, stops cleanly,
# and is exact over a restart and a kill.
# shellcheck source=Tests/VM/lib.sh
. /srv/lib.sh

cat >/etc/octroi/tenants.yaml <<'YAML'
tenants:
  - { id: acme, price_book: standard, match: [ { slice: tenant-acme.slice } ] }
YAML
sed -i 's/^interval: .*/interval: 1s/' /etc/octroi/octroi.yaml
cp /etc/octroi/octroi.service /etc/systemd/system/
systemctl daemon-reload
systemctl start octroi
octroi apply
is "the service is active" "$(systemctl is-active octroi)" active
sleep 3
container=$(docker run -d --cgroup-parent tenant-acme.slice bb /bin/sh -c 'x=0; while [ $x -lt 60000 ]; do x=$((x+1)); done; sleep 300')
slice=/tenant.slice/tenant-acme.slice
# A service that makes a child cgroup and works in it.
systemd-run -q --unit nest -p Delegate=yes /bin/sh -c 'd=/sys/fs/cgroup/system.slice/nest.service/inner
    mkdir $d; echo $$ >$d/cgroup.procs; x=0; while [ $x -lt 60000 ]; do x=$((x+1)); done; exec sleep 300'
sleep 2
# A reload never ends the service, whatever is in the file by then.
pid=$(systemctl show -p MainPID --value octroi)
systemctl reload octroi
echo 'interval: [' >>/etc/octroi/octroi.yaml
systemctl reload octroi
sleep 3
is "no reload ends it" "$(systemctl show -p MainPID --value octroi)" "$pid"
is "a bad file is in its status" "$(systemctl show -p StatusText --value octroi | grep -c 'stay as they were')" 1
sed -i '$d' /etc/octroi/octroi.yaml
systemctl restart octroi
sleep 2
systemctl kill -s KILL octroi
# Restart=always brings it back.
sleep 6
is "it is back after a kill" "$(systemctl is-active octroi)" active
sleep 4
systemctl stop octroi
is "it stopped cleanly" "$(systemctl show -p Result --value octroi)" success
is "the tenant root's own counter" \
    "$(octroi audit --format csv | awk -F, -v root=$slice '$2 == root && $3 == "cpu" { print $5 + $6, $7 }')" \
    "$(counter "$slice" cpu.stat usage_usec) 0"
is "the container's own counter" "$(metered "$slice/docker-$container.scope" cpu)" \
    "$(counter "$slice/docker-$container.scope" cpu.stat usage_usec)"
is "a service that nests a cgroup" "$(metered /system.slice/nest.service cpu)" \
    "$(counter /system.slice/nest.service cpu.stat usage_usec)"
is "the store's mode" "$(stat -c %a "$OCTROI_DB")" 640
