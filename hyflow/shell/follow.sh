# Prints a file as it grows. Read after process.sh. Arguments: the directory of all bundles, the attempt's key, the file, its first byte that is wanted (from 1).
# Ends with status 0 when the attempt has ended; what was written in the last moment may be missing then. Whoever listens holds standard
# input open: with that, or when nobody hears our signs of life, it is over.
tail= ears=
leave() {
    trap '' HUP INT TERM PIPE
    kill -s KILL $tail $ears 2>/dev/null # one that has just been forked might take any other signal for ours
    exit "$1"
}
over() { # over BASE KEY: it has ended, or died with its runner or with this machine
    [ -d "$1/$2" ] && [ ! -e "$1/$2/exit" ] || return 0
    { read -r pid born its_boot at its_host <"$1/$2/claim/runner"; } 2>/dev/null || return 1
    [ "$its_host" = "$host" ] || return 1
    [ "$its_boot" != "$boot" ] || ! same "$pid" "$born"
}
naps=0
nap() {
    sleep 0.5 2>/dev/null || sleep 1
    kill -0 "$ears" 2>/dev/null || leave 1
    naps=$((naps + 1))
    [ $((naps % 10)) != 0 ] || printf '\0' >&2 || leave 1
}
trap 'leave 1' HUP INT TERM PIPE
exec 3<&0
cat <&3 >/dev/null 2>&1 &
ears=$!
until [ -f "$3" ] && [ ! -L "$3" ]; do
    if over "$1" "$2"; then leave 0; fi
    nap
done
tail -c "+$4" -f "$3" &
tail=$!
until over "$1" "$2"; do
    nap
    kill -0 "$tail" 2>/dev/null || leave 1
done
leave 0
