#!/bin/bash
# The daemon keeps limits and budgets on a real host: after direct writes, daemon-reload, docker update,
# and restarts and re-creation of containers. It also tests drift policies, and a ladder up and down.
# shellcheck source=Tests/VM/lib.sh
. /srv/lib.sh

slice=/tenant.slice/tenant-acme.slice
actions() { octroi limit history "$1" --format csv | awk -F, 'NR > 1 { print $5 }' | uniq | tr '\n' ' '; }

cat >/etc/octroi/tenants.yaml <<'YAML'
tenants:
  - { id: acme, price_book: standard, match: [ { slice: tenant-acme.slice } ] }
  - { id: lab, match: [ { root: /lab } ] }
  - { id: den, match: [ { root: /den } ] }
YAML
cat >/etc/octroi/limits.yaml <<'YAML'
limits:
  - { tenant: acme, cpu: "0.625", memory.max: 600M, pids.max: 700 }
  - { tenant: lab, pids.max: 50, drift: alert }
  - { tenant: den, pids.max: 60, drift: adopt }
YAML
cat >/etc/octroi/budgets.yaml <<'YAML'
ladders:
  - id: quick
    dwell: 1s
    grace: 0s
    leave_below: 95
    max_tenants_per_tick: 3
    steps:
      - { at: 10, do: warn }
      - { at: 20, do: weight, value: 25 }
      - { at: 30, do: cpu_cap, paced: true, floor: "0.05" }
      - { at: 40, do: memory_high }
      - { at: 50, do: no_forks }
      - { at: 60, do: freeze }
budgets: []
YAML
sed -i 's/^interval: .*/interval: 1s/' /etc/octroi/octroi.yaml
printf 'enforcement:\n  budgets_every: 2s\n' >>/etc/octroi/octroi.yaml
mkdir -p $root/lab/x $root/den/x
echo '+pids' >$root/lab/cgroup.subtree_control
octroi apply >/tmp/applied
is "apply says what is wanted" "$(grep -c 'limit of tenant' /tmp/applied)" 5
is "and nothing the second time" "$(octroi apply)" "no change"
web=$(docker run -d --name web --cgroup-parent tenant-acme.slice bb /bin/busybox sleep 100000)
scope() { echo "$slice/docker-$(docker inspect -f '{{.Id}}' web).scope"; }
cp /etc/octroi/octroi.service /etc/systemd/system/
systemctl daemon-reload
systemctl start octroi
until_is "limits.yaml takes hold" "62500 100000 700" bash -c "tr '\n' ' ' <$root$slice/cpu.max; cat $root$slice/pids.max"
until_is "of a plain root as well" 50 cat $root/lab/pids.max

# --- drift
recorded() { octroi limit history "$1" --format csv | grep -c -- "$2"; }
echo 90000 100000 >$root$slice/cpu.max
until_is "a direct write is found and undone" "62500 100000" cat $root$slice/cpu.max
until_above "with the culprit" 0 recorded acme 'past systemd:tenant-acme.slice'
systemctl daemon-reload
until_is "a quota that systemd rounds is set again" "62500 100000" cat $root$slice/cpu.max
for round in 1 2 3 4 5; do
    systemctl daemon-reload
    until_is "and again, as a reload is nobody to fight ($round)" "62500 100000" cat $root$slice/cpu.max
done
until_above "the reload is named" 4 recorded acme '(daemon-reload)'
is "no fight" "$(recorded acme 'Two writers' || true)" 0
systemctl restart dbus
echo 80000 100000 >$root$slice/cpu.max
until_is "a bus that was restarted is asked anew" "62500 100000" cat $root$slice/cpu.max
systemctl set-property tenant-acme.slice TasksMax=33
until_is "set-property is undone" 700 cat $root$slice/pids.max
until_above "and named" 0 recorded acme 'systemctl set-property'
echo 9 >$root/lab/pids.max
until_is "of lab it is only told" alert bash -c "octroi limit history lab --format csv | tail -1 | cut -d, -f5"
is "and left" "$(cat $root/lab/pids.max)" 9
echo 11 >$root/den/pids.max
until_is "of den it is adopted" adopt bash -c "octroi limit history den --format csv | tail -1 | cut -d, -f5"

# --- a container's limits outlive it
until_is "the container has a name" 1 bash -c "octroi containers --format csv | grep -c ',web,\|,web\$' | awk '{ print (\$1 > 0) }'"
octroi limit set web memory.high=100M cpu.weight=33 pids.max=77 >/dev/null
docker restart -t 1 web >/dev/null
until_is "after a restart" "104857600 33 77" bash -c "echo \$(cat $root$(scope)/memory.high $root$(scope)/cpu.weight $root$(scope)/pids.max)"
docker rm -f web >/dev/null
web=$(docker run -d --name web --cgroup-parent tenant-acme.slice bb /bin/busybox sleep 100000)
until_is "after it was made anew" "104857600 33 77" bash -c "echo \$(cat $root$(scope)/memory.high $root$(scope)/cpu.weight $root$(scope)/pids.max)"
docker update --pids-limit 5 web >/dev/null
until_is "docker update is undone" 77 cat "$root$(scope)/pids.max"
until_above "and named" 0 recorded web 'docker update'
docker stop -t 1 web >/dev/null

# --- nothing is written while nothing changes
sleep 3
before=$(octroi limit history --format csv | wc -l)
sleep 6
is "steady state writes nothing" "$(octroi limit history --format csv | wc -l)" "$before"

# --- a budget is climbed step by step
docker start web >/dev/null
octroi limit unset acme cpu >/dev/null
burner=$(docker run -d --name burner --cgroup-parent tenant-acme.slice bb /bin/busybox sh -c \
    '/bin/busybox dd if=/dev/zero of=/big bs=1M count=30 2>/dev/null; while :; do :; done')
burners=$slice/docker-$burner.scope
octroi budget set acme 0.00001 --per month --ladder quick
until_is "the weights fall" 25 cat $root$slice/cpu.weight
until_is "the cap is the floor, with no money left" "5000 100000" cat $root$slice/cpu.max
until_is "memory stays at what is in use" 1 bash -c "grep -c '^[0-9]' $root$slice/memory.high"
until_is "no new forks" 1 bash -c "[ \$(cat $root$slice/pids.max) -lt 50 ] && echo 1"
until_is "its containers are frozen" "frozen 1" grep frozen "$root$burners/cgroup.events"
is "its slice is not" "$(cat $root$slice/cgroup.freeze)" 0
until_is "six steps are in force" 6 bash -c "octroi budget list --format csv | awk -F, '\$1 == \"acme\" { print \$9 }'"
is "one change a step, and the budget's own" "$(octroi limit history acme --format csv | awk -F, '$5 == "budget" && !seen[$1]++' | wc -l)" 7
is "limit show says why" "$(octroi limit show acme --format csv | awk -F, '$2 == "cpu.max" { print $4 }')" "by a budget"
# An exemption ends all steps at once, and the desired limits are back.
octroi budget set acme --exempt-until 2100-01-01T00:00:00Z --reason "migration"
until_is "thawed" "frozen 0" grep frozen "$root$burners/cgroup.events"
until_is "all is as before" "max 100000 100 max 700" \
    bash -c "echo \$(cat $root$slice/cpu.max $root$slice/cpu.weight $root$slice/memory.high $root$slice/pids.max)"
octroi budget set acme --exempt-until none
until_is "no longer exempt" 25 cat $root$slice/cpu.weight
octroi budget set acme 500.00
until_is "a raised budget takes the steps back" 100 cat $root$slice/cpu.weight
docker rm -f burner >/dev/null

# --- a boost under the daemon, and its marks
octroi limit boost acme cpu=2 --for 4s --reason test >/dev/null 2>&1
until_is "boosted" "200000 100000" cat $root$slice/cpu.max
until_is "and ended" "max 100000" cat $root$slice/cpu.max
boosted() { octroi usage --tenant acme --by tenant --format json | grep -o '"boosted_seconds": *[0-9]*' | grep -o '[0-9]*$' | head -1; }
until_above "usage is marked" 2 boosted
above "frozen and boosted time is on the report" \
    "$(octroi report enforcement --tenant acme --format csv | awk -F, 'NR > 1 { boosted += $3; frozen += $5 } END { print (boosted > 0) + (frozen > 0) }')" 1

# --- the daemon dies during a boost: systemd's timer ends the boost
octroi limit boost acme cpu=2 --for 5s >/dev/null 2>&1
systemctl kill -s KILL octroi
systemctl stop octroi
until_is "ended by the timer" "max 100000" cat $root$slice/cpu.max
is "the chain is whole" "$(octroi limit history --verify --format csv | wc -l)" 1
