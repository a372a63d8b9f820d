# Ends attempts. Arguments: the directory of all bundles, the run's directory of batches. Input: keys, a line each. One that has not begun never
# will; one that has ended is passed over. Output: lines `runs KEY` for each that runs, whose job will find that it is to end once it is told; then
# for every job of theirs `whole BATCH INDEX` where it has nothing else to do, or `part BATCH INDEX`.
cd "$1" || exit 1
own=$2
umask 077
batches=
while read -r key; do
    if [ ! -d "$key" ] || [ -e "$key/exit" ]; then continue; fi
    : >"$key/cancel"
    if mkdir "$key/claim" 2>/dev/null; then
        printf 'cancelled 0 0 0 -\n' >"$key/exit.part" && mv "$key/exit.part" "$key/exit"
        # No job will mark that it has ended, and the queue is asked seldom.
        { read -r batch rest <"$key/batch" && : >"$own/$batch/marks/e:$key"; } 2>/dev/null
    else
        echo "runs $key"
    fi
    for record in "$key/claim/job" "$key/batch"; do
        batch=
        { read -r batch rest <"$record"; } 2>/dev/null
        case " $batches " in *" $batch "*) ;; *) batches="$batches $batch" ;; esac
    done
done
for batch in $batches; do
    index=0
    while read -r lanes keys; do
        whole=whole touched=
        for key in $keys; do
            if [ -e "$key/cancel" ]; then
                touched=1
            elif [ ! -e "$key/exit" ]; then
                whole=part
            fi
        done
        [ -z "$touched" ] || echo "$whole $batch $index"
        index=$((index + 1))
    done <"$own/$batch/elements"
done 2>/dev/null
exit 0
