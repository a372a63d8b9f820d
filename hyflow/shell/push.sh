# Unpacks a tar stream into a fresh directory. Argument: its path. Output: the SHA-256 of every file in it, as sha256sum lists them.
umask 077
parent=${1%/*}
mkdir -p "${parent:-/}" && mkdir "$1" && cd "$1" || exit 1
EXTRACT_UNSAFE_SYMLINKS=1
export EXTRACT_UNSAFE_SYMLINKS
tar -xpof - || exit 1
if command -v sha256sum >/dev/null; then
    find .//. -type f -print0 | xargs -0 sha256sum
else
    find .//. -type f -print0 | xargs -0 shasum -a 256
fi
exit 0
