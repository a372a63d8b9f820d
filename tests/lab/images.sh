# The images of the lab, made from Debian packages (no registry of the world is asked). Sourced by lab.sh.
# shellcheck shell=bash
#
# A recipe is images/NAME.sh, a program that is given the directory to fill, in which the image that it stands on lies already. Its head says
#   # image: the full name; one of registry/... is in the lab's registry alone, so that it has to be pulled
#   # on: the recipe that it stands on (none: an empty directory)
#   # config: how it is run, as in the configuration of an OCI image
#   # is: what it really is, for its label
#   # reads: a further file of the checkout that it is made from
# Made once: CACHE/built/NAME-KEY.tar, an archive as of `docker save`. CACHE/images/NAME.tar is a link to it, and CACHE/images/index names
# what engines load: lines of FULL NAME, tab, path of the archive.

IMAGES="debian python digits busybox alpine bash tiny" # each after the one that it stands on

image() { sed -n "s/^# $2: //p" "$HERE/images/$1.sh"; }

image_archive() { echo "built/$1-$(_image_key "$1").tar"; }

_image_key() {
    local on reads; on=$(image "$1" on) reads=$(image "$1" reads)
    { cat "$HERE/images/$1.sh" "$HERE/images/archive.py" ${reads:+"$ROOT/$reads"}; [ -z "$on" ] || _image_key "$on"; } | sha256sum | cut -c1-12
}

images_build() {
    local name
    for name in $IMAGES; do build_once "$(image_archive "$name")" _image_build "$name" || return 1; done
    mkdir -p "$CACHE/images"
    for name in $IMAGES; do
        case $(image "$name" image) in registry/*) continue ;; esac
        ln -sfn "../$(image_archive "$name")" "$CACHE/images/$name.tar"
        printf '%s\t%s\n' "$(image "$name" image)" "$CACHE/images/$name.tar"
    done >"$CACHE/images/index.$$"
    mv "$CACHE/images/index.$$" "$CACHE/images/index"
}

# _image_build NAME FILE: the image's own layer is what has changed in the directory since the image below it was unpacked there.
_image_build() {
    local name=$1 file=$2 work=${2%/*} base= on; on=$(image "$1" on)
    mkdir "$work/root"
    if [ -n "$on" ]; then
        base=$CACHE/$(image_archive "$on")
        _image_unpack "$base" "$work/root" || return 1
    fi
    sleep 0.1
    touch "$work/unpacked"
    sleep 0.1
    bash -eu "$HERE/images/$name.sh" "$work/root" &&
        (cd "$work/root" && find . -mindepth 1 -cnewer "$work/unpacked" ! -type s -print0) | sort -z >"$work/changed" &&
        tar -c -C "$work/root" --null --no-recursion --numeric-owner -f "$work/layer.tar" -T "$work/changed" &&
        python3 "$HERE/images/archive.py" pack "$file" "$work/layer.tar" "$(image "$name" image)" "$(image "$name" config)" \
            "$(image "$name" is)" ${base:+"$base"}
}

_image_unpack() {
    local layer
    for layer in $(python3 "$HERE/images/archive.py" layers "$1"); do
        tar -xOf "$1" "$layer" | tar -xp -C "$2" --numeric-owner || return 1
    done
}
