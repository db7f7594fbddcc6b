#!/bin/bash
# The meter storage on a real file system: by project quota where there is one, otherwise by a walk. Both are
# what du counts. A kill loses nothing, and what the unit file hides is said, not billed as 0.
# shellcheck source=Tests/VM/lib.sh
. /srv/lib.sh

truncate -s 300M /srv/disk.img
mkfs.ext4 -q -O quota,project -E quotatype=prjquota /srv/disk.img
mkdir -p /srv/quota /srv/walk /home/acme
mount -o loop,prjquota /srv/disk.img /srv/quota
mkdir /srv/quota/acme /srv/quota/shop
chattr -p 42 +P /srv/quota/acme
head -c 10485760 /dev/urandom >/srv/quota/acme/file
head -c 3000000 /dev/urandom >/srv/walk/file
ln /srv/walk/file /srv/walk/again
sync
cat >/etc/octroi/tenants.yaml <<'YAML'
tenants:
  - id: acme
    price_book: standard
    match: [ { storage: /srv/quota/acme }, { storage: /srv/walk }, { storage: /home/acme } ]
YAML
sed -i 's/^interval: .*/interval: 1s/' /etc/octroi/octroi.yaml
cp /etc/octroi/octroi.service /etc/systemd/system/
systemctl daemon-reload
octroi apply
systemctl start octroi

# measured FOLDER: the bytes and the method of a folder's last measurement.
measured() {
    sqlite3 "$OCTROI_DB" "SELECT r.bytes || ' ' || r.method FROM storage_reading r JOIN container c ON c.id = r.container
        WHERE c.path = 'storage:$1' ORDER BY at_ms DESC LIMIT 1"
}
until_is "the quota's figure" "$(du -s --block-size=1 /srv/quota/acme | cut -f1) quota" measured /srv/quota/acme
until_is "the walk's figure" "$(du -sx --block-size=1 /srv/walk | cut -f1) walk" measured /srv/walk
# The unit hides /home: that is not a folder of 0 bytes.
until_is "a hidden folder is not measured" 1 \
    sh -c 'octroi containers --format csv | grep "storage:/home/acme" | grep -c "storage: "'
sleep 3
systemctl kill -s KILL octroi
sleep 6
until_is "it is back after a kill" active systemctl is-active octroi
sleep 3
systemctl stop octroi
# Each folder held the same all the time: its byte-seconds are its bytes times the time between the ticks.
for folder in /srv/quota/acme /srv/walk; do
    bytes=$(measured "$folder" | cut -d' ' -f1)
    # A folder counts at the end of a tick.
    expected=$(sqlite3 "$OCTROI_DB" "SELECT $bytes * (max(boottime_us + duration_us) - min(boottime_us + duration_us)) / 1000000
        FROM tick WHERE wall_ms >= (SELECT first_seen_ms FROM container WHERE path = 'storage:$folder')")
    is "byte-seconds of $folder" "$(metered "storage:$folder" storage)" "$expected"
    is "one account of $folder" "$(sqlite3 "$OCTROI_DB" "SELECT count(*) FROM container WHERE path = 'storage:$folder'")" 1
done
is "nothing of the hidden folder" "$(metered storage:/home/acme storage)" 0
is "the ledger is sound" "$(octroi store verify >/dev/null; echo $?)" 0
# Two folders of one project have one count, which would bill space twice: both are walked through.
chattr -p 42 +P /srv/quota/shop
head -c 2000000 /dev/urandom >/srv/quota/shop/file
sync
octroi tenant add shop --storage /srv/quota/shop
octroi collect --interval 1s --for 4s
is "the first folder of a project" "$(measured /srv/quota/acme)" "$(du -s --block-size=1 /srv/quota/acme | cut -f1) walk"
is "the second folder of a project" "$(measured /srv/quota/shop)" "$(du -s --block-size=1 /srv/quota/shop | cut -f1) walk"
umount /srv/quota
