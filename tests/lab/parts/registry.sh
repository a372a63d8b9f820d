# A registry of images, for all engines: it holds every image of images/ under the name that it has anywhere else, its registry's name
# left away (library/debian:stable-slim), and it may be written to. Plain http, at REGISTRY, an address of this machine's own.
# shellcheck shell=bash

registry_can() { rights "registry of images"; }

registry_is_up() { alive "$LAB/registry/registry.pid"; }

registry_up() {
    registry_down
    packages docker-registry skopeo debootstrap busybox-static bash-static iproute2 util-linux || return 1
    images_build || return 1
    build_once "$(_registry_content)" _registry_fill || return 1
    mkdir -p "$LAB/registry"
    cp -a "$CACHE/$(_registry_content)" "$LAB/registry/data"
    registry_serve "$LAB/registry/registry" "$LAB/registry/data"
}

registry_down() {
    end "$LAB/registry/registry.pid"
    rm -rf "$LAB/registry"
}

registry_env() { echo "HYFLOW_LAB_REGISTRY=$REGISTRY"; }

# registry_serve PREFIX DIRECTORY: start one that keeps its images in that directory, as the service PREFIX.
registry_serve() {
    cat >"$1.yml" <<END
version: 0.1
log: {level: warn}
storage: {filesystem: {rootdirectory: $2}, delete: {enabled: true}}
http: {addr: "$REGISTRY"}
END
    daemon "$1" docker-registry serve "$1.yml"
    wait_for 10 _registry_answers
}

_registry_answers() { (exec 3<>"/dev/tcp/${REGISTRY%:*}/${REGISTRY#*:}"); }

# The registry's content is made once: pushing compresses every layer.
_registry_content() { echo "registry-$({ declare -f _registry_fill; for name in $IMAGES; do image_archive "$name"; done; } | sha256sum | cut -c1-12)"; }

_registry_fill() {
    local name full to folder=$1
    registry_serve "$folder.service" "$folder" || return 1
    trap 'end "$folder.service.pid"' RETURN
    for name in $IMAGES; do
        full=$(image "$name" image)
        set -- "${full#*/}"
        case $full in localhost/*) set -- "$@" "$full" ;; esac # Apptainer takes this for a name of docker.io
        for to; do
            skopeo copy --quiet --dest-tls-verify=false "docker-archive:$CACHE/$(image_archive "$name")" "docker://$REGISTRY/$to" || return 1
        done
    done
}
