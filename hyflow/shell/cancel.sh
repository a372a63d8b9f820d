# Ends attempts with all their processes, and returns when it is done. Arguments: the directory of all bundles. Input: keys, a line each.
# One that has not started never will; one that has ended is passed over. Output: a line `KEY HOST` for each that runs on another machine.
cd "$1" || exit 1
umask 077
over() {
    if [ ! -e "$1/exit" ]; then
        printf 'cancelled 0 0 0 -\n' >"$1/exit.part" && mv "$1/exit.part" "$1/exit"
    fi
}
running() {
    pid=
    { read -r pid born its_boot at its_host <"$1/claim/runner"; } 2>/dev/null
    [ -n "$pid" ] && [ "$its_host" = "$host" ] && [ "$its_boot" = "$boot" ] && same "$pid" "$born"
}
left=
while read -r key; do
    [ -d "$key" ] || continue
    if [ -e "$key/exit" ]; then continue; fi
    its_host=
    { read -r pid born its_boot at its_host <"$key/claim/runner"; } 2>/dev/null
    if [ -n "$its_host" ] && [ "$its_host" != "$host" ]; then
        echo "$key $its_host"
        continue
    fi
    if mkdir "$key/claim" 2>/dev/null; then
        over "$key"
    else
        left="$left $key"
        if running "$key"; then kill -s TERM "$pid"; fi
    fi
done
try=0
while [ -n "$left" ] && [ $try -lt 120 ]; do
    still=
    for key in $left; do
        # A runner that has just claimed has not recorded itself yet, and hears the signal a moment later.
        if [ -e "$key/exit" ]; then continue; fi
        if running "$key"; then
            kill -s TERM "$pid"
            still="$still $key"
        elif [ ! -s "$key/claim/runner" ] && [ $try -lt 10 ]; then
            still="$still $key"
        else
            end_groups "$key"
            over "$key"
        fi
    done
    left=$still
    try=$((try + 1))
    [ -z "$left" ] || sleep 0.05 2>/dev/null || sleep 1
done
for key in $left; do
    running "$key" && kill -s KILL -- "-$pid" 2>/dev/null
    end_groups "$key"
    over "$key"
done
