# The moment that a process began, in the kernel's own count: with its id it names the process for as long as the machine is up.
born() {
    began=-
    { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 0
    set -- ${line##*) }
    began=${20}
}

# gather PID...: sets `family` to these processes, all that descend from them, and all of their sessions, as far as /proc tells.
# All of /proc is read at once. A name that holds a line's end could pass for a process there; so whoever is found is looked at alone.
gather() {
    family=" $* "
    every=$(cat /proc/[0-9]*/stat 2>/dev/null)
    split=$IFS
    IFS='
'
    set -f
    grown=1
    while [ -n "$grown" ]; do
        grown=
        for line in $every; do
            each=${line%% *}
            case $each in *[!0-9]*) continue ;; esac
            case $family in *" $each "*) continue ;; esac
            belongs "${line##*) }" || continue
            while read -r real; do line=$real; done <"/proc/$each/stat"
            if belongs "${line##*) }"; then family="$family$each " grown=1; fi
        done 2>/dev/null
    done
    set +f
    IFS=$split
}

# belongs "STATE PARENT GROUP SESSION ...": whether such a process is one of the family.
belongs() {
    rest=${1#* }
    parent=${rest%% *}
    rest=${rest#* * }
    case $family in *" $parent "* | *" ${rest%% *} "*) return 0 ;; esac
    return 1
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
