# image: docker.io/library/python:3-slim
# on: debian
# config: {"Cmd": ["python3"], "Env": ["PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"]}
# is: Debian's Python, whatever version that is.
root=$1
# Chosen and fetched with the package lists of this machine, for what is installed in there.
debs=$(mktemp -d)
trap 'rm -rf "$debs"' EXIT
mkdir "$debs/partial"
apt-get -qq update
apt-get -qq -y --no-install-recommends --download-only -o Dir::State::status="$root/var/lib/dpkg/status" \
    -o Dir::Cache::archives="$debs" -o APT::Sandbox::User=root install python3 ca-certificates
mkdir "$root/debs"
mv "$debs"/*.deb "$root/debs"
DEBIAN_FRONTEND=noninteractive chroot "$root" sh -c 'apt-get -qq -y --no-install-recommends install /debs/*.deb'
ln -s python3 "$root/usr/bin/python"
rm -rf "$root/debs" "$root"/usr/share/doc/* "$root"/usr/share/man/* "$root"/usr/share/locale/* "$root"/var/log/* "$root"/var/cache/apt/*.bin
