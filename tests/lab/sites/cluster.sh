#!/bin/bash
# Makes of the cluster what it is to be, cluster.sh ROOT: patty's shell is talkative, noel's home is full, and in ada's directory /noexec
# nothing may be executed. What has to be mounted or started when it boots is.
set -eu
root=$1

# More than a pipe holds, on both streams; bash reads it for commands over SSH, too.
cat >"$root/home/patty/.bashrc" <<'SHELL'
for ((line = 1; line <= 2000; line++)); do
    echo "Welcome to the cluster, patty! This is line $line of the message of the day."
    echo "warning: line $line of what patty's startup file has to complain about" >&2
done
SHELL
cp "$root/home/patty/.bashrc" "$root/home/patty/.bash_profile"
mkdir "$root/noexec"
chown --reference="$root/home/ada" "$root/noexec"
cat >"$root/etc/rc.local" <<'SHELL'
#!/bin/sh
mount --bind /noexec /noexec
mount -o remount,bind,noexec /noexec
mount -t tmpfs -o "size=16k,uid=$(id -u noel),gid=$(id -g noel),mode=755" tmpfs /home/noel
cat /dev/zero >/home/noel/full 2>/dev/null
busybox httpd -p "$(busybox awk '$2 == "cluster" { print $1 }' /etc/hosts):80" -h /srv # answers for commonwl.org
if [ -e /etc/docker ]; then setsid dockerd --ip6tables=false </dev/null >/var/log/docker.log 2>&1 & fi
exit 0
SHELL
chmod 755 "$root/etc/rc.local"
