# Where attempts were put. Arguments: the directory of all bundles, the run's directory of batches. Input: keys, a line each. Output: a line
# `KEY BATCH INDEX` for each that was put into a batch; then for every batch of theirs a line `batch NAME`, what submit.sh said of it (nothing:
# it has not been answered), and a line `end NAME`.
cd "$1" || exit 1
own=$2
batches=
while read -r key; do
    batch=
    { read -r batch index <"$key/batch"; } 2>/dev/null
    if [ -z "$batch" ] || [ ! -e "$own/$batch/asked" ]; then continue; fi
    echo "$key $batch $index"
    case " $batches " in *" $batch "*) ;; *) batches="$batches $batch" ;; esac
done
for batch in $batches; do
    echo "batch $batch"
    cat "$own/$batch/answer" 2>/dev/null
    echo
    echo "end $batch"
done
exit 0
