# Apptainer. Sourced by lab.sh, which sets LAB (the state of this lab), CACHE (what is built once), ID and REGISTRY (host:port).
# shellcheck shell=bash
#
# Debian stable has no Apptainer, and the package of Debian's unstable branch needs a newer C library than ours. So that package is
# unpacked together with the libraries that it was built for, and its two programs are told to use those (apptainer-build.sh).
# Apptainer finds its parts by absolute paths: it has to be installed system-wide, as a package would be: /usr/bin/apptainer,
# /etc/apptainer, /usr/lib/.../apptainer, /opt/hyflow-lab-apptainer. Like packages it stays installed when the lab goes down.
# An Apptainer that was there already is used as it is.

_apptainer_packages="debootstrap squashfs-tools squashfuse python3-minimal"

apptainer_can() {
    rights apptainer
    case $(uname -m) in x86_64) ;; *) echo "apptainer: the lab's recipe is for x86_64 alone" ;; esac
}

apptainer_is_up() {
    command -v apptainer >/dev/null && [ -x "$LAB/apptainer/apptainer" ] && alive "$LAB/apptainer/web.pid"
}

apptainer_up() {
    local state=$LAB/apptainer address; address=$(_apptainer_address)
    apptainer_down
    _apptainer_install || return 1
    [ ! -c /dev/fuse ] || chmod 666 /dev/fuse # as udev does: users mount their images through it
    mkdir -p "$state/www" "$state/cache" && chmod 755 "$LAB" "$state" "$state/www" "$state/cache" || return 1
    _apptainer_client >"$state/apptainer" && chmod 755 "$state/apptainer" || return 1
    # The page of commonwl.org, which a test of the conformance suite fetches: from an address of this machine's own.
    echo "served by hyflow's lab" >"$state/www/index.html"
    { cat /etc/hosts; echo "$address commonwl.org"; } >"$state/hosts"
    daemon "$state/web" python3 -m http.server --bind "$address" --directory "$state/www" 80
    wait_for 10 python3 -c "import urllib.request as r; r.urlopen('http://$address', timeout=1)"
}

apptainer_down() {
    end "$LAB/apptainer/web.pid"
    rm -rf "$LAB/apptainer"
    local controller # Apptainer leaves the parents of its control groups
    for controller in /sys/fs/cgroup/*/apptainer; do [ ! -d "$controller" ] || rmdir "$controller" 2>/dev/null || :; done
}

apptainer_deployment() {
    cat <<END
# Apptainer. The command is a wrapper that finds the images of docker.io in the lab's registry.
version: 1
sites:
  here:
    type: local
    container:
      runtime: apptainer
      command: [$LAB/apptainer/apptainer]
      cache: $LAB/apptainer/cache
      options: [--bind=$LAB/apptainer/hosts:/etc/hosts]   # commonwl.org is answered on this machine
      pull: missing
END
}

# An address of the loopback network that is this lab's: 127.X.Y.Z from the first digits of its ID.
_apptainer_address() {
    echo "127.$((16#${ID:0:2} % 200 + 20)).$((16#${ID:2:2})).$((16#${ID:4:2} % 250 + 2))"
}

# Apptainer knows no mirrors, and asks https alone for names of docker.io. A registry answers requests that are sent to it as to
# a proxy, whatever the name in them: so the lab's registry answers for all registries. Only where images are fetched: a container
# would inherit the proxy's name (even with --cleanenv).
_apptainer_client() {
    cat <<END
#!/bin/sh
for word; do
    case \$word in
    -*) ;;
    build | pull)
        HTTP_PROXY=http://$REGISTRY http_proxy=http://$REGISTRY APPTAINER_NOHTTPS=1
        APPTAINER_MKSQUASHFS_ARGS="-comp lz4" # quick rather than small
        export HTTP_PROXY http_proxy APPTAINER_NOHTTPS APPTAINER_MKSQUASHFS_ARGS
        break
        ;;
    *) break ;;
    esac
done
exec apptainer "\$@"
END
}

# Unpacks the built files; builds them first (some 30 s) where the cache has none of this recipe.
_apptainer_install() {
    local recipe=$HERE/parts/apptainer-build.sh key
    command -v apptainer >/dev/null && [ ! -d /opt/hyflow-lab-apptainer ] && return 0 # somebody's own
    # shellcheck disable=SC2086 # a list of words
    packages $_apptainer_packages || return 1
    key=$(sha256sum <"$recipe" | cut -c1-12)
    [ "$(cat /opt/hyflow-lab-apptainer/recipe 2>/dev/null)" != "$key" ] || return 0
    build_once "apptainer-$key.tar.gz" bash "$recipe" || return 1
    tar -C / -xzf "$CACHE/apptainer-$key.tar.gz" --no-same-owner --keep-directory-symlink || return 1
    echo "$key" >/opt/hyflow-lab-apptainer/recipe
}
