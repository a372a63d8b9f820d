# Takes many bundles. Arguments: the directory of all bundles, a fresh name. Input: a tar stream of bundles, and `keys`: lines of
# `KEY start` or `KEY look`. Output: a line `ok KEY` for each that is here now. An attempt that is here already is left as it is.
cd "$1" || exit 1
box=$2
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
while read -r key what; do [ -e "$key" ] || set -- "$@" "$box/$key"; done <"$box/keys"
[ $# -eq 0 ] || mv "$@" . || {
    rm -rf "$box"
    exit 1
}
while read -r key what; do
    if [ "$what" = start ] && [ ! -d "$key/claim" ]; then launch "$key"; fi
    echo "ok $key"
done <"$box/keys"
rm -rf "$box"
