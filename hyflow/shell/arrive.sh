# arrive BOX: unpacks the tar stream of standard input into this new directory, whole or not at all.
arrive() {
    (
        EXTRACT_UNSAFE_SYMLINKS=1 # busybox: the bundles' links lead to absolute paths
        export EXTRACT_UNSAFE_SYMLINKS
        mkdir "$1" && cd "$1" && tar -xpof -
    ) || {
        rm -rf "$1"
        exit 1
    }
}
