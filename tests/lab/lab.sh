#!/bin/bash
# The lab: real services for the tests, on this machine alone.
#
#   lab.sh up [PART ...]      bring up these parts, or all; what is up stays as it is. Parts that this machine cannot have are named, and passed over
#   lab.sh down [PART ...]    take down these parts, or all: no process, mount, network or state is left. Safe to repeat
#   lab.sh status             each part and whether it is up
#
# A part is parts/PART.sh. It defines PART_can (prints one line why this machine cannot have it, or nothing), PART_up, PART_is_up (quick),
# PART_down (also of what a crash left), and, where it makes a target for hyflow, PART_deployment, which prints the target's deployment
# file (PART_OTHER_deployment: one more target), and PART_env, which prints KEY=VALUE lines for the tests.
#
# They find what they made in .lab/ of the checkout: a deployment file a target, and lab.env. What runs keeps its state in HYFLOW_LAB
# (/var/lib/hyflow-lab/ID: every checkout has a lab of its own); what is built once is kept in HYFLOW_LAB_CACHE (/var/cache/hyflow-lab).
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
set -u
HERE=$(cd "$(dirname "$0")" && pwd -P)
ROOT=${HERE%/tests/lab}
ID=$(printf %s "$ROOT" | sha256sum | cut -c1-8)
LAB=${HYFLOW_LAB:-/var/lib/hyflow-lab/$ID}
CACHE=${HYFLOW_LAB_CACHE:-/var/cache/hyflow-lab}
REGISTRY=127.0.0.1:$((20000 + 16#$ID % 10000)) # below the ports that the kernel gives to clients
PARTS="registry docker podman apptainer"
for file in "$HERE/services.sh" "$HERE/images.sh" "$HERE"/parts/*.sh; do
    case ${file##*/} in *-*) ;; *) . "$file" ;; esac # those with a hyphen are programs of a part
done

main() {
    local verb=${1:-}
    shift
    known "$@" || exit 2
    mkdir -p "$ROOT/.lab"
    exec 9<"$ROOT/.lab" && flock 9 # one at a time; services are started without it
    case $verb in
    up) up "$@" ;;
    down) down "$@" ;;
    status) status ;;
    *) sed -n '2,/^$/{/^#$/q; s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
    esac
}

known() {
    local part
    for part; do
        case " $PARTS " in *" $part "*) ;; *) echo "lab: no part is called '$part'; there are: $PARTS" >&2; return 1 ;; esac
    done
}

# Every part stands on the registry, which holds all images.
up() {
    local part why failed=0
    [ $# -gt 0 ] || set -- $PARTS
    for part in registry ${*/#registry/}; do
        [ -d "$HERE/parts" ] && [ -f "$HERE/parts/$part.sh" ] || continue
        if ! "${part}_is_up"; then
            why=$("${part}_can")
            if [ -n "$why" ]; then
                echo "lab: $why"
                continue
            fi
            mkdir -p "$LAB" && chmod 755 "$LAB"
            "${part}_up" || { echo "lab: $part did not come up; its logs are below $LAB/$part" >&2; failed=1; break; }
        fi
    done
    describe
    return $failed
}

down() {
    local part all=$#
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
    local part target new=$ROOT/.lab/new
    rm -rf "$new" && mkdir "$new"
    for part in $PARTS; do
        "${part}_is_up" || continue
        for target in $(compgen -A function "$part" | sed -n "s/^\($part\|${part}_[a-z_]*\)_deployment$/\1/p"); do
            "${target}_deployment" >"$new/$(echo "$target" | tr _ -).yml"
        done
        if declare -F "${part}_env" >/dev/null; then "${part}_env" >>"$new/lab.env"; fi
    done
    find "$ROOT/.lab" -maxdepth 1 -type f -exec rm {} +
    find "$new" -type f -exec mv -t "$ROOT/.lab" {} +
    rmdir "$new"
}

main "$@"
