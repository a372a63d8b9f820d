# hyflow's runner: carries out one attempt. An attempt's run.sh describes it and then reads this file.
# POSIX sh with coreutils or busybox. Given are the variables
#   ctl (the attempt's control directory), dir (the task's directory), limit (seconds or nothing), stdout, stderr (files), enclosed (1: the
#   command is the client of a container engine), id_file (where that writes the container's id, or nothing),
#   in a batch job also the environment's HYFLOW_JOB (which job of which batch), HYFLOW_NODE (the machine's name), HYFLOW_DROP (words for env that
#   take away what commands must not have of the job's environment; nothing: they get none of it), HYFLOW_OOM (the file in which is counted what was
#   ended in this job for want of memory, or nothing);
#   and the functions `late` (checks of what is staged, and staging that needs commands) and `globs`.
# What a machine of the other family (macOS, BSD) calls differently is chosen once, here.
unset CDPATH
HYFLOW_OOM=${HYFLOW_OOM-}
mask=$(umask)
umask 077
locale=${LC_ALL+LC_ALL=$LC_ALL}
LC_ALL=C
export LC_ALL

blanks=$IFS
m=$ctl/m
t=$ctl/t
if [ "${1-}" = sample ]; then
    sample "$2"
    exit
fi

# The claim: a key's command starts once, however often it was submitted.
mkdir "$ctl/claim" 2>/dev/null || exit 0
[ -z "${HYFLOW_JOB-}" ] || echo "$HYFLOW_JOB" >"$ctl/claim/job"

code=0 ended= pid= command= helpers= late= lost=trouble disowned=

# Last of all, by rename: how it went. The first line is for machines, the rest for people.
finish() {
    trap '' TERM
    [ -n "$ended" ] || ended=$(date +%s.%N)
    for try in 1 2; do
        printf '%s %s %s %s %s\n%s' "$1" "$code" "$started" "$ended" "$host" "$2" >"$ctl/exit.part" && mv "$ctl/exit.part" "$ctl/exit" && exit 0
        rm -rf "$m" # no room: that makes some, and without it there is nothing to tell but this
        set -- "$lost" "its results could not be recorded on $host: the disk is full"
    done
    exit 1
}

fail() {
    finish "$lost" "$1"
}

# Whether nothing more can be written where the command worked: it most likely failed for that.
is_full() {
    df -Pk "$dir" 2>/dev/null | {
        read -r line
        read -r name size used room rest && [ "$room" -lt 16 ]
    } 2>/dev/null
}

# The command with all its processes: first gently, then not. Who they are must be known before their parents are gone.
end_command() {
    gather "$pid"
    asked=$family
    signal_family TERM "$pid"
    for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        family_lives || break
        sleep 0.1 2>/dev/null || sleep 1
    done
    gather "$pid"
    family="$asked$family"
    signal_family KILL "$pid"
}

# What the command left behind in sessions of its own, which have no tie to it any more but their temporary directory: no other
# process has that in its environment. A pattern of several lines would be several patterns.
end_strays() {
    case $dir in *"
"*) return 0 ;; esac
    for each in $(grep -l -F -e "TMPDIR=$dir/tmp" /proc/[0-9]*/environ 2>/dev/null); do
        each=${each#/proc/}
        kill -s KILL "${each%/environ}" 2>/dev/null
    done
}

cancel() {
    trap '' TERM
    [ -n "$pid" ] || told_to_end
    if [ -n "$command" ]; then # else the signal came before the command's id had its own name
        [ "$pid" = "$command" ] || helpers="$helpers $pid"
        pid=$command
    fi
    end_detached $helpers
    end_command
    end_strays
    end_enclosure
    told_to_end
}

# Whoever ended it: in a batch job that may be somebody else than hyflow, and the batch system knows why.
told_to_end() {
    [ -z "${HYFLOW_JOB-}" ] || [ -e "$ctl/cancel" ] || exit 1
    finish cancelled
}

timed_out() {
    trap '' ALRM
    late=1
    end_command
}

stage() {
    cd "$dir" || return 1
    for part in out in; do
        if [ -e "$part" ] || [ -L "$part" ]; then rm -rf "$part" || return 1; fi
    done
    mv "$ctl/tree/out" "$ctl/tree/in" . && late
}

present() {
    [ -e "$1" ] && return
    echo "$1 is not there" >&2
    return 1
}

refuse() {
    echo "$1" >&2
    return 1
}

copy() {
    if [ -d "$1" ]; then
        mkdir -p "$2" && cp -RL "$1/." "$2"
    else
        cp -L "$1" "$2"
    fi && chmod -R u+w "$2"
}

# beside ARGV...: a process that goes on with the command.
beside() {
    detach "$@" </dev/null >/dev/null 2>&1
    helpers="$helpers $pid"
    born "$pid"
    printf '%s %s\n' "$pid" "$began" >>"$ctl/claim/command"
    pid=$command
}

run() {
    if [ -n "$enclosed$HYFLOW_OOM" ]; then kills=$(oom_kills); fi
    if [ -n "$id_file" ]; then
        : >"$m/used"
        [ ! -e "$id_file" ] || rm -f "$id_file" # no engine would write over it
    else
        times >"$m/cpu0"
    fi
    detach sh "$ctl/command.sh" "$mask" "$locale" "${HYFLOW_DROP-}" </dev/null >/dev/null 2>"$t/said"
    [ -n "$pid" ] || fail "nothing can be written to $ctl on $host"
    command=$pid
    born "$pid"
    printf '%s %s\n' "$pid" "$began" >"$ctl/claim/command"
    if [ -n "$limit" ]; then
        trap timed_out ALRM
        beside sh -c 'sleep "$1" || sleep $((${1%.*} + 1)); kill -s ALRM "$2"' sh "$limit" $$
    fi
    [ -z "$id_file" ] || beside sh "$ctl/run.sh" sample $$
    wait "$pid"
    code=$?
    [ -z "$late" ] || wait "$pid" # the first one was interrupted
    trap '' ALRM
    end_detached $helpers
    ended=$(date +%s.%N)
    kill -s KILL -- "-$pid" 2>/dev/null
    end_strays
    if [ -n "$late" ] || [ "$code" -ge 125 ]; then end_enclosure; fi
    [ -n "$id_file" ] || times >"$m/cpu1"
}

# glob KIND SUM CONTENTS PATTERN: what it matches (KIND magic) or names (plain), for the lists of what to measure.
glob() {
    kind=$1 sum=$2 contents=$3 pattern=$4
    # With IFS empty an unquoted variable undergoes pathname expansion and nothing else, whatever it holds.
    IFS=
    if [ "$kind" = magic ]; then set -- $pattern; else set -- "$pattern"; fi
    IFS=$blanks
    for match; do
        if [ ! -e "$match" ] && [ ! -L "$match" ]; then continue; fi
        if [ "$kind" = magic ]; then
            case $match in . | .. | */. | */.. | */./* | */../* | ./* | ../*) continue ;; esac
        fi
        printf '%s\0' "$match" >&3
        # No other path holds two slashes: so that a list which quotes names can be read again.
        path=.//$match
        printf '%s\0' "$path" >&4
        if [ -d "$match" ]; then
            [ "$sum" = 0 ] || printf '%s\0' "$path" >&5
        elif [ -f "$match" ]; then
            [ "$sum" = 0 ] || printf '%s\0' "$path" >&6
            if [ "$contents" = 1 ]; then
                printf '%s\0' "$match" >&7
                head -c 65537 <"$match" >"$m/c$count" || return 1
                count=$((count + 1))
            fi
        fi
    done
    printf '\0' >&3
}

stats() {
    if [ -e /proc/self/stat ]; then
        xargs -0 stat "$@" -c '%f %s %n///'
    else
        xargs -0 stat "$@" -f '%Xp %z %N///'
    fi
}

resolve() {
    if readlink -z -f / >/dev/null 2>&1; then
        xargs -0 readlink -z -f
    else
        xargs -0 sh -c 'for x; do r=$(readlink -f "$x" && echo x); printf "%s\0" "${r%??}"; done' sh
    fi
}

# What links lead to, and what lies beyond them where a pattern matches.
follow() {
    if [ -s "$t/want" ]; then
        xargs -0 sh -c 'exec find -L "$@" -print0' sh <"$t/want" >"$t/deep"
        stats -L <"$t/deep" >"$m/deep"
        xargs -0 sh -c 'exec find "$@" -maxdepth 0 -type l -print0' sh <"$t/deep" >>"$t/links"
    fi
    [ -s "$t/links" ] || return 0
    stats -L <"$t/links" >"$m/linked"
    xargs -0 sh -c 'exec find -L "$@" -maxdepth 0 ! -type l -print0' sh <"$t/links" >"$m/good"
    [ ! -s "$m/good" ] || resolve <"$m/good" >"$m/real"
}

sums() {
    [ ! -s "$t/dirs" ] || xargs -0 sh -c 'exec find -L "$@" -type f -print0' sh <"$t/dirs" >>"$t/files"
    [ -s "$t/files" ] || return 0
    if command -v sha1sum >/dev/null; then
        xargs -0 sha1sum <"$t/files" >"$m/sha1"
        xargs -0 sha256sum <"$t/files" >"$m/sha256"
    else
        xargs -0 shasum -a 1 <"$t/files" >"$m/sha1"
        xargs -0 shasum -a 256 <"$t/files" >"$m/sha256"
    fi
}

# Only what must not fail decides: a file that the tool left unreadable has no checksum, and that is all. Unless it should have become ours.
collect() {
    count=0
    [ ! -L "$dir/out" ] && cd "$dir/out" || return 1
    [ -z "$enclosed" ] || relink
    find . -print0 >"$t/all" || { [ -z "$disowned" ] && [ -s "$t/all" ]; } || return 1
    stats <"$t/all" >"$m/tree" || return 1
    find . -type l -print0 >"$t/links"
    { globs; } 3>"$m/matches" 4>"$t/want" 5>"$t/dirs" 6>"$t/files" 7>"$m/contents" || return 1
    sums 2>>"$ctl/log" || [ -z "$disowned" ] || return 1
    if [ -s "$t/links" ]; then follow 2>>"$ctl/log"; fi
    [ -f cwl.output.json ] || return 0
    if [ "$(wc -c <cwl.output.json)" -gt 67108864 ]; then
        echo "cwl.output.json holds more than 64 MiB" >&2
        return 1
    fi
    cat cwl.output.json >"$m/json"
}

tails() {
    [ ! -s "$stdout" ] || [ ! -f "$stdout" ] || tail -c 4096 "$stdout" >"$m/stdout"
    [ ! -s "$stderr" ] || [ ! -f "$stderr" ] || tail -c 4096 "$stderr" >"$m/stderr"
}

started=$(date +%s.%N)
born $$
if [ "$began" = - ]; then
    boot=- host=$(uname -n)
else
    read -r boot </proc/sys/kernel/random/boot_id
    read -r host </proc/sys/kernel/hostname
fi
host=${HYFLOW_NODE:-$host}
printf '%s %s %s %s %s\n' $$ "$began" "$boot" "$started" "$host" >"$ctl/claim/runner"
trap cancel TERM

mkdir -p "$dir/tmp" 2>>"$ctl/log" || fail "the directory $dir could not be made on $host"
said=$(stage 2>&1) || fail "staging failed on $host: $said"
run
[ -z "$enclosed" ] || own
lost=outputs
tails
if [ -s "$t/said" ] && [ "$code" -le 128 ] && [ -z "$late" ]; then
    lost=trouble
    fail "the command could not be started on $host: $(cat "$t/said")"
fi
[ -d "$dir/out" ] || fail "the command removed its own working directory on $host"
whose=${disowned:+"belong to another user and "}
collect 2>>"$ctl/log" || fail "its outputs ${whose}could not be recorded on $host: $(tail -c 500 "$ctl/log")"
if [ -n "$late" ]; then
    finish timeout
elif [ -n "$HYFLOW_OOM" ] && [ "$(oom_kills)" != "$kills" ]; then
    finish code memory # whatever the command makes of it
elif [ -s "$t/said" ] || [ "$code" = 130 ] || [ "$code" = 141 ]; then
    # The shell in between has said that the command was killed; a command that itself exits like that leaves it silent.
    # Of SIGINT and SIGPIPE no shell says anything, and who exits with these numbers passes on that somebody had one of them.
    code=$((code - 128))
    finish signal
fi
if [ "$code" = 137 ] && [ -n "$enclosed" ] && [ "$(oom_kills)" != "$kills" ]; then finish code memory; fi
if [ "$code" != 0 ] && is_full; then finish code full; fi
finish code
