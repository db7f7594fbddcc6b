#!/bin/bash
# Which limits survive a reboot of the host, and which end.
# shellcheck source=Tests/VM/lib.sh
. /srv/lib.sh
slice=/tenant.slice/tenant-acme.slice
timers() { systemctl list-units --no-legend 'octroi-boost-*.timer' | grep -c octroi-boost || true; }

if [ "${1:-}" = rebooted ]; then
    until_is "the daemon is back" active systemctl is-active octroi
    until_is "what was set stands" 300 cat $root$slice/pids.max
    until_is "a boost that is not over stands" "200000 100000" cat $root$slice/cpu.max
    is "with a timer again" "$(timers)" 1
    until_is "one that is over ended" 100 cat $root$slice/cpu.weight
    is "and is on record" "$(octroi limit history acme --format csv | awk -F, '$5 == "expire"' | wc -l | awk '{ print ($1 > 0) }')" 1
    # The boost ends while Octroi is stopped.
    systemctl stop octroi
    is "the boost stands without the daemon" "$(of $slice cpu.max)" "200000 100000"
    date -s '+2 hours' >/dev/null
    until_is "ended by the new timer" "50000 100000" cat $root$slice/cpu.max
    until_is "which went with it" 0 timers
    is "the chain is whole" "$(octroi limit history --verify --format csv | wc -l)" 1
    exit
fi

printf 'tenants: []\n' >/etc/octroi/tenants.yaml
sed -i 's/^interval: .*/interval: 1s/' /etc/octroi/octroi.yaml
cp /etc/octroi/octroi.service /etc/systemd/system/
systemctl daemon-reload
octroi apply >/dev/null
octroi tenant add acme --slice tenant-acme.slice >/dev/null
systemctl enable -q --now octroi
until_is "the daemon runs" active systemctl is-active octroi
octroi limit set acme cpu=0.5 pids.max=300 --reason contract >/dev/null
octroi limit boost acme cpu=2 --for 1h --reason "over the reboot" >/dev/null
octroi limit boost acme cpu.weight=500 --for 8s >/dev/null
is "boosted" "$(of $slice cpu.max) $(of $slice cpu.weight)" "200000 100000 500"
is "both have timers" "$(timers)" 2
sync
exit 194
