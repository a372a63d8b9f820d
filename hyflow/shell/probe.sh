# What kind of machine is this? Arguments: the directory to work in (made if it is not there; ~/ is the home), the name of the one
# for bundles in it, names of scripts that are to be there. Input: these as a tar stream. Output: lines of NAME=VALUE.
workdir=$1 base=$2
shift 2
unset CDPATH
need() {
    for each; do if command -v "$each" >/dev/null 2>&1; then return; fi; done
    echo "missing=$1"
    missing=1
}
works() { # works NAME COMMAND...: the tool is there, but can it do what it must?
    name=$1
    shift
    "$@" >/dev/null 2>&1 || { echo "missing=$name"; missing=1; }
}
missing=
for tool in tar find xargs readlink mkdir mv rm cp ln cat head tail wc env stat chmod date sleep uname df mkfifo; do need "$tool"; done
need sha1sum shasum
need sha256sum shasum
works 'find -print0' find / -maxdepth 0 -print0
works 'readlink -f' readlink -f /
works 'xargs -0' xargs -0 echo </dev/null
works 'env -i' env -i -- true
[ -z "$missing" ] || exit 0
umask 077
case $workdir in '~/'*) workdir=$HOME/${workdir#'~/'} ;; esac
mkdir -p "$workdir/$base" || exit 1
cd -P "$workdir" || exit 1
if [ ! -O . ] || [ ! -O "$base" ] || [ -L "$base" ]; then echo foreign=1; exit 0; fi
for script; do
    [ ! -e "$base/$script" ] || continue
    (mkdir "$base/.new-$$" && cd "$base/.new-$$" && tar -xof - && mv -f "$@" ..) || exit 1
    rmdir "$base/.new-$$"
    break
done
set -- $(df -Pk . | tail -n 1)
echo "disk=$4"
echo "home=$HOME"
echo "clock=$(date +%s)"
if [ -r /proc/meminfo ]; then
    read -r boot </proc/sys/kernel/random/boot_id
    read -r host </proc/sys/kernel/hostname
    while read -r name amount unit; do [ "$name" != MemTotal: ] || echo "memory=$amount"; done </proc/meminfo
else
    boot=- host=$(uname -n)
    echo "memory=$(($(sysctl -n hw.memsize) / 1024))"
fi
echo "boot=$boot"
echo "host=$host"
echo "cores=$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)"
echo "workdir=$PWD"
