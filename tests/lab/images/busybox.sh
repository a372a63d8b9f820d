# image: docker.io/library/busybox:latest
# config: {"Cmd": ["sh"], "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}
# is: Debian's static busybox.
root=$1
mkdir -p "$root"/bin "$root"/dev "$root"/etc "$root"/home "$root"/proc "$root"/root "$root"/sys "$root"/usr/bin "$root"/usr/sbin "$root"/var
mkdir -m 1777 "$root/tmp" "$root/var/tmp"
cp /bin/busybox "$root/bin/busybox"
for applet in $("$root/bin/busybox" --list); do
    [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
done
ln -s /bin/env "$root/usr/bin/env"
printf '%s\n' root:x:0:0:root:/root:/bin/sh nobody:x:65534:65534:nobody:/home:/bin/false >"$root/etc/passwd"
printf '%s\n' root:x:0: nogroup:x:65534: >"$root/etc/group"
