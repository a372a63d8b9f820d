# Starts a run's attempts in their order as soon as there is room for them, and ends when none waits and none runs. It needs nobody: not
# hyflow, nor a connection. Arguments: the directory of all bundles, the starter's own. That holds `new` and `old`, batches that
# it has not and has read (their names are in the order of time; lines of `KEY CORES MEMORY`, and first `- CORES MEMORY JOBS`: what may be
# in use at once, in thousandths of a core, MiB, and number); `wake`, a pipe by which it hears; `lock`, there while it lives.
# Whatever it does twice does no harm: the claim lets a command start once.
cd "$1" || exit 1
own=$2
mask=$(umask)
umask 077
trap '' HUP

# One at a time, as far as can be told: a lock whose owner is gone is taken over. It is a link whose text says who that is, so that it is
# never there without.
acquire() {
    born $$
    for try in 1 2 3 4 5 6 7 8 9 10; do
        ln -s "$$ $began $boot $host" "$own/lock" 2>/dev/null && return
        ! lives "$own/lock" || return 1
        mv "$own/lock" "$own/lock.$$" 2>/dev/null || continue
        if lives "$own/lock.$$"; then # somebody else has taken it over meanwhile
            ln -s "$(readlink "$own/lock.$$")" "$own/lock" 2>/dev/null
            try=0
        fi
        rm -f "$own/lock.$$"
        [ "$try" != 0 ] || return 1
    done
    return 1
}

# listen: the pipe is open for writing here too, so that there is always somebody at its other end.
listen() {
    if [ ! -p "$own/wake" ]; then
        rm -f "$own/wake" # who called at the last one, and came just too late, has made a plain file
        mkfifo "$own/wake" || exit 1
    fi
    exec 3<>"$own/wake"
}

# begin KEY CORES MEMORY: with somebody beside it who tells when it has ended, however it does.
begin() {
    count=$((count + 1))
    : >>"$1/log"
    (
        umask "$mask" # commands are to have that of the login
        if command -v setsid >/dev/null; then
            setsid sh "$PWD/$1/run.sh" </dev/null >/dev/null 2>>"$1/log" 3>&-
        else
            set -m
            sh "$PWD/$1/run.sh" </dev/null >/dev/null 2>>"$1/log" 3>&- &
            wait $!
        fi
        printf 'end %s %s %s %s\n' "$count" "$2" "$3" "$1" >&3
    ) </dev/null >/dev/null 2>&1 &
    eval "beside_$count=$!"
    taken "$2" "$3"
}

taken() {
    cores=$((cores + $1)) memory=$((memory + $2)) jobs=$((jobs + 1))
}

# ended COUNT CORES MEMORY [KEY]: no such process is waited for any more, but another one of the same attempt, where that was begun by an
# earlier starter that was killed before it could be seen.
ended() {
    cores=$((cores - $2)) memory=$((memory - $3)) jobs=$((jobs - 1))
    eval "wait \$beside_$1; unset beside_$1"
    if [ -n "$4" ] && [ -d "$4/claim" ] && [ ! -e "$4/exit" ]; then await "$4" "$2" "$3"; fi
}

fits() {
    [ "$jobs" = 0 ] && return
    [ "$((cores + $1))" -le "$all_cores" ] && [ "$((memory + $2))" -le "$all_memory" ] && { [ -z "$most" ] || [ "$jobs" -lt "$most" ]; }
}

# await KEY CORES MEMORY: one that an earlier starter began, and that runs, or was claimed just now: its runner records itself a moment later.
await() {
    [ ! -s "$1/claim/runner" ] || runs "$1" || return
    count=$((count + 1))
    (
        for try in 1 2 3 4 5 6 7 8 9 10; do [ -s "$1/claim/runner" ] || [ -e "$1/exit" ] || sleep 1; done
        while runs "$1"; do sleep 1; done
        printf 'end %s %s %s\n' "$count" "$2" "$3" >&3
    ) </dev/null >/dev/null 2>&1 &
    eval "beside_$count=$!"
    taken "$2" "$3"
}

# Whether the attempt's runner lives.
runs() {
    pid= since= its_boot=
    { read -r pid since its_boot at its_host <"$1/claim/runner"; } 2>/dev/null
    [ "$its_boot" = "$boot" ] && [ "$its_host" = "$host" ] && same "$pid" "$since"
}

# Reads batches: sets `more` to what they hold that has not begun, as words.
unpack() {
    more=
    for batch; do
        [ -f "$batch" ] || continue
        while read -r key a b c; do
            if [ "$key" = - ]; then
                all_cores=$a all_memory=$b most=$c
            elif [ -d "$key/claim" ]; then
                [ -e "$key/exit" ] || [ -z "$again" ] || await "$key" "$a" "$b"
            elif [ -d "$key" ]; then
                more="$more $key $a $b"
            fi
        done <"$batch"
        case $batch in "$own/new/"*) mv -f "$batch" "$own/old/" ;; esac
    done
}

cores=0 memory=0 jobs=0 count=0 all_cores=1000 all_memory=0 most=
while acquire; do
    mkdir -p "$own/new" "$own/old" # an ending starter may have taken away the one just before a batch came into the other
    listen
    again=1
    unpack "$own"/old/*
    again=
    set -- $more
    while :; do
        unpack "$own"/new/*
        [ -z "$more" ] || set -- "$@" $more
        while [ $# -gt 0 ]; do
            if [ -d "$1/claim" ] || [ ! -d "$1" ]; then # it has begun otherwise, or was ended before it began
                shift 3
            elif fits "$2" "$3"; then
                begin "$1" "$2" "$3"
                shift 3
            else
                break
            fi
        done
        [ $# -gt 0 ] || [ "$jobs" -gt 0 ] || break
        read -r what number a b key <&3
        [ "$what" != end ] || ended "$number" "$a" "$b" "$key"
    done
    rm -f "$own"/old/*
    rmdir "$own/new" "$own/old" 2>/dev/null
    rm -f "$own/wake" "$own/log"
    rm -f "$own/lock"
    # Whoever brings a batch from now on finds no lock; what came before that is seen here.
    set -- "$own"/new/*
    [ -e "$1" ] || break
done
rmdir "$own" 2>/dev/null
exit 0
