# image: docker.io/library/bash:4.4
# on: alpine
# config: {"Entrypoint": ["docker-entrypoint.sh"], "Cmd": ["bash"], "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}
# is: Debian's static bash (newer than 4.4) beside Debian's static busybox.
root=$1
cp /bin/bash-static "$root/usr/local/bin/bash"
# Like the official image: an option that comes first is bash's.
cat >"$root/usr/local/bin/docker-entrypoint.sh" <<'END'
#!/usr/local/bin/bash
[ "${1#-}" = "$1" ] || set -- bash "$@"
exec "$@"
END
chmod 755 "$root/usr/local/bin/docker-entrypoint.sh"
