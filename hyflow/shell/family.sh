# gather PID: sets `family` to this process, all that descend from it, and all of their sessions, as far as /proc tells.
gather() {
    family=" $1 "
    grown=1
    while [ -n "$grown" ]; do
        grown=
        for stat in /proc/[0-9]*/stat; do
            { read -r line <"$stat"; } 2>/dev/null || continue
            each=${line%% *}
            case $family in *" $each "*) continue ;; esac
            set -- ${line##*) } # state, parent, group, session
            case $family in *" $2 "* | *" $4 "*) family="$family$each " grown=1 ;; esac
        done
    done
}

# Whether one of the family is alive; one that only waits to be reaped is not.
family_lives() {
    for each in $family; do
        { read -r line <"/proc/$each/stat"; } 2>/dev/null || continue
        case ${line##*) } in Z*) ;; *) return 0 ;; esac
    done
    [ ! -e /proc/self/stat ]
}

# signal_family SIGNAL LEADER
signal_family() {
    kill -s "$1" -- "-$2" 2>/dev/null
    for each in $family; do
        kill -s "$1" "$each" 2>/dev/null
    done
}
