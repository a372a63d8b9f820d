#!/bin/bash
# Becomes a site's first process: boot.sh DIRECTORY GROUP, in namespaces of its own, and in control groups of that name. It mounts the
# site's root, DIRECTORY/root, runs the site's /etc/rc.local and what is in /etc/rc.local.d, starts its sshd, and then takes in the
# processes that others leave. DIRECTORY/init.pid: its id, and when it was started.
set -eu
umask 022
. "${0%/*}/../services.sh"
directory=$1 root=$1/root
read -r pid _ </proc/self/stat # as the machine counts: its /proc is still here
echo "$pid $(_stat "$pid" 22)" >"$directory/init.pid"
enter_group "$2"

mount --make-rprivate /
mount --bind "$root" "$root"
for place in usr opt bin sbin lib lib32 lib64 libx32; do
    [ -d "/$place" ] && [ -d "$root/$place" ] && [ ! -L "$root/$place" ] || continue
    mount --bind "/$place" "$root/$place"
    mount -o remount,bind,ro "$root/$place"
done
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --rbind /sys/fs/cgroup "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mkdir "$root"/dev/{net,pts,shm} "$root"/run/{lock,proc,sshd}
mount -t proc proc "$root/run/proc" # whole: users may mount one in namespaces of theirs where they see one in which nothing is hidden
for device in null zero full random urandom tty fuse net/tun; do [ ! -c "/dev/$device" ] || cp -a "/dev/$device" "$root/dev/$device"; done
ln -s /proc/self/fd "$root/dev/fd"
ln -s pts/ptmx "$root/dev/ptmx"
for number in 0:stdin 1:stdout 2:stderr; do ln -s "fd/${number%:*}" "$root/dev/${number#*:}"; done
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
hostname "${directory##*/}"
cd "$root"
mkdir -p old
pivot_root . old
cd /
umount -l /old
rmdir /old

cat /proc/sys/kernel/random/uuid >/run/boot_id
mount --bind /run/boot_id /proc/sys/kernel/random/boot_id
mount -o remount,bind,ro /proc/sys/kernel/random/boot_id
for script in /etc/rc.local /etc/rc.local.d/*; do [ ! -x "$script" ] || "$script"; done
/usr/sbin/sshd -E /var/log/sshd.log
while :; do # bash takes in every process whose parent has ended
    sleep infinity &
    wait
done
