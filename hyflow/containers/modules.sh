# Loads environment modules, then becomes the command. POSIX sh.
# NAMES COUNT ASIDE, then COUNT pairs of a module and what asked for it, then ASIDE names of variables, then the command.
# NAMES: the variables that the task sets. The values of those that a shell would not pass on are in _hyflow_1, _hyflow_2, ...
_hyflow_names=$1 _hyflow_count=$2 _hyflow_aside=$3
shift 3
_hyflow_umask=$(umask)
unset IFS
for _hyflow_name in $_hyflow_names; do
    eval "_hyflow_own_$_hyflow_name=\$$_hyflow_name"
done

_hyflow_fail() {
    printf 'hyflow: the module %s, for the software %s, %s\n' "$1" "$2" "$3" >&2
    exit 127
}

# _hyflow_read FILE: as login shells do. One that this shell cannot read, or that would end it, is found out in another one.
_hyflow_read() {
    [ -r "$1" ] || return 0
    (. "$1"; exit 42) </dev/null >/dev/null 2>&1
    [ $? = 42 ] || return 0
    _hyflow_path=$PATH
    . "$1" </dev/null >/dev/null 2>&1
    PATH=$_hyflow_path
    unset IFS
}

_hyflow_find() {
    for _hyflow_file in "${MODULESHOME:+$MODULESHOME/init/sh}" "${LMOD_PKG:+$LMOD_PKG/init/sh}"; do
        command -v module >/dev/null && return
        _hyflow_read "$_hyflow_file"
    done
    command -v module >/dev/null && return
    # All of them: one may bring the command, another the places where its modules are.
    for _hyflow_file in /etc/profile.d/*mod*.sh; do
        _hyflow_read "$_hyflow_file"
    done
    for _hyflow_file in /usr/share/modules/init/sh /usr/share/Modules/init/sh /usr/share/lmod/lmod/init/sh /etc/profile; do
        command -v module >/dev/null && return
        _hyflow_read "$_hyflow_file"
    done
    command -v module >/dev/null
}

# What modules leave in HOME must not be in the output directory.
HOME=${TMPDIR:-/tmp}
_hyflow_find || _hyflow_fail "$1" "$2" "cannot be loaded: this machine has no module command"
# Of a module that is loaded nothing is heard: standard error may be an output of the tool. The second time, with all that logins set up
# here, everything is.
while [ "$_hyflow_count" -gt 0 ]; do
    module load "$1" </dev/null >/dev/null 2>&1 || {
        _hyflow_read /etc/profile
        module load "$1" </dev/null >&2
    } || _hyflow_fail "$1" "$2" "cannot be loaded"
    # One whose own program is broken says nothing of it by its exit status.
    [ -n "${LOADEDMODULES-}" ] || _hyflow_fail "$1" "$2" "cannot be loaded: the module command of this machine does not work"
    shift 2
    _hyflow_count=$((_hyflow_count - 1))
done

# _hyflow_extended VALUE OWN: whether each part of a list is still in it.
_hyflow_extended() {
    [ -n "$2" ] || return
    IFS=:
    set -f
    for _hyflow_part in $2; do
        case ":$1:" in *:"$_hyflow_part":*) ;; *) return 1 ;; esac
    done
}

umask "$_hyflow_umask"
unset PWD OLDPWD SHLVL
for _hyflow_name in $_hyflow_names; do
    eval "_hyflow_own=\$_hyflow_own_$_hyflow_name"
    eval "_hyflow_extended \"\${$_hyflow_name-}\" \"\$_hyflow_own\"" || eval "$_hyflow_name=\$_hyflow_own"
    unset IFS
    set +f
    export "$_hyflow_name"
done
[ "$_hyflow_aside" = 0 ] && exec "$@"

# The names with their values, and around they go, so that all are in their old order.
_hyflow_left=$#
while [ "$_hyflow_left" -gt 0 ]; do
    if [ "$_hyflow_count" -lt "$_hyflow_aside" ]; then
        _hyflow_count=$((_hyflow_count + 1))
        eval "set -- \"\$@\" \"\$1=\$_hyflow_$_hyflow_count\""
        unset "_hyflow_$_hyflow_count"
    else
        set -- "$@" "$1"
    fi
    shift
    _hyflow_left=$((_hyflow_left - 1))
done
exec env -- "$@"
