# Docker: a daemon with its own socket, images and network. Sourced by lab.sh.
# shellcheck shell=bash
#
# It has a network namespace of its own without a way out: its bridges and firewall rules are not the host's, and no container reaches
# further than the other containers and the registry, which a second server gives out in there, from the same directory and at the same
# address as on the host. In the network "hyflow-lab" a web server answers for commonwl.org, whose front page a conformance test fetches.

_docker_socket=unix://$LAB/docker/docker.sock
_docker_group=hyflow-lab-$ID-docker # the control groups of all that it runs
_docker_web=10.9.0.2                # in the network hyflow-lab, 10.9.0.0/24

docker_can() { rights docker; }

docker_is_up() {
    alive "$LAB/docker/registry.pid" && [ "$(_docker inspect --format '{{.State.Running}}' hyflow-lab-web 2>/dev/null)" = true ]
}

docker_up() {
    local state=$LAB/docker
    docker_down
    packages docker.io iptables iproute2 || return 1
    mkdir -p "$state/data"
    mount -t tmpfs -o mode=711 hyflow-lab "$state/data" || return 1 # on a disk, loading the images and removing them take most of the time
    daemon "$state/docker" bash "$HERE/parts/docker-daemon.sh" "$state" "$_docker_group"
    wait_for 30 _docker version || { tail -n 5 "$state/docker.log" >&2; return 1; }
    daemon "$state/registry" nsenter "--net=/proc/$(_docker_pid)/ns/net" docker-registry serve "$LAB/registry/registry.yml"
    # One after the other: images share layers, and the daemon unpacks a layer that it is just unpacking a second time.
    cut -f 2 "$CACHE/images/index" | xargs -n 1 docker --host "$_docker_socket" load --quiet --input >"$state/load.log" 2>&1 ||
        { cat "$state/load.log" >&2; return 1; }
    _docker_network
}

docker_down() {
    local containers
    if alive "$LAB/docker/docker.pid"; then
        containers=$(_docker ps --quiet)
        # shellcheck disable=SC2086 # a list of words
        [ -z "$containers" ] || _docker kill $containers >/dev/null 2>&1
    fi
    end "$LAB/docker/registry.pid"
    end "$LAB/docker/docker.pid" 10
    end_group "$_docker_group"
    unmount "$LAB/docker"
    rm -rf "$LAB/docker"
}

docker_deployment() {
    cat <<END
# Docker, as the lab runs it.
version: 1
sites:
  here:
    type: local
    container:
      runtime: docker
      command: [docker, --host, "$_docker_socket"]
      network: hyflow-lab
      pull: missing
END
}

docker_env() { echo "DOCKER_HOST=$_docker_socket"; }

_docker() { docker --host "$_docker_socket" "$@"; }

_docker_pid() { cut -d ' ' -f 1 "$LAB/docker/docker.pid"; }

_docker_network() {
    mkdir "$LAB/docker/web" && echo "This is hyflow's lab." >"$LAB/docker/web/index.html"
    _docker network create --internal --subnet "${_docker_web%.*}.0/24" hyflow-lab >/dev/null &&
        _docker run --detach --name hyflow-lab-web --restart no --init --network hyflow-lab --ip "$_docker_web" --network-alias commonwl.org \
            --mount "type=bind,source=$LAB/docker/web,target=/web,readonly" busybox:latest httpd -f -p 80 -h /web >/dev/null
}
