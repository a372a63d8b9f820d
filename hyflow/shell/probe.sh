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
refuse() { # refuse WHY REASON
    printf '%s=%s\n' "$1" "$2" # echo may read backslashes in its own way
    exit 0
}
while case $workdir in ?*/) ;; *) false ;; esac; do workdir=${workdir%/}; done
# A link that somebody else has put there is not followed, and nobody else may move what is put in there.
[ ! -L "$workdir" ] || [ -n "$(find "$workdir" -maxdepth 0 \( -user 0 -o -user "$(id -u)" \))" ] || refuse foreign 1
said=$({ mkdir -p "$workdir" && cd -P "$workdir"; } 2>&1) && cd -P "$workdir" || refuse unusable "$said"
[ -O . ] || refuse foreign 1
[ -z "$(find . -maxdepth 0 -perm -0002 ! -perm -1000)" ] || refuse open 1
said=$(mkdir -p "$base" 2>&1) || refuse unusable "$said"
if [ ! -O "$base" ] || [ -L "$base" ]; then refuse foreign 1; fi
for script; do
    [ ! -e "$base/$script" ] || continue
    new=$base/.new-$$
    said=$({ mkdir "$new" && cd "$new" && tar -xof - && mv -f "$@" ..; } 2>&1) || {
        rm -rf "$new"
        refuse unusable "$said"
    }
    rmdir "$new"
    break
done
set -- $(df -Pk . | tail -n 1)
echo "disk=$4"
printf 'home=%s\n' "$HOME"
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
printf 'workdir=%s\n' "$PWD"
