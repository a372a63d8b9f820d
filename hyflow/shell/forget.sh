# Removes what hyflow keeps of ended attempts. Arguments: the directory of all bundles. Input: keys, a line each.
# No link is followed but our own to the task's directory.
cd "$1" || exit 1
bad=
wipe() {
    [ $# -gt 0 ] || return 0
    rm -rf "$@" 2>/dev/null && return
    chmod -R u+rwx "$@" 2>/dev/null # a tool may have taken away the right to remove what it made
    rm -rf "$@" || bad=1
}
set --
while read -r key; do
    if [ -e "$key/exit" ]; then
        for part in in tmp; do
            [ ! -d "$key/dir/$part" ] || [ -L "$key/dir/$part" ] || set -- "$@" "$key/dir/$part"
        done
        set -- "$@" "$key"
    fi
    if [ $# -ge 200 ]; then # all at once would be too much for a command line
        wipe "$@"
        set --
    fi
done
wipe "$@"
exit ${bad:-0}
