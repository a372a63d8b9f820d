#!/bin/sh
# Stands before a command of Slurm under its name: writes the call down, and does the command, unless it is to fail.
#
# /srv/slurm/calls gets a line a call: the time (seconds of the epoch), the command and its arguments. A file in /srv/slurm/COMMAND is a
# failure of one call, whichever takes it first; one called "always" is that of every call. It holds
#
#   hang          do nothing until the file is gone
#   late          do it, and then hang
#   lose          do it, say nothing of it, and fail as when the controller's answer does not come
#   garble        do it, and print nonsense instead of what it says
#   nonsense      print nonsense, and succeed
#   fail WORDS    say the words on the standard error, and fail
name=${0##*/} place=/srv/slurm
words=$*
case $words in *'
'*) words=$(printf %s "$words" | tr '\n' ' ') ;; esac
echo "$(date +%s.%3N) $name $words" >>$place/calls

real() { "/run/slurm/$name" "$@"; }

nonsense() { printf '\033[31m%%@\001\377 <html>503</html>\n|||0_[1-]|\n'; }

hang() {
    while [ -e "$1" ]; do sleep 0.2; done
    exit 1
}

for fault in "$place/$name"/*; do
    [ -e "$fault" ] || continue
    case $fault in
    */always) taken=$fault ;;
    *)
        taken=$place/taken/$name-$$
        mv "$fault" "$taken" 2>/dev/null || continue # another call's
        ;;
    esac
    read -r kind words <"$taken"
    case $kind in
    hang) hang "$taken" ;;
    late) real "$@" >/dev/null 2>&1; hang "$taken" ;;
    lose)
        real "$@" >/dev/null 2>&1
        echo "$name: error: Socket timed out on send/recv operation" >&2
        exit 1
        ;;
    garble) real "$@" >/dev/null 2>&1; nonsense; exit 0 ;;
    nonsense) nonsense; exit 0 ;;
    fail) echo "$words" >&2; exit 1 ;;
    esac
done
exec "/run/slurm/$name" "$@"
