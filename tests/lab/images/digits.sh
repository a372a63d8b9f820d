# image: localhost/hyflow-digits:1
# on: python
# config: {"Cmd": ["python3"], "Env": ["PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"]}
# is: Debian's Python and the numpy of workflows/digits/Dockerfile.
# reads: workflows/digits/Dockerfile
root=$1
here=$(cd "$(dirname "$0")/../../.." && pwd)
numpy=$(sed -n 's/^RUN .* \(numpy==[^ ]*\)$/\1/p' "$here/workflows/digits/Dockerfile")
[ -n "$numpy" ] || { echo "workflows/digits/Dockerfile no longer says which numpy" >&2; exit 1; }
version=$(chroot "$root" python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
python3 -m pip --disable-pip-version-check install --quiet --no-compile --only-binary :all: --python-version "$version" \
    --target "$root/usr/local/lib/python$version/dist-packages" "$numpy"
chroot "$root" python3 -c 'import numpy; print(numpy.__version__)'
