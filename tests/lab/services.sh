# What the parts of the lab start, end and build with. Sourced by lab.sh.
# shellcheck shell=bash

# daemon PREFIX COMMAND...: start it in the background, away from this shell's streams, terminal and lock. What it says: PREFIX.log.
# PREFIX.pid: its id, and when it was started (in ticks of the kernel): the same number may be another's later.
daemon() {
    local prefix=$1; shift
    setsid "$@" </dev/null >"$prefix.log" 2>&1 9<&- &
    echo "$! $(_stat $! 22)" >"$prefix.pid"
}

# _stat PID FIELD: of /proc/PID/stat, whose second field, the program's name, may hold anything.
_stat() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f $(($2 - 2)); }

# alive PIDFILE: whether that process runs; one that has ended, and that nobody has asked after yet, does not.
alive() {
    local pid start
    read -r pid start 2>/dev/null <"$1" || return 1
    [ "$(_stat "$pid" 22)" = "$start" ] && [ "$(_stat "$pid" 3)" != Z ]
}

# end PIDFILE [SECONDS]: ask it to end; after so many seconds (5) make it. Returns when it has ended.
end() {
    local pid
    if alive "$1"; then
        read -r pid _ <"$1"
        kill "$pid" 2>/dev/null
        wait_for "${2:-5}" dead "$1" || { kill -9 "$pid" 2>/dev/null; wait_for 5 dead "$1"; }
    fi
    rm -f "$1"
}

dead() { ! alive "$1"; }

# wait_for SECONDS COMMAND...: until the command succeeds; 1 when it did not in time.
wait_for() {
    local until=$(($(date +%s%3N) + $1 * 1000)); shift
    until "$@" >/dev/null 2>&1; do
        [ "$(date +%s%3N)" -lt "$until" ] || return 1
        sleep 0.05
    done
}

# enter_group NAME: this shell and what it starts, into control groups of that name, so that whatever a crash leaves can be found.
enter_group() {
    local controller
    for controller in /sys/fs/cgroup/pids /sys/fs/cgroup; do # version 1, version 2
        if [ -e "$controller/cgroup.procs" ]; then
            mkdir -p "$controller/$1/daemon" && echo $$ >"$controller/$1/daemon/cgroup.procs"
            return
        fi
    done
}

# end_group NAME: end, at once, what runs in the control groups of that name and below, and remove them.
end_group() {
    local group try
    for try in 1 2 3 4 5 6 7 8 9 10; do
        group=$(find /sys/fs/cgroup -type d -path "*/$1*" 2>/dev/null | sort -r)
        [ -n "$group" ] || return 0
        # shellcheck disable=SC2086 # lists of names, and of numbers
        cat ${group//$'\n'//cgroup.procs }/cgroup.procs 2>/dev/null | sort -u | xargs -r kill -9 2>/dev/null
        rmdir $group 2>/dev/null && return 0
        sleep 0.05
    done
}

# unmount BELOW: every mount below that directory, the innermost first.
unmount() { awk -v below="$1/" 'index($2, below) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r umount; }

# rights PART: prints why this user and machine cannot have a part of which Debian's packages and namespaces are needed, or nothing.
rights() {
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "$1: the lab needs root on Debian or its kin"
    elif ! unshare --mount --net true 2>/dev/null; then
        echo "$1: the lab needs the right to make namespaces (in a container: a privileged one)"
    fi
}

# packages NAME...: install those that are not (root on Debian and its kin). Their services are not started.
packages() {
    local missing name
    missing=$(for name; do
        case $(dpkg-query -W -f '${db:Status-Abbrev}' "$name" 2>/dev/null) in ii*) ;; *) echo "$name" ;; esac
    done)
    [ -n "$missing" ] || return 0
    echo "lab: installing" $missing
    export DEBIAN_FRONTEND=noninteractive
    (
        policy=/usr/sbin/policy-rc.d # a machine's own stays as it is
        [ -e $policy ] || { trap 'rm -f $policy' EXIT; printf '#!/bin/sh\nexit 101\n' >$policy; chmod 755 $policy; }
        # shellcheck disable=SC2086 # a list of words
        apt-get -qq -o DPkg::Lock::Timeout=300 update &&
            apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $missing >/dev/null 9<&-
    )
}

# build_once NAME COMMAND...: CACHE/NAME, made by the command, whose last argument is the path to make. It is there when it is whole; what
# another lab is building is waited for. The name holds a checksum of the recipe: a changed recipe is built anew.
build_once() {
    local name=$1 new; shift
    [ ! -e "$CACHE/$name" ] || return 0
    mkdir -p "$CACHE"
    (
        flock 8
        [ ! -e "$CACHE/$name" ] || exit 0
        echo "lab: building $name, once"
        new=$(mktemp -d "$CACHE/building.XXXXXX") && trap 'rm -rf "$new"' EXIT
        "$@" "$new/${name##*/}" 9<&- >"$CACHE/${name##*/}.log" 2>&1 </dev/null ||
            { tail -n 20 "$CACHE/${name##*/}.log" >&2; echo "lab: cannot build $name; all of it: $CACHE/${name##*/}.log" >&2; exit 1; }
        mkdir -p "$(dirname "$CACHE/$name")" && mv "$new/${name##*/}" "$CACHE/$name" && rm "$CACHE/${name##*/}.log"
    ) 8>"$CACHE/lock"
}
