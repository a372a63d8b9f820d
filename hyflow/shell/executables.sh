# What commands run here: functions for a script that says, for each command, the programs and files that its words name, with checksums.
# POSIX sh. A command of which not all can be told says so in a line that begins with "no", and says "y" last of all otherwise.
sum() {
    if command -v sha256sum >/dev/null; then sha256sum <"$1"; else shasum -a 256 <"$1"; fi
}

# lookup PATH NAME: where the command is found; `found` is empty where it is not, or where that depends on the directory it runs in.
lookup() {
    found=
    case $2 in
    /*) found=$2; return ;;
    */* | '') return ;;
    esac
    case ":$1:" in *:: | *::* | *:[!/]*) return ;; esac
    blanks=$IFS
    IFS=:
    set -f
    for each in $1; do
        if [ -f "$each/$2" ] && [ -x "$each/$2" ]; then found=$each/$2; break; fi
    done
    set +f
    IFS=$blanks
}

# file FILE PATH DEPTH: the checksum of a file, and of what interprets it.
file() {
    if [ ! -f "$1" ] || [ ! -r "$1" ]; then echo "no $1"; return 1; fi
    printf '%s/\n' "$1"
    sum "$1" || return 1
    [ "$(head -c 2 "$1" | tr -d '\0')" = '#!' ] || return 0
    [ "$3" -lt 5 ] || return 1
    interpreter "$2" "$3" "$(head -n 1 "$1" | tr -d '\0\r' | cut -c 3-)"
}

interpreter() {
    path=$1 depth=$2
    set -f
    set -- $3
    set +f
    case ${1-} in
    /*) file "$1" "$path" $((depth + 1)) || return 1 ;;
    *) echo "no ${1-}"; return 1 ;;
    esac
    case $1 in */env) ;; *) return 0 ;; esac
    shift
    while :; do
        case ${1-} in -* | *=*) shift ;; *) break ;; esac
    done
    lookup "$path" "${1-}"
    if [ -z "$found" ]; then echo "no ${1-}"; return 1; fi
    file "$found" "$path" $((depth + 1))
}

# program NAME PATH: what is started under this name.
program() {
    lookup "$2" "$1"
    if [ -z "$found" ]; then echo "no $1"; return 1; fi
    file "$found" "$2" 0
}

# word PATH: a word of the command that may be the path of a file.
word() {
    case $1 in /dev/null | /dev/stdin | /dev/stdout | /dev/stderr | /dev/fd/*) return 0 ;; esac
    if [ ! -e "$1" ]; then printf '%s/\nnothing\n' "$1"; return 0; fi
    file "$1" "$PATH" 0
}
