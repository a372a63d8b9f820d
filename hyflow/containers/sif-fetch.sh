# Converts an image once, whoever asks at the same time. Arguments: the directory of the images, the file's name in it, "again" or nothing,
# what the source is ("load": an archive of an image; "import": one of a file system; "take": a file that apptainer made elsewhere; "own": an
# image file of the user's, which stays where it is; else an address), the source, then apptainer's command. Beside the file its digest is
# kept, and its script that runs, so that a machine without apptainer can tell them.
folder=$1 name=$2 again=$3 how=$4 source=$5
shift 5
command -v "$1" >/dev/null || {
    echo "there is no $1 on the PATH of $(uname -n); the site's prologue can put it there" >&2
    exit 127
}
mkdir -p "$folder" && cd "$folder" || exit 1
part=.part.$$.$name
trap 'rm -rf "$part" "$part.d" "$part.tar" "$part.digest"' EXIT
trap 'exit 1' INT TERM HUP
if command -v flock >/dev/null; then
    exec 9>".$name.lock" || exit 1
    flock 9 || exit 1
    rm -rf .part.*."$name" .part.*."$name".d .part.*."$name".tar .part.*."$name".digest # what somebody left who was killed
fi
# keep FILE WORDS: its digest, and its script by apptainer's command.
keep() {
    kept=$1
    shift
    digest=$(sha256sum "$kept") || return
    {
        printf 'sha256:%s\n' "${digest%% *}"
        "$@" --quiet inspect --runscript "$kept" 2>/dev/null 9>&-
        echo
    } >"$part.digest" && mv -f "$part.digest" "$name.digest"
}
if [ "$how" = own ]; then
    [ -f "$source" ] || { echo "there is no file $source" >&2; exit 1; }
    keep "$source" "$@"
    exit
fi
if [ -z "$again" ] && [ -e "$name" ] && [ ! "$source" -nt "$name" ]; then
    [ "$(cat "$name.digest" 2>/dev/null | wc -l)" -gt 1 ] || keep "$name" "$@"
    exit
fi
case $how in
load) # a name without the marks that divide such an address, and nothing compressed
    gzip -dc -- "$source" >"$part.tar" 2>/dev/null || { rm -f "$part.tar" && ln -s "$source" "$part.tar"; } || exit 1
    source=docker-archive:$part.tar
    ;;
import)
    mkdir "$part.d" && tar -xf "$source" -C "$part.d" || exit 1
    source=$part.d
    ;;
esac
APPTAINER_TMPDIR=$folder SINGULARITY_TMPDIR=$folder
export APPTAINER_TMPDIR SINGULARITY_TMPDIR
if [ "$how" = take ]; then # on the same file system there need not be two of it
    ln -- "$source" "$part" 2>/dev/null || cp -- "$source" "$part" || exit 1
else
    "$@" build --disable-cache "$part" "$source" >&2 9>&- || exit 1
fi
keep "$part" "$@" && mv -f "$part" "$name"
