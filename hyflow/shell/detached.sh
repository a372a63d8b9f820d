# Commands in sessions of their own, bounded where that is asked for. Read by the runner, markers.sh and cancel.sh.

# detach ARGV...: sets `pid`.
detach() {
    if command -v setsid >/dev/null; then
        setsid "$@" &
    else
        set -m
        "$@" &
        set +m
    fi
    pid=$!
}

# Whoever is meant may be about to begin its group, or to fork: after the second line it can do neither.
end_detached() {
    for each; do
        kill -s KILL -- "-$each" 2>/dev/null
        kill -s KILL "$each" 2>/dev/null
        kill -s KILL -- "-$each" 2>/dev/null
    done
}

# bounded SECONDS ARGV...: the command's exit status; it is killed with its group when it takes longer.
bounded() (
    seconds=$1
    shift
    detach "$@"
    job=$pid
    detach sh -c 'sleep "$1"; kill -s KILL -- "-$2"; kill -s KILL "$2"' sh "$seconds" "$job" </dev/null >/dev/null 2>&1
    wait "$job"
    code=$?
    end_detached "$pid"
    exit "$code"
)

# end_enclosures DIRECTORY...: what was started for these attempts by asking somebody else is ended by asking again. All at once but for
# the machine's sake, and with a sign of life, as an engine may be slow.
end_enclosures() {
    each=$#
    while [ "$each" -gt 0 ]; do
        [ ! -f "$1/end.sh" ] || set -- "$@" "$1"
        shift
        each=$((each - 1))
    done
    [ $# -gt 0 ] || return 0
    detach sh -c 'while :; do sleep 10 >/dev/null 2>&1; printf "\\0" >&2 || exit; done' </dev/null >/dev/null
    alive=$pid
    workers= worker=0
    while [ "$worker" -lt 16 ] && [ "$worker" -lt $# ]; do
        end_some "$worker" "$@" &
        workers="$workers $!"
        worker=$((worker + 1))
    done
    wait $workers
    end_detached "$alive"
}

# end_some N DIRECTORY...: every 16th of them, from the one with the number N.
end_some() {
    turn=$((16 - $1))
    shift
    for directory; do
        [ $((turn % 16)) != 0 ] || bounded 30 sh "$directory/end.sh"
        turn=$((turn + 1))
    done
}
