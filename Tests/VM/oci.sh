#!/bin/bash
# Makes or removes an OCI container with crun or runc, without Docker's daemon, in tenant-acme.slice.
# Runs in the guest, as root:   oci.sh up RUNTIME NAME [BUSYBOX-ARGS...]   oci.sh down RUNTIME NAME
# RUNTIME is crun or runc. The environment sets limits: MEMORY (bytes), SWAP, QUOTA, PERIOD, PIDS; and SLICE.
set -euo pipefail
verb=$1 runtime=$2 name=$3; shift 3
dir=/var/lib/oci-$runtime-$name          # not /run: it is noexec, and runc refuses it
case $verb in
up)
    [ $# -gt 0 ] || set -- sleep 100000
    mkdir -p "$dir/rootfs/bin"
    cp /bin/busybox "$dir/rootfs/bin/"      # or: docker export ID | tar -C "$dir/rootfs" -x
    ln -sf busybox "$dir/rootfs/bin/sh"
    (cd "$dir" && runc spec)                # crun spec works too
    python3 - "$dir/config.json" "$runtime" "$name" "$@" <<'PY'
import json, os, sys
path, runtime, name, args = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
spec = json.load(open(path))
spec["process"]["terminal"] = False
spec["process"]["args"] = ["/bin/busybox"] + args
spec["root"]["readonly"] = False
linux = spec["linux"]
linux["cgroupsPath"] = "%s:%s:%s" % (os.environ.get("SLICE", "tenant-acme.slice"), runtime, name)
resources = linux.setdefault("resources", {})
env = lambda key: int(os.environ[key]) if key in os.environ else None
memory = {k: v for k, v in (("limit", env("MEMORY")), ("swap", env("SWAP"))) if v is not None}
cpu = {k: v for k, v in (("quota", env("QUOTA")), ("period", env("PERIOD"))) if v is not None}
if memory: resources["memory"] = memory
if cpu: resources["cpu"] = cpu
if env("PIDS") is not None: resources["pids"] = {"limit": env("PIDS")}
json.dump(spec, open(path, "w"))
PY
    # The detached container would keep our stdio, so it gets none of it.
    "$runtime" --systemd-cgroup run -d -b "$dir" "$name" </dev/null >"$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }
    ;;
down)
    "$runtime" delete -f "$name" || true
    rm -rf "$dir"
    ;;
esac
