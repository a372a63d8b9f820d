# Runs a command and then another one in its own place. Arguments: how many words the first has, its words, those of the second.
# What the first says is heard only on standard error. Where it fails, the status is that of an engine which fails.
count=$1
shift
(
    total=$# moved=0
    for word; do
        [ "$moved" -lt "$count" ] || break
        set -- "$@" "$word"
        moved=$((moved + 1))
    done
    shift "$total"
    exec "$@"
) </dev/null >&2 || exit 125
shift "$count"
exec "$@"
