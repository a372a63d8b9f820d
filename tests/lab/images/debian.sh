# image: docker.io/library/debian:stable-slim
# config: {"Cmd": ["bash"], "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}
# is: The release of Debian of the machine that built it, minimal, without documentation.
root=$1
. /etc/os-release
debootstrap --variant=minbase "$VERSION_CODENAME" "$root"
rm -rf "$root"/var/cache/apt/*.bin "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/var/log/*
rm -rf "$root"/usr/share/doc/* "$root"/usr/share/man/* "$root"/usr/share/locale/* "$root"/usr/share/info/*
rm -rf "$root"/etc/resolv.conf "$root"/etc/hostname
