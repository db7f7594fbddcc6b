#!/bin/bash
# Limits without root: what is refused, and what config/50-octroi.rules allows a group to do.
# shellcheck source=Tests/VM/lib.sh
. /srv/lib.sh

groupadd --system octroi
useradd -M -G octroi ops
useradd -M stranger
as() { local user=$1; shift; setpriv --reuid "$user" --regid "$user" --init-groups "$@"; }

cat >/etc/octroi/tenants.yaml <<'YAML'
tenants:
  - { id: acme, price_book: standard, match: [ { slice: tenant-acme.slice } ] }
  - { id: lab, match: [ { root: /lab } ] }
YAML
cp /etc/octroi/octroi.service /etc/systemd/system/
systemctl daemon-reload
octroi apply >/dev/null
systemctl start octroi
slice=/tenant.slice/tenant-acme.slice
docker run -d --name web --cgroup-parent tenant-acme.slice bb /bin/busybox sleep 100000 >/dev/null
systemd-run -q --unit job sleep 100000
mkdir -p $root/lab/x
before=$(of $slice cpu.max)

# --- as shipped: only root
refused "the store is root's" 77 "may not look into" as ops octroi limit set acme cpu=1

# --- the group may write the store: systemd refuses
install -D -m 644 /etc/octroi/octroi-group.conf /etc/systemd/system/octroi.service.d/group.conf
systemctl daemon-reload
systemctl restart octroi
is "the service runs in the group" "$(systemctl is-active octroi)" active
is "and lets it write the store" "$(stat -c '%G %a' /var/lib/octroi "$OCTROI_DB" | tr '\n' ' ')" "octroi 2770 octroi 660 "
refused "systemd refuses" 77 "systemd refuses this user" as ops octroi limit set acme cpu=1
refused "and says what to do" 77 "50-octroi.rules" as ops octroi limit set acme cpu=1
is "the kernel is as it was" "$(of $slice cpu.max)" "$before"
octroi limit history --verify >/dev/null

# --- with the rule
install -m 644 /etc/octroi/50-octroi.rules /etc/polkit-1/rules.d/
until_is "the rule lets the group set limits of a tenant's slice" "40000 100000" \
    bash -c "setpriv --reuid ops --regid ops --init-groups octroi limit set acme cpu=0.4 >/dev/null; cat $root$slice/cpu.max"
is "systemd keeps them" "$(systemctl show -p CPUQuotaPerSecUSec --value tenant-acme.slice)" 400ms
is "the record says who" "$(octroi limit history acme --format csv | tail -1 | grep -c ',ops,')" 1
as ops octroi limit undo acme >/dev/null
is "undone by the same" "$(of $slice cpu.max)" "$before"
as ops octroi limit show acme >/dev/null

# --- nothing else is allowed
refused "a unit that is no tenant's" 77 "systemd refuses this user" as ops octroi limit set job.service cpu=1 --force
refused "a boost, which needs a timer" 77 "Run it as root" as ops octroi limit boost acme cpu=2 --for 1h
refused "a plain cgroup" 77 "may not touch it" as ops octroi limit set lab cpu=0.5
refused "a container of Docker" 77 "gives no answer\|systemd refuses" as ops octroi limit set web pids.max=5
refused "a stranger" 77 "cannot be opened\|may not" as stranger octroi limit set acme cpu=1
is "the kernel is as it was after all" "$(of $slice cpu.max)" "$before"
is "the chain is whole" "$(octroi limit history --verify --format csv | wc -l)" 1
is "nothing is left half done" "$(sqlite3 -readonly "$OCTROI_DB" 'SELECT count(*) FROM limit_pending')" 0
is "nor taken for a crash" "$(octroi limit history --format csv | awk -F, '$5 == "recover"' | wc -l)" 0
