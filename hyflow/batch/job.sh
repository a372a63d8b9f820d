# One job of a batch: runs the attempts of its element, some at a time. Given are $batch (the batch's directory), $base (that of all bundles),
# $index (of the element), $node (its name), $job (what the queue calls it), $mpi (1: the command needs what the queue says of the job);
# $looks, where nobody can signal this shell alone: seconds after which it looks by itself whether some of its attempts are to end.
#
# Marks in $batch/marks, which are empty files: r:EPOCH:KEY:NODE (it has begun), e:KEY (it has ended), d:KEY (its runner died), p:INDEX (the
# prologue failed; the log says how), x:INDEX (this job is over), b:INDEX (it was told to end by somebody else).
mask=$(umask)
HYFLOW_NODE=$node HYFLOW_JOB="${batch##*/} $index $job"
marks=$batch/marks log=$batch/log.$index
keys= lanes=1 stopping= workers= watcher=
trap '' HUP
trap stop TERM
trap nudged USR1

mark() {
    (umask 077 && : >"$marks/$1") 2>/dev/null
}

# The element's line: how many at a time, and the keys.
element() {
    number=0
    while read -r lanes keys; do
        [ "$number" != "$index" ] || return 0
        number=$((number + 1))
    done <"$batch/elements"
    return 1
}

# signal SIGNAL KEY: to the runner of an attempt that began in this job.
signal() {
    pid=
    { read -r pid rest <"$batch/pid.$2"; } 2>/dev/null
    [ -z "$pid" ] || kill -s "$1" "$pid" 2>/dev/null
}

# Somebody ends this job: so do the commands, and their runners tell how they ended.
stop() {
    stopping=1
    mark "b:$index"
    for each in $workers; do kill -s TERM "$each" 2>/dev/null; done
    for key in $keys; do signal TERM "$key"; done
}

# Some of these attempts, and not all, are to end.
nudged() {
    for key in $keys; do [ ! -e "$base/$key/cancel" ] || signal TERM "$key"; done
}

# The same without being told.
watch_out() {
    while sleep "$looks"; do nudged; done
}

# One worker of several: takes the next attempt that nobody has claimed, until there is none.
work() {
    stopping=
    trap 'stopping=1' TERM
    trap '' USR1
    for key in $keys; do
        [ -z "$stopping" ] || return
        if [ -d "$base/$key/claim" ] || [ ! -f "$base/$key/run.sh" ]; then continue; fi
        mkdir "$batch/taken.$node.$$.$key" 2>/dev/null || continue # not both: who comes second would take the first one for dead
        mark "r:$(date +%s):$key:$node"
        (trap - TERM USR1; exec sh "$base/$key/run.sh" </dev/null >/dev/null 2>>"$base/$key/log") &
        runner=$!
        echo "$runner" >"$batch/pid.$key"
        while kill -0 "$runner" 2>/dev/null; do wait "$runner"; done # a signal ends waiting
        rm -f "$batch/pid.$key"
        if [ -e "$base/$key/exit" ]; then
            mark "e:$key"
        elif [ -z "$stopping" ] && mine "$key"; then
            mark "d:$key"
        fi
    done
}

# Whether the attempt was claimed by this very job, and not by one that the queue has of the same batch besides.
mine() {
    claimed=
    { read -r claimed <"$base/$1/claim/job"; } 2>/dev/null
    [ "$claimed" = "$HYFLOW_JOB" ]
}

# Sets HYFLOW_OOM: the file in which the kernel counts what it ended in this job for want of memory, where it does.
count_kills() {
    while IFS=: read -r number kinds path; do
        case ,$kinds, in
        *,memory,*) file=/sys/fs/cgroup/memory$path/memory.oom_control ;;
        ,,) file=/sys/fs/cgroup$path/memory.events ;;
        *) continue ;;
        esac
        if grep -q '^oom_kill ' "$file"; then HYFLOW_OOM=$file; fi
    done </proc/self/cgroup
    export HYFLOW_OOM
} 2>/dev/null

prologue_failed() {
    mark "p:$index"
    exit 1
}

# What the job's environment has of its own, commands do not get: $before names it. What the prologue sets or changes they do.
before() {
    before=
    for name in $(env | while read -r line; do echo "${line%%=*}"; done); do
        case $name in
        PATH | _ | '' | [0-9]* | *[!A-Za-z0-9_]*) continue ;;
        SLURM* | PBS* | PMI* | SGE*) [ -z "$mpi" ] || continue ;;
        esac
        before="$before $name"
        eval "before_$name=\${$name-}"
    done
}

umask 077
cd "$batch" && exec >>"$log" 2>&1 || exit 1
element || exit 1
if [ -f prologue.sh ] || [ -n "$mpi" ]; then
    before
    if [ -f prologue.sh ]; then
        umask "$mask"
        trap prologue_failed EXIT
        . ./prologue.sh || exit 1
        trap - EXIT
        mask=$(umask)
        umask 077
        cd "$batch" || exit 1
    fi
    HYFLOW_DROP="-u HYFLOW_NODE -u HYFLOW_JOB -u HYFLOW_DROP -u HYFLOW_OOM"
    for name in $before; do
        eval "[ \"\${$name-}\" != \"\$before_$name\" ]" || HYFLOW_DROP="$HYFLOW_DROP -u $name"
    done
    export HYFLOW_DROP
fi
export HYFLOW_NODE HYFLOW_JOB
count_kills
umask "$mask"
lane=0
while [ "$lane" -lt "$lanes" ]; do
    work &
    workers="$workers $!"
    lane=$((lane + 1))
done
case $keys in
*' '*) if [ -n "$looks" ]; then (trap - TERM USR1; watch_out) & watcher=$!; fi ;;
esac
for each in $workers; do
    while kill -0 "$each" 2>/dev/null; do wait "$each"; done
done
[ -z "$watcher" ] || kill "$watcher" 2>/dev/null
rmdir "$batch/taken.$node.$$."* 2>/dev/null
mark "x:$index"
[ -s "$log" ] || rm -f "$log"
exit 0
