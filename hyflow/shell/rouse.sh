# Whether a run's starter (starter.sh) lives, and how one is brought to life. Read by submit.sh, markers.sh and the starter itself.

# lives LOCK: whether who has made that lock is there.
lives() {
    its_pid= its_born= its_boot= its_host=
    read -r its_pid its_born its_boot its_host <<EOF
$(readlink "$1" 2>/dev/null)
EOF
    [ "$its_host" = "$host" ] && [ "$its_boot" = "$boot" ] && same "$its_pid" "$its_born"
}

# rouse OWN STARTER: somebody looks soon at what waits there.
rouse() {
    if lives "$1/lock" && [ -p "$1/wake" ]; then
        (
            exec 9<>"$1/wake"
            echo new >&9
        )
    else
        (umask 077 && : >>"$1/log")
        detach sh "$2" "$PWD" "$1" </dev/null >/dev/null 2>>"$1/log"
    fi
}
