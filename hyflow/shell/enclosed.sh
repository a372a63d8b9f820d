# What the runner does besides for a command that is the client of a container engine. Read before runner.sh.

nap() {
    sleep "$1" 2>/dev/null || sleep 1
}

# How often the kernel has ended a process for want of memory, as a line of its own statistics: in the job, where that is counted.
oom_kills() {
    grep '^oom_kill ' "${HYFLOW_OOM:-/proc/vmstat}" 2>/dev/null
}

# The control group of the container whose id is $id: sets `peak` and `spent` to files that count for it, as far as there are any.
find_group() {
    peak= spent=
    set -- /sys/fs/cgroup
    [ ! -d /sys/fs/cgroup/memory ] || set -- /sys/fs/cgroup/memory/ /sys/fs/cgroup/cpuacct/
    found=$(find "$@" -maxdepth 9 -type d -name "*$id*" ! -name '*conmon*' -prune -print 2>/dev/null)
    IFS='
'
    set -f
    for each in $found; do
        for file in "$each/memory.peak" "$each/memory.max_usage_in_bytes"; do [ -n "$peak" ] || [ ! -r "$file" ] || peak=$file; done
        for file in "$each/cpuacct.usage" "$each/cpu.stat"; do [ -n "$spent" ] || [ ! -r "$file" ] || spent=$file; done
    done
    set +f
    IFS=$blanks
    [ -n "$peak" ] && [ -n "$spent" ]
}

# Writes down peak memory in bytes and CPU time in microseconds. In place, in one write of always the same length: whoever ends us may
# come at any time. False when the group is gone.
note_usage() {
    memory=- cpu=-
    [ -z "$peak" ] || { read -r memory <"$peak"; } 2>/dev/null || return 1
    case $spent in
        '') ;;
        */cpu.stat) { read -r name cpu <"$spent"; } 2>/dev/null || return 1 ;;
        *)
            { read -r cpu <"$spent"; } 2>/dev/null || return 1
            cpu=$((cpu / 1000))
            ;;
    esac
    printf '%20s %20s\n' "$memory" "$cpu" 1<>"$m/used"
}

# sample PID: a process of its own beside the command, for as long as the runner PID is there and the container has a control group.
sample() {
    id=
    until { read -r id <"$id_file"; } 2>/dev/null || [ -n "$id" ]; do
        nap 0.1
        kill -0 "$1" 2>/dev/null || return
    done
    case $id in '' | *[!0-9a-zA-Z]*) return ;; esac
    tries=0
    until find_group; do
        tries=$((tries + 1))
        [ "$tries" -lt 10 ] || [ -z "$peak$spent" ] || break # not every kernel counts both
        [ "$tries" -lt 60 ] || return                        # half a minute
        if [ "$tries" -lt 10 ]; then nap 0.1; else nap 0.5; fi
        kill -0 "$1" 2>/dev/null || return
    done
    times=0
    while note_usage && kill -0 "$1" 2>/dev/null; do
        times=$((times + 1))
        if [ "$times" -lt 10 ]; then nap 0.2; else nap 1; fi
    done
}

end_enclosure() {
    [ ! -f "$ctl/end.sh" ] || bounded 30 sh "$ctl/end.sh"
}

# What the container wrote as another user becomes ours. Where that fails, what it left must be readable nevertheless.
own() {
    [ -f "$ctl/own.sh" ] || return 0
    user=$(id -u)
    [ "$user" != 0 ] || return 0
    find "$dir/out" "$dir/tmp" ! -user "$user" -print 2>/dev/null | read -r line || return 0
    bounded 300 sh "$ctl/own.sh" 2>>"$ctl/log" || disowned=1
}

# Links that lead where the container saw something lead to where that is.
relink() {
    [ -f "$ctl/relink.sh" ] || return 0
    find . -type l -print0 >"$t/links"
    [ ! -s "$t/links" ] || xargs -0 sh "$ctl/relink.sh" <"$t/links" 2>>"$ctl/log"
}
