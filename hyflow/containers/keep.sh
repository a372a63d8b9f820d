# Saves an image in a file, once, whoever asks at the same time. Arguments: the file, the image, the name that it gets for that, then the
# client's command.
file=$1 image=$2 name=$3
shift 3
folder=${file%/*} base=${file##*/}
mkdir -p "$folder" && cd "$folder" || exit 1
part=.part.$$.$base
trap 'rm -f "$part"' EXIT
trap 'exit 1' INT TERM HUP
if command -v flock >/dev/null; then
    exec 9>".$base.lock" || exit 1
    flock 9 || exit 1
    rm -f .part.*."$base" # what somebody left who was killed
fi
[ ! -e "$base" ] || exit 0
"$@" tag "$image" "$name" 9>&- && "$@" save --output "$part" "$name" >&2 9>&- && mv -f "$part" "$base"
