#!/bin/sh
# Installs the programs that tests run against, where that is possible without asking: as root, on Debian and its kin.
# Elsewhere the tests that miss a program are skipped, and say what to install.
set -eu
missing=
for program in bash busybox node:nodejs zsh fish mandoc modulecmd:environment-modules mpirun:openmpi-bin; do
    command -v "${program%%:*}" >/dev/null || missing="$missing ${program##*:}"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "Not installed, and tests that need them are skipped:$missing"
    exit 0
fi
echo "Installing for the tests:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get -qq -o DPkg::Lock::Timeout=300 update
# shellcheck disable=SC2086 # a list of words
apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $missing >/dev/null
