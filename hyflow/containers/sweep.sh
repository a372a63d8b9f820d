# Removes those containers of ours whose client is gone: nobody would hear how they end. Arguments: a label, options of `rm`,
# then the client's command.
# Output: the names of what was removed.
label=$1 options=$2
shift 2
[ -r /proc/self/cmdline ] || exit 0
dead=
for name in $("$@" ps --all --filter "label=$label" --format '{{.Names}}'); do
    case $name in *[!A-Za-z0-9._-]*) continue ;; esac
    # The brackets keep grep from finding itself.
    grep -qsa -e "[-]-name=$name" /proc/[0-9]*/cmdline || dead="$dead $name"
done
[ -n "$dead" ] || exit 0
"$@" rm --force $options $dead
