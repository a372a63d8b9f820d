# The state of many attempts in one round trip. Arguments: the directory of all bundles, that of the run's starter, the starter's script,
# what may be in use at once, as a batch says it. Input: keys, a line each. Output: a line `STATE KEY details` each; then, by
# results.sh, what is left of those that ended (STATE E).
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
        waits="$waits $key"
        echo "Q $key"
    else
        echo "G $key"
    fi
done
end_enclosures $dead
# What was sent and waits needs somebody who has it begin: the machine may have been restarted, or no process could be made.
if [ -n "$waits" ]; then
    if ! lives "$2/lock"; then
        (
            umask 077
            mkdir -p "$2/new" "$2/old"
            {
                echo "$4"
                for key in $waits; do
                    read -r asked <"$key/asks" && echo "$key $asked"
                done
            } >"$2/part.$$" && mv "$2/part.$$" "$2/new/again.$$"
        ) 2>/dev/null
    fi
    rouse "$2" "$3"
fi
