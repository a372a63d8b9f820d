# Makes a file of an image, as `docker save` does. Arguments: the file, the image's name, the name that it is to bear in the file, the
# platform ("" where it is this machine's own), "missing", "always" (it is pulled although it is here) or "build" (the recipe is on standard
# input), then the client's command.
file=$1 image=$2 name=$3 platform=$4 how=$5
shift 5
before=$("$@" image inspect --format '{{.Id}}' "$image" 2>/dev/null </dev/null) || before=
# What is for another kind of machine may not stand here under a name that this machine's own containers are made from.
as_before() {
    if [ -n "$platform" ] && [ -n "$before" ]; then
        "$@" tag "$before" "$image"
    elif [ -n "$platform" ]; then
        "$@" rmi "$image"
    fi
    [ "$name" = "$image" ] || "$@" rmi "$name"
} >/dev/null 2>&1
trap 'as_before "$@"' EXIT
trap 'exit 1' INT TERM HUP
if [ "$how" = build ]; then
    "$@" build ${platform:+"--platform=$platform"} --force-rm --tag "$image" - || exit 1
elif [ "$how" = always ] || [ -n "$platform" ] || [ -z "$before" ]; then
    "$@" pull ${platform:+"--platform=$platform"} "$image" </dev/null || exit 1
fi
[ "$name" = "$image" ] || "$@" tag "$image" "$name" || exit 1
"$@" save --output "$file" "$name"
