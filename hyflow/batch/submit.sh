# Puts a batch into the queue, once. Read after detached.sh and arrive.sh. Arguments: the directory of all bundles, the run's directory of batches, the
# batch's name, a fresh name. Input: a tar stream of bundles (keys at its top) and of the batch's directory, `batch`, in which `keys` are all of its
# attempts' and `submit` is the command. Output: a line `answer CODE`, what the command said on standard output, a line that is but a dot, and what it
# said on standard error; or a line `unclear` where an earlier submission of this batch was cut off before it was answered.
cd "$1" || exit 1
base=$1 own=$2 name=$3 box=$4
mask=$(umask) # queues pass it on to jobs, and these to commands
umask 077
arrive "$box"
mkdir -p "$own" || exit 1
said() {
    cat "$own/$name/answer"
    rm -rf "$base/$box"
    exit 0
}
[ ! -f "$own/$name/answer" ] || said
if [ -e "$own/$name/asked" ]; then
    rm -rf "$box"
    echo unclear
    exit 0
fi
set --
while read -r key; do
    if [ ! -e "$key" ] && [ -e "$box/$key" ]; then set -- "$@" "$box/$key"; fi
done <"$box/batch/keys"
[ $# -eq 0 ] || mv "$@" . || exit 1
number=0
while read -r lanes keys; do
    for key in $keys; do echo "$name $number" >"$key/batch" || exit 1; done
    number=$((number + 1))
done <"$box/batch/elements"
mv "$box/batch" "$own/$name" || exit 1
rm -rf "$box"
cd "$own/$name" || exit 1
: >asked
(umask "$mask" && bounded 90 sh ./submit) </dev/null >said 2>complained
code=$?
{
    echo "answer $code"
    cat said
    echo .
    cat complained
} >part && mv part answer && said
exit 1
