#!/bin/bash
# Sourced by every scenario in the guest.
set -euo pipefail
export OCTROI_DB=/var/lib/octroi/octroi.db OCTROI_CONFIG=/etc/octroi
root=/sys/fs/cgroup
checks=0
# Processes that a failed scenario left running would keep the guest's session open.
trap 'jobs -p | xargs -r kill 2>/dev/null || true' EXIT

# is WHAT GOT WANTED: ends the scenario unless the two are equal.
is() {
    checks=$((checks + 1))
    if [ "$2" = "$3" ]; then
        echo "ok $checks - $1 ($2)"
    else
        echo "not ok $checks - $1: got \"$2\", wanted \"$3\""
        exit 1
    fi
}

# above WHAT GOT LIMIT: ends the scenario unless GOT is a number above LIMIT.
above() {
    checks=$((checks + 1))
    if [ "${2:-0}" -gt "$3" ]; then
        echo "ok $checks - $1 ($2 > $3)"
    else
        echo "not ok $checks - $1: got \"$2\", wanted more than $3"
        exit 1
    fi
}

# between WHAT LOW GOT HIGH: ends the scenario unless LOW <= GOT <= HIGH.
between() {
    checks=$((checks + 1))
    if [ "$2" -le "$3" ] && [ "$3" -le "$4" ]; then
        echo "ok $checks - $1 ($2 <= $3 <= $4)"
    else
        echo "not ok $checks - $1: got \"$3\", wanted $2 to $4"
        exit 1
    fi
}

# until_is WHAT WANTED COMMAND...: waits up to 60 s until the command prints WANTED.
until_is() {
    local what=$1 wanted=$2 got=
    shift 2
    for _ in $(seq 120); do
        got=$("$@" 2>/dev/null || true)
        [ "$got" = "$wanted" ] && break
        sleep 0.5
    done
    is "$what" "$got" "$wanted"
}

# until_above WHAT LIMIT COMMAND...: waits up to 60 s until the command prints a number above LIMIT.
# A change of a limit is in the store a moment after it is in the kernel, so tests also wait for records.
until_above() {
    local what=$1 limit=$2 got=0
    shift 2
    for _ in $(seq 120); do
        got=$("$@" 2>/dev/null || true)
        [ "${got:-0}" -gt "$limit" ] && break
        sleep 0.5
    done
    above "$what" "$got" "$limit"
}

# of CGROUP FILE: the text of a cgroup's kernel file, on one line.
of() { tr '\n' ' ' <"$root$1/$2" | sed 's/ $//'; }

# refused WHAT CODE TEXT COMMAND...: the command must fail with exit code CODE and print TEXT.
refused() {
    local what=$1 code=$2 text=$3 got=0
    shift 3
    "$@" >/tmp/out 2>/tmp/err || got=$?
    [ "$got" = "$code" ] || cat /tmp/err
    is "$what: exit" "$got" "$code"
    is "$what: why" "$(grep -c -- "$text" /tmp/err)" 1
}

# counter CGROUP FILE KEY: the value of one key of a flat keyed kernel file.
counter() { awk -v key="$3" '$1 == key { print $2 }' "$root$1/$2"; }

# io CGROUP KEY: a counter of io.stat, summed over all devices.
io() {
    awk -v key="$2" '{ split($0, field, " ")
        for (i in field) if (index(field[i], key "=") == 1) sum += substr(field[i], length(key) + 2) }
        END { printf "%.0f", sum }' "$root$1/io.stat"
}

# metered CONTAINER METER: the container's usage by octroi, in base units.
metered() {
    octroi usage --by container --format csv |
        container=$1 awk -F, -v meter="$2" '$4 == ENVIRON["container"] && $5 == meter { sum += $6 } END { printf "%.0f", sum }'
}
