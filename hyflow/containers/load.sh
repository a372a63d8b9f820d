# Loads an image on this machine unless it is there. Arguments: the file, the image's name in it, what errors begin with, then the client's
# command. Jobs that begin at the same time load it once.
file=$1 image=$2 error=$3
shift 3
is_there() { "$@" image inspect "$image" >/dev/null 2>&1; }
! is_there "$@" || exit 0
lock=${file%/*}/.load.$(uname -n).lock
if command -v flock >/dev/null && { : >>"$lock"; } 2>/dev/null; then
    exec 9>>"$lock"
    ! flock 9 || ! is_there "$@" 9>&- || exit 0 # without locks there, each loads it
fi
said=$("$@" load --input "$file" 2>&1 9>&-) || {
    printf '%s: the image cannot be loaded on %s: %s\n' "$error" "$(uname -n)" "$(printf '%s\n' "$said" | tail -n 1)" >&2
    exit 1
}
