#!/bin/bash
# The lab: real services for the tests, on this machine alone.
#
#   lab.sh up [PART ...]      bring up these parts, or all; what is up stays as it is. Parts that this machine cannot have are named, and passed over
#   lab.sh down [PART ...]    take down these parts, or all: no process, mount, network or state is left. Safe to repeat
#   lab.sh status             each part and whether it is up
#   lab.sh site NAME reboot | kill-sshd | start-sshd | exec COMMAND...     do that at a site of the part ssh ("cluster" or "cloud")
#   lab.sh wan DELAY RATE LOSS     make the sites' links like that: microseconds one way, bits a second (0: no limit), losses of a million
#
# A part is parts/PART.sh. It defines PART_can (prints one line why this machine cannot have it, or nothing), PART_up, PART_is_up (quick),
# PART_down (also of what a crash left), and, where it makes a target for hyflow, PART_deployment, which prints the target's deployment
# file (PART_OTHER_deployment: one more target), and PART_env, which prints KEY=VALUE lines for the tests.
#
# Tests find in .lab/ of the checkout: a deployment file a target, lab.env, and "without", why this machine cannot have some parts. What
# runs keeps its state in HYFLOW_LAB (/var/lib/hyflow-lab/ID: every checkout has a lab of its own); what is built once is kept in
# HYFLOW_LAB_CACHE (/var/cache/hyflow-lab).
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
set -u
[ "$(uname -s)" = Linux ] || { echo "lab: its services run on Linux alone"; exit 0; }
HERE=$(cd "$(dirname "$0")" && pwd -P)
ROOT=${HERE%/tests/lab}
ID=$(printf %s "$ROOT" | sha256sum | cut -c1-8)
LAB=${HYFLOW_LAB:-/var/lib/hyflow-lab/$ID}
CACHE=${HYFLOW_LAB_CACHE:-/var/cache/hyflow-lab}
REGISTRY=127.0.0.1:$((20000 + 16#$ID % 10000)) # below the ports that the kernel gives to clients
PARTS="registry docker podman apptainer ssh slurm"
for file in "$HERE/services.sh" "$HERE/images.sh" "$HERE/sites.sh" "$HERE"/parts/*.sh; do
    case ${file##*/} in *-*) ;; *) . "$file" ;; esac # those with a hyphen are programs of a part
done

main() {
    local verb=${1:-}
    [ $# = 0 ] || shift
    case $verb in site | wan) "$verb" "$@"; exit ;; esac
    known "$@" || exit 2
    mkdir -p "$ROOT/.lab"
    exec 9<"$ROOT/.lab" && flock 9 # one at a time; services are started without it
    case $verb in
    up) up "$@" ;;
    down) down "$@" ;;
    status) status ;;
    *) sed -n 's/^#   //p' "$0" >&2; exit 2 ;;
    esac
}

known() {
    local part
    for part; do
        case " $PARTS " in *" $part "*) ;; *) echo "lab: no part is called '$part'; there are: $PARTS" >&2; return 1 ;; esac
    done
}

up() {
    local part wanted failed=0
    [ $# -gt 0 ] || set -- $PARTS
    wanted=" $* $(for part; do needs "$part"; done | paste -sd ' ') "
    for part in $PARTS; do
        case $wanted in *" $part "*) bring_up "$part" || failed=1 ;; esac
    done
    describe
    return $failed
}

# Engines are fed with images by the registry; Slurm runs at the machines behind SSH.
needs() {
    case $1 in
    docker | podman | apptainer) echo registry ;;
    slurm) echo ssh ;;
    esac
}

bring_up() {
    local part=$1 why need
    "${part}_is_up" && return 0
    why=$("${part}_can")
    if [ -n "$why" ]; then
        echo "lab: $why"
        return 0
    fi
    for need in $(needs "$part"); do "${need}_is_up" || { echo "lab: $part needs $need, which is not up" >&2; return 1; }; done
    mkdir -p "$LAB" && chmod 755 "$LAB"
    "${part}_up" && return 0
    echo "lab: $part did not come up; its logs are below $LAB/$part" >&2
    return 1
}

down() {
    local part
    [ $# -gt 0 ] || set -- $PARTS
    for part in $(printf '%s\n' "$@" | tac); do "${part}_down"; done
    describe
    rmdir "$LAB" "${LAB%/*}" 2>/dev/null || :
}

status() {
    local part
    for part in $PARTS; do
        if "${part}_is_up"; then echo "$part up"; else echo "$part down"; fi
    done
}

# Leaves in .lab/ what tests need to know of the parts that are up.
describe() {
    local part target old new=$ROOT/.lab/new
    rm -rf "$new" && mkdir "$new"
    for part in $PARTS; do
        if ! "${part}_is_up"; then
            "${part}_can" >>"$new/without"
            continue
        fi
        for target in $(compgen -A function "$part" | sed -n "s/^\($part\|${part}_[a-z_]*\)_deployment$/\1/p"); do
            "${target}_deployment" >"$new/$(echo "$target" | tr _ -).yml"
        done
        if declare -F "${part}_env" >/dev/null; then "${part}_env" >>"$new/lab.env"; fi
    done
    find "$new" -empty -type f -delete
    for old in "$ROOT"/.lab/*; do # what is still true is replaced at once: tests may be reading it
        [ ! -f "$old" ] || [ -e "$new/${old##*/}" ] || rm "$old"
    done
    find "$new" -type f -exec mv -t "$ROOT/.lab" {} +
    rmdir "$new"
}

main "$@"
