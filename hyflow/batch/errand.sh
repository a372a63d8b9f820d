# Runs a command that is a job of its own, and ends it when nobody listens any more: the way to here was lost, or who came by it is gone. That is
# found out by a NUL on standard error now and then, which says nothing.
exec 3<&0
"$@" <&3 3<&- &
job=$! told=
exec 3<&- </dev/null
trap 'told=1; kill -s TERM "$job" 2>/dev/null' TERM INT HUP
(
    cd /
    trap 'kill $!; exit' TERM
    trap '' PIPE
    while :; do
        sleep 5 >/dev/null 2>&1 &
        wait $!
        printf '\0' >&2 || { kill -s TERM "$job"; exit; }
    done
) >/dev/null &
watcher=$!
wait "$job"
code=$?
while [ -n "$told" ]; do # a signal ends waiting
    told=
    wait "$job"
    code=$?
done
kill "$watcher" 2>/dev/null
exit "$code"
