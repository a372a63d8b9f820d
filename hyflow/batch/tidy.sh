# Removes what was kept of batches of which no attempt is kept any more. Arguments: the directory of all bundles, the run's directory of batches.
cd "$1" || exit 1
for batch in "$2"/*; do
    [ -f "$batch/keys" ] || continue
    while read -r key; do
        [ ! -d "$key" ] || continue 2
    done <"$batch/keys"
    rm -rf "$batch"
done
rmdir "$2" "${2%/*}" 2>/dev/null
exit 0
