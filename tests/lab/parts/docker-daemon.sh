#!/bin/bash
# Becomes Docker's daemon: docker-daemon.sh STATE GROUP. In a network namespace of its own, which lasts as long as the daemon does
# (`ip netns exec` would hide the control groups); in control groups of that name.
set -eu
state=$1 group=$2
. "${0%/*}/../services.sh"
enter_group "$group"
echo '{}' >"$state/daemon.json" # the host's own settings are not ours
# Names that nobody in there has are given up sooner than after ten seconds.
exec unshare --net bash -c 'ip link set lo up && exec "$@"' - dockerd --config-file "$state/daemon.json" --host "unix://$state/docker.sock" \
    --pidfile "$state/dockerd.pid" --data-root "$state/data" --exec-root "$state/exec" --storage-driver overlay2 \
    --cgroup-parent "/$group" --exec-opt native.cgroupdriver=cgroupfs --ip6tables=false --insecure-registry 127.0.0.0/8 \
    --dns-opt timeout:1 --dns-opt attempts:1 --log-level warn
