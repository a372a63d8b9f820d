# image: docker.io/library/alpine:latest
# on: busybox
# config: {"Cmd": ["/bin/sh"], "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}
# is: Debian's static busybox, as Alpine has its programs from busybox; neither musl nor apk.
root=$1
mkdir -p "$root/media" "$root/mnt" "$root/opt" "$root/srv" "$root/usr/local/bin"
