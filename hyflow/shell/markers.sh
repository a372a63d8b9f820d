# The state of many attempts in one round trip. Arguments: the directory of all bundles, that of the run's starter, the starter's script.
# Input: keys, a line each.
# Output: a line `STATE KEY details` each, an empty line, then the results of those that ended (STATE E): lines of
# `SIZE PATH` as wc gives them, an empty line, and the files one after the other.
cd "$1" || exit 1
ended= dead= waits=
while read -r key; do
    if [ -e "$key/exit" ]; then
        ended="$ended $key"
        echo "E $key"
    elif [ -d "$key/claim" ]; then
        pid= born= its_boot= at= its_host=
        { read -r pid born its_boot at its_host <"$key/claim/runner"; } 2>/dev/null
        if [ -z "$its_host" ]; then
            echo "C $key"
        elif [ "$its_host" != "$host" ]; then
            echo "R $key $at $its_host"
        elif [ "$its_boot" = "$boot" ] && same "$pid" "$born"; then
            echo "R $key $at $its_host"
        elif [ -e "$key/exit" ]; then
            ended="$ended $key"
            echo "E $key"
        elif [ "$its_boot" != "$boot" ]; then
            dead="$dead $key"
            echo "L $key $its_host was restarted while it ran"
        else
            end_groups "$key"
            dead="$dead $key"
            echo "L $key its runner (process $pid on $its_host) died without a word"
        fi
    elif [ -d "$key" ]; then
        waits=1
        echo "Q $key"
    else
        echo "G $key"
    fi
done
end_enclosures $dead
# What was sent and waits needs somebody who starts it: the machine may have been restarted.
if [ -n "$waits" ] && [ -d "$2" ] && ! lives "$2"; then rouse "$2" "$3"; fi
echo
[ -n "$ended" ] || exit 0
files() {
    for key in $ended; do
        printf '%s\0' "$key/exit"
        for part in "$key"/m/*; do [ ! -f "$part" ] || printf '%s\0' "$part"; done
    done
}
files | xargs -0 wc -c
echo
files | xargs -0 cat
