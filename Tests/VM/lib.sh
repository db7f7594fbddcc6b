#!/bin/bash
# Sourced by every scenario in the guest.
set -euo pipefail
export OCTROI_DB=/var/lib/octroi/octroi.db OCTROI_CONFIG=/etc/octroi
root=/sys/fs/cgroup
checks=0
# What a scenario left running would keep its guest's session open after it failed.
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

# between WHAT LOW GOT HIGH: ends the scenario unless GOT lies between the two, both included.
between() {
    checks=$((checks + 1))
    if [ "$2" -le "$3" ] && [ "$3" -le "$4" ]; then
        echo "ok $checks - $1 ($2 <= $3 <= $4)"
    else
        echo "not ok $checks - $1: got \"$3\", wanted $2 to $4"
        exit 1
    fi
}

# until_is WHAT WANTED COMMAND...: waits up to 60 s for the command to print it.
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

# until_above WHAT LIMIT COMMAND...: waits up to 60 s for the command to print a number above LIMIT.
# The store holds a change of a limit a moment after the kernel does, so a record is waited for as well.
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

# of CGROUP FILE: a kernel file of a cgroup, on one line.
of() { tr '\n' ' ' <"$root$1/$2" | sed 's/ $//'; }

# refused WHAT CODE TEXT COMMAND...: the command has to fail with the code, saying the text.
refused() {
    local what=$1 code=$2 text=$3 got=0
    shift 3
    "$@" >/tmp/out 2>/tmp/err || got=$?
    [ "$got" = "$code" ] || cat /tmp/err
    is "$what: exit" "$got" "$code"
    is "$what: why" "$(grep -c -- "$text" /tmp/err)" 1
}

# counter CGROUP FILE KEY: one value of a flat keyed kernel file.
counter() { awk -v key="$3" '$1 == key { print $2 }' "$root$1/$2"; }

# io CGROUP KEY: a counter of io.stat, summed over the devices that stand on no other.
io() {
    awk -v key="$2" '{ split($0, field, " ")
        for (i in field) if (index(field[i], key "=") == 1) sum += substr(field[i], length(key) + 2) }
        END { printf "%.0f", sum }' "$root$1/io.stat"
}

# metered CONTAINER METER: what octroi has for it, in base units.
metered() {
    octroi usage --by container --format csv |
        container=$1 awk -F, -v meter="$2" '$4 == ENVIRON["container"] && $5 == meter { sum += $6 } END { printf "%.0f", sum }'
}
