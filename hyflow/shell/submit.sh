# Takes many bundles, which begin in their order as soon as there is room. Arguments: the directory of all bundles, a fresh name, the directory
# of the run's starter, the starter's script. Input: a tar stream of bundles and `batch`, for the starter. Output: a line `ok KEY` each.
# An attempt that is here already is left as it is, and begins when it never did: whoever sent it may have died.
cd "$1" || exit 1
box=$2 own=$3 starter=$4
mask=$(umask)
umask 077
arrive "$box"
set --
while read -r key rest; do [ "$key" = - ] || [ -e "$key" ] || set -- "$@" "$box/$key"; done <"$box/batch"
# Another submission of the same may be under way, and have been quicker.
arrived() { while read -r key rest; do [ "$key" = - ] || [ -e "$key" ] || return 1; done <"$box/batch"; }
[ $# -eq 0 ] || mv "$@" . || arrived || {
    rm -rf "$box"
    exit 1
}
while read -r key rest; do [ "$key" = - ] || echo "ok $key"; done <"$box/batch"
# A starter that ends removes what is empty: then it is made again.
for try in 1 2 3 4 5; do
    mkdir -p "$own/new" "$own/old" && mv "$box/batch" "$own/new/${box#.incoming-}" 2>/dev/null && break
done
[ ! -e "$box/batch" ] || exit 1
rm -rf "$box"
umask "$mask" # commands are to have that of the login
rouse "$own" "$starter"
exit 0
