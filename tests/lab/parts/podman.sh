# Podman, twice: as root, and without (as a user of the lab's own). Sourced by lab.sh, which sets LAB, CACHE, ID and REGISTRY.
# shellcheck shell=bash
#
# Nothing of the host's own Podman is touched: storage, state, networks and configuration lie under LAB (not so, as they cannot be moved: the
# notes of what registries hold, /var/lib/containers/cache, and the book of addresses, /run/containers/networks). Podman as root works in a
# network namespace without a way out, so that its bridges and firewall rules are not the host's; a forwarder in it leads to the
# lab's registry. In both, the network of tools that need one has no way out either: a web server in it answers for commonwl.org.

_podman_packages="podman runc catatonit netavark aardvark-dns iptables iproute2 fuse-overlayfs slirp4netns uidmap socat"
_podman_network=hyflow-lab-$ID # Podman as root knows all networks of a machine by their names, in whichever namespace
_podman_web=10.9.1.2 # in that network, 10.9.1.0/24

podman_can() { rights podman; }

podman_is_up() {
    [ -e "$LAB/podman/up" ] && [ -e "$LAB/podman-rootless/up" ] && alive "$LAB/podman/forward.pid" && _podman_has_images podman &&
        _podman_has_images podman-rootless && _podman_serves podman && _podman_serves podman-rootless
}

podman_up() {
    podman_down
    # shellcheck disable=SC2086 # a list of words
    packages $_podman_packages || return 1
    local device
    for device in /dev/fuse /dev/net/tun; do [ ! -c "$device" ] || chmod 666 "$device"; done # as udev does
    mkdir -p /var/lib/cni # else Podman's networks without root hide all of /var/lib from what they start. It stays: other labs may need it
    chmod 755 "$LAB" && _podman_namespace && _podman_user || return 1
    # Both at once; the second warns, when it is first used, of mounts that are not shared.
    _podman_one podman-rootless >"$LAB/podman/rootless.log" 2>&1 &
    local other=$! failed=0
    _podman_one podman || failed=1
    wait "$other" || { tail "$LAB/podman/rootless.log" >&2; failed=1; }
    return $failed
}

podman_down() {
    local user which; user=$(_podman_user_name)
    for which in podman podman-rootless; do
        [ -e "$LAB/$which/up" ] || continue
        _podman "$which" rm --all --force --time 0 >/dev/null 2>&1
        _podman "$which" network rm --force "$_podman_network" >/dev/null 2>&1 # also what is remembered of its addresses
    done
    end "$LAB/podman/forward.pid"
    if id "$user" >/dev/null 2>&1; then
        _podman_end_user "$user"
        userdel "$user"
    fi
    unmount "$LAB/podman"
    unmount "$LAB/podman-rootless"
    [ ! -e "/run/netns/hyflow-podman-$ID" ] || ip netns del "hyflow-podman-$ID"
    rm -rf "$LAB/podman" "$LAB/podman-rootless" "$(_podman_runtime)"
    local controller
    for controller in /sys/fs/cgroup/*/libpod_parent; do [ ! -d "$controller" ] || find "$controller" -depth -type d -exec rmdir {} \; 2>/dev/null || :; done
}

podman_deployment() {
    echo "# Podman, run by root, with the lab's own storage, in a network namespace without a way out."
    _podman_site podman
}

podman_rootless_deployment() {
    cat <<END
# Podman without root. hyflow itself has to run as the lab's user, with a HYFLOW_HOME, a working directory and outputs of that user's, such as
# are below its home. Where Python or the checkout are root's alone, the user may be given the right to read them (and no other right):
#   cd $(_podman_home)
#   setpriv --reuid=$(_podman_user_name) --regid=$(_podman_user_name) --clear-groups --inh-caps=+dac_read_search --ambient-caps=+dac_read_search \\
#       env HOME=$(_podman_home) hyflow run ...
END
    _podman_site podman-rootless
}

podman_env() {
    echo "HYFLOW_LAB_USER=$(_podman_user_name)"
    echo "HYFLOW_LAB_USER_HOME=$(_podman_home)"
}

_podman_site() {
    cat <<END
version: 1
sites:
  here:
    type: local
    container:
      runtime: podman
      command: [$(_podman_command "$1" | paste -sd, | sed 's/,/, /g')]
      network: $_podman_network
      options: [--add-host=commonwl.org:$_podman_web]
      pull: missing
END
}

# The words that begin every command of Podman's, one a line: as root, or as the lab's user.
_podman_command() {
    local state=$LAB/$1
    [ "$1" != podman ] || printf '%s\n' nsenter "--net=/run/netns/hyflow-podman-$ID"
    printf '%s\n' env "CONTAINERS_CONF=$state/containers.conf" "CONTAINERS_STORAGE_CONF=$state/storage.conf" \
        "CONTAINERS_REGISTRIES_CONF=$state/registries.conf"
    [ "$1" = podman ] || printf '%s\n' "HOME=$(_podman_home)" "XDG_RUNTIME_DIR=$(_podman_runtime)"
    echo podman
}

_podman() {
    local which=$1 words; shift
    mapfile -t words < <(_podman_command "$which")
    [ "$which" = podman ] || words=(runuser -u "$(_podman_user_name)" -- "${words[@]}")
    (cd / && exec "${words[@]}" "$@" 9<&-) # what it leaves running may not hold the lab's lock
}

# Brings up one of the two: configuration, images, network, and the web server in it.
_podman_one() {
    local state=$LAB/$1
    mkdir -p "$state/web" && _podman_memory "$1" || return 1
    echo "served by hyflow's lab" >"$state/web/index.html"
    chmod 755 "$state" "$state/web"
    _podman_configuration "$state" || return 1
    echo >"$state/up"
    _podman_load "$1" || return 1
    _podman "$1" network create --internal --disable-dns --subnet "${_podman_web%.*}.0/24" "$_podman_network" >/dev/null || return 1
    _podman "$1" run --detach --name hyflow-lab-web --pull never --init --network "$_podman_network" --ip "$_podman_web" --restart no \
        --mount "type=bind,source=$state/web,target=/web,readonly" \
        docker.io/library/python:3-slim python3 -m http.server --directory /web 80 >/dev/null
}

# What is stored lies in memory: on a disk, loading the images and removing them take most of the time.
_podman_memory() {
    local user=root place=$LAB/podman/store
    [ "$1" = podman ] || user=$(_podman_user_name) place=$(_podman_home)/.local/share/containers
    runuser -u "$user" -- mkdir -p "$place" && mount -t tmpfs -o "mode=700,uid=$(id -u "$user"),gid=$(id -g "$user")" hyflow-lab "$place"
}

_podman_serves() {
    [ "$(_podman "$1" container inspect --format '{{.State.Running}}' hyflow-lab-web 2>/dev/null)" = true ]
}

# runc, cgroupfs and limits of our own: crun refuses machines with both kinds of control groups, systemd may not run here, and limits
# above those that root has in a container or virtual machine cannot be set.
_podman_configuration() {
    local state=$1
    cat >"$state/containers.conf" <<END
[containers]
default_ulimits = ["nofile=1024:4096", "nproc=1024:4096"]
pids_limit = 0
init_path = "/usr/bin/catatonit"

[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
$([ "${state##*/}" != podman ] || _podman_places "$state")
END
    cat >"$state/storage.conf" <<END
[storage]
driver = "overlay"
$([ "${state##*/}" != podman ] || printf '%s\n' "graphroot = \"$state/store\"" "runroot = \"$state/run/containers\"")
END
    cat >"$state/registries.conf" <<END
unqualified-search-registries = ["docker.io"]
short-name-mode = "disabled"

[[registry]] # the lab's registry stands for docker.io
prefix = "docker.io"
location = "$REGISTRY"
insecure = true

[[registry]]
location = "$REGISTRY"
insecure = true
END
}

# Where Podman keeps its things as root. Without root it is below HOME and XDG_RUNTIME_DIR, as it is.
_podman_places() {
    cat <<END
static_dir = "$1/store/libpod"
volume_path = "$1/store/volumes"
tmp_dir = "$1/run/libpod"

[network]
network_config_dir = "$1/store/networks"
END
}

# Loads the lab's images; the one that the registry alone has is left to be pulled.
_podman_load() {
    local archive
    while IFS=$'\t' read -r _ archive; do
        _podman "$1" load --quiet --input "$archive" </dev/null >/dev/null || return 1
    done <"$CACHE/images/index"
    _podman_images >"$LAB/$1/images"
}

_podman_has_images() { [ "$(cat "$LAB/$1/images" 2>/dev/null)" = "$(_podman_images)" ]; }

# The archives to be loaded: their names hold checksums.
_podman_images() { cut -f 2 "$CACHE/images/index" | xargs readlink -f; }

_podman_namespace() {
    local name=hyflow-podman-$ID
    mkdir -p "$LAB/podman"
    ip netns add "$name" && ip -n "$name" link set lo up || return 1
    # Each connection to the registry's address in there is answered by one from this shell's network, which 7 stands for.
    daemon "$LAB/podman/forward" nsenter "--net=/run/netns/$name" \
        socat "TCP-LISTEN:${REGISTRY#*:},bind=${REGISTRY%:*},reuseaddr,fork" \
        "EXEC:nsenter --net=/proc/self/fd/7 socat - TCP\\:${REGISTRY%:*}\\:${REGISTRY#*:}" 7</proc/self/ns/net
}

# Short: below a path of 48 characters every run lasts 20 s longer (the names of sockets have a limit).
_podman_runtime() { echo "/run/hyflow-lab-$ID"; }

_podman_user_name() { echo "hyflow-lab-$ID"; }

_podman_home() { echo "$LAB/podman-rootless/home"; }

_podman_user() {
    local user home; user=$(_podman_user_name) home=$(_podman_home)
    mkdir -p "${home%/*}"
    useradd --home-dir "$home" --create-home --shell /bin/bash "$user" || return 1
    usermod --password '*' "$user" && chmod 755 "$home" && install -d -m 700 -o "$user" -g "$user" "$(_podman_runtime)" || return 1
    grep -q "^$user:" /etc/subuid && grep -q "^$user:" /etc/subgid || usermod --add-subuids 500000-565535 --add-subgids 500000-565535 "$user"
}

# Ends what that user runs: the user is the lab's own, so that all of it is ours.
_podman_end_user() {
    local pids try
    for try in 1 2 3 4 5; do
        pids=$(ps -u "$1" -o pid=,stat= | awk '$2 !~ /^Z/ { print $1 }')
        [ -n "$pids" ] || return 0
        # shellcheck disable=SC2086 # a list of numbers
        kill $([ "$try" -lt 3 ] || echo -9) $pids 2>/dev/null
        sleep 0.3
    done
}
