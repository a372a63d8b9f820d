# Takes many bundles. Arguments: the directory of all bundles, a fresh name, how many of them may run now (empty: all). Input: a tar stream of
# bundles, and `keys`, a line each. Output: a line for each: `runs KEY` for one that has been started and not ended, else `ok KEY`.
# An attempt that is here already is left as it is, and starts when it never did: whoever sent it may have died.
cd "$1" || exit 1
box=$2 room=$3
(
    umask 077
    EXTRACT_UNSAFE_SYMLINKS=1 # busybox: the bundles' links lead to absolute paths
    export EXTRACT_UNSAFE_SYMLINKS
    mkdir "$box" && cd "$box" && tar -xpof -
) || {
    rm -rf "$box"
    exit 1
}
set --
while read -r key; do [ -e "$key" ] || set -- "$@" "$box/$key"; done <"$box/keys"
# Another submission of the same may be under way, and have been quicker.
arrived() { while read -r key; do [ -e "$key" ] || return 1; done <"$box/keys"; }
[ $# -eq 0 ] || mv "$@" . || arrived || {
    rm -rf "$box"
    exit 1
}
if [ -n "$room" ]; then
    while read -r key; do if [ -d "$key/claim" ] && [ ! -e "$key/exit" ]; then room=$((room - 1)); fi; done <"$box/keys"
fi
while read -r key; do
    state=ok
    if [ -d "$key/claim" ]; then
        [ -e "$key/exit" ] || state=runs
    elif [ -z "$room" ] || [ "$room" -gt 0 ]; then
        launch "$key"
        state=runs room=${room:+$((room - 1))}
    fi
    echo "$state $key"
done <"$box/keys"
rm -rf "$box"
