# Ends attempts with all their processes, all at once, and returns when it is done. Arguments: the directory of all bundles. Input: keys, a line each.
# One that has not started never will; one that has ended is passed over. Output: a line `KEY HOST` for each that runs on another machine.
cd "$1" || exit 1
umask 077
trap '' HUP INT TERM PIPE # who was stopped must not stay so
over() {
    if [ ! -e "$1/exit" ]; then
        printf 'cancelled 0 0 0 -\n' >"$1/exit.part" && mv "$1/exit.part" "$1/exit"
    fi
}
running() {
    pid=
    { read -r pid born its_boot at its_host <"$1/claim/runner"; } 2>/dev/null
    [ -n "$pid" ] && [ "$its_host" = "$host" ] && [ "$its_boot" = "$boot" ] && same "$pid" "$born"
}
left=
while read -r key; do
    [ -d "$key" ] || continue
    if [ -e "$key/exit" ]; then continue; fi
    its_host=
    { read -r pid born its_boot at its_host <"$key/claim/runner"; } 2>/dev/null
    if [ -n "$its_host" ] && [ "$its_host" != "$host" ]; then
        echo "$key $its_host"
    elif mkdir "$key/claim" 2>/dev/null; then
        over "$key"
    else
        left="$left $key"
    fi
done
[ -n "$left" ] || exit 0

# A runner that has just claimed records itself a moment later.
for try in 1 2 3 4 5 6 7 8 9 10; do
    for key in $left; do
        if [ ! -s "$key/claim/runner" ] && [ ! -e "$key/exit" ]; then
            sleep 0.05 2>/dev/null || sleep 1
            continue 2
        fi
    done
    break
done

# The runners are stopped before it is looked who is there: they start nothing more.
runners= leaders=
for key in $left; do
    if running "$key" && kill -s STOP "$pid" 2>/dev/null; then runners="$runners $pid"; fi
done
for key in $left; do
    { while read -r leader since; do
        if [ "$since" = - ] || same "$leader" "$since" || [ ! -e "/proc/$leader/stat" ]; then leaders="$leaders $leader"; fi
    done <"$key/claim/command"; } 2>/dev/null
done
tell() { # tell SIGNAL
    for leader in $leaders; do kill -s "$1" -- "-$leader" 2>/dev/null; done
    for each in $family; do kill -s "$1" "$each" 2>/dev/null; done
}
gather $runners $leaders
[ -z "$runners" ] || kill -s KILL $runners 2>/dev/null
tell TERM
for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    family_lives || break
    sleep 0.1 2>/dev/null || sleep 1
done
gather $family
tell KILL
end_strays() {
    grep -l -F -f - /proc/[0-9]*/environ 2>/dev/null | while read -r each; do
        each=${each#/proc/}
        kill -s KILL "${each%/environ}" 2>/dev/null
    done
}
# What left all sessions still has its temporary directory in its environment. A name of several lines would be several patterns.
for key in $left; do
    dir=$(readlink "$key/dir") || continue
    case $dir in *'
'*) ;; *) echo "TMPDIR=$dir/tmp" ;; esac
done | end_strays
end_enclosures $left
for key in $left; do over "$key"; done
exit 0
