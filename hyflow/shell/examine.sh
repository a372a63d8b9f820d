# What matters at this machine before a long run? Read after detached.sh. Arguments: the directory to work in, and a name that is free there
# and at home. Output: lines of NAME=VALUE, some names several times. Nothing is left behind.
cd "$1" || exit 1
mask=$(umask)
umask 077
say() { printf '%s=%s\n' "$1" "$2"; }
lines() { # lines NAME: the input, each line under this name
    head -n 50 | while IFS= read -r line; do say "$1" "$line"; done
}
has() { command -v "$1" >/dev/null 2>&1; }
say user "$(id -un 2>/dev/null || id -u)"
say system "$(uname -srm)"
say umask "$mask"

# What tools of other families say to this differs, and tells who they are.
for tool in cat tar; do bounded 5 "$tool" --version </dev/null 2>&1 | lines "$tool"; done
for tool in sha1sum sha256sum shasum setsid docker podman apptainer singularity; do
    if has "$tool"; then say has "$tool"; fi
done

say inodes "$(df -Pi . 2>/dev/null | tail -n 1)"
if printf '#!/bin/sh\nexit 0\n' >"$2" && chmod 700 "$2"; then
    if "./$2" 2>/dev/null; then say programs run; else say programs refused; fi
fi
rm -f "$2"

if [ -n "${HOME-}" ] && (echo hyflow >"$HOME/$2") 2>/dev/null; then
    say home writable
    say homedisk "$(df -Pk "$HOME" | tail -n 1)"
fi
[ -z "${HOME-}" ] || rm -f "$HOME/$2" 2>/dev/null

if has quota; then bounded 5 quota -w -p </dev/null 2>/dev/null | lines quota; fi
if has lfs; then bounded 5 lfs quota -q -u "$(id -u)" "$PWD" </dev/null 2>/dev/null | lines quota; fi
exit 0
