# Writes off attempts that will not answer any more: nothing of theirs begins from now on. Arguments: the directory of all bundles. Input: for each
# a line KEY KIND EVIDENCE. Output: KEY for each that has ended by itself meanwhile.
cd "$1" || exit 1
umask 077
while read -r key kind evidence; do
    [ -d "$key" ] || continue
    mkdir "$key/claim" 2>/dev/null
    if [ -e "$key/exit" ]; then
        echo "$key"
    else
        printf 'lost %s 0 0 -\n%s' "$kind" "$evidence" >"$key/exit.lost" && ln "$key/exit.lost" "$key/exit" 2>/dev/null || echo "$key"
        rm -f "$key/exit.lost"
    fi
done
exit 0
