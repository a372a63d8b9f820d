#!/bin/sh
# with.sh COMMAND ...: brings up the parts of the lab that are not up yet (PARTS="docker ...": these alone), runs the command, and takes down
# what it brought up, also when the command fails or is interrupted. Its exit status is the command's.
set -u
lab=$(dirname "$0")/lab.sh
are_up() { bash "$lab" status | sed -n 's/ up$//p'; }
before=" $(echo $(are_up)) "

finish() {
    trap '' HUP INT TERM
    started=$(for part in $(are_up); do case $before in *" $part "*) ;; *) echo "$part" ;; esac; done)
    # shellcheck disable=SC2086 # a list of words
    [ -z "$started" ] || bash "$lab" down $started
}

trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
# shellcheck disable=SC2086 # a list of words
bash "$lab" up ${PARTS:-} || exit
if [ "$before" = " $(echo $(are_up)) " ]; then
    trap - EXIT HUP INT TERM
    exec "$@"
fi
# In the background, so that who ends this ends the command. A terminal's interrupt reaches both; what a shell has in the background would ignore it.
env --default-signal=INT,QUIT "$@" <&0 &
command=$!
trap : INT
trap 'kill -HUP "$command"' HUP
trap 'kill -TERM "$command"' TERM
wait "$command"
status=$?
while kill -0 "$command" 2>/dev/null; do # a signal ends waiting
    wait "$command"
    status=$?
done
exit "$status"
