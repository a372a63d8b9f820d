# Which attempts' processes are there. Read before markers.sh and cancel.sh; the current directory is that of all bundles.
blanks=$IFS
if [ -r /proc/sys/kernel/random/boot_id ]; then
    read -r boot </proc/sys/kernel/random/boot_id
    read -r host </proc/sys/kernel/hostname
else
    boot=- host=$(uname -n)
fi

# same PID BORN: whether the process with this id is the one that was meant, and no zombie.
same() {
    wanted=$2
    if [ "$wanted" = - ]; then
        kill -0 "$1" 2>/dev/null
        return
    fi
    { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
    set -- ${line##*) }
    [ "${20}" = "$wanted" ] && [ "$1" != Z ]
}

# Ends the groups that attempt $1 recorded, unless their ids have been given to others since.
end_groups() {
    [ -r "$1/claim/command" ] || return 0
    while read -r leader since; do
        if [ "$since" != - ] && [ -e "/proc/$leader/stat" ] && ! same "$leader" "$since"; then continue; fi
        gather "$leader"
        signal_family KILL "$leader"
    done <"$1/claim/command"
}
