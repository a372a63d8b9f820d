#!/bin/bash
# Builds Apptainer for a Debian whose C library is too old for it: apptainer-build.sh FILE writes a tar archive (gzip) to be unpacked in /.
# Debian's unstable branch is installed in a directory, Apptainer in it; its programs are made to use that branch's libraries.
set -euo pipefail
target=$1
work=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root tree=$work/tree
home=/opt/hyflow-lab-apptainer parts=/usr/lib/x86_64-linux-gnu/apptainer
programs="/usr/bin/apptainer $parts/bin/starter"

debootstrap --variant=minbase --include=apptainer,patchelf sid "$root"
mkdir -p "$tree$home/lib" "$tree/etc" "$tree/usr/bin" "$tree${parts%/*}" "$tree/var/lib/apptainer/mnt/session" "$tree/var/lib/apptainer/mnt/source"
for program in $programs; do
    chroot "$root" ldd "$program" | grep -o '/[^ ]*' | while read -r library; do cp -L "$root$library" "$tree$home/lib/"; done
    chroot "$root" patchelf --set-interpreter "$home/lib/ld-linux-x86-64.so.2" --force-rpath --set-rpath "$home/lib" "$program"
done
cp -L "$root"/lib/x86_64-linux-gnu/libnss_{files,dns}.so.2 "$root"/lib/x86_64-linux-gnu/libresolv.so.2 "$tree$home/lib/"
cp -a "$root/etc/apptainer" "$tree/etc/"
cp -a "$root$parts" "$tree${parts%/*}/"
cp -a "$root/usr/bin/apptainer" "$tree/usr/bin/"

# Root here may lack capabilities that Apptainer would raise; and there is no systemd to make control groups.
set_option() {
    sed -i "s/^$1 = .*/$1 = $2/" "$tree/etc/apptainer/apptainer.conf"
    grep -qx "$1 = $2" "$tree/etc/apptainer/apptainer.conf" || { echo "apptainer.conf has no option '$1'" >&2; exit 1; }
}
set_option "root default capabilities" no
[ -d /run/systemd/system ] || set_option "systemd cgroups" no
tar -C "$tree" -czf "$target.new" .
mv "$target.new" "$target"
