# Machines behind SSH: the sites cluster and cloud (sites.sh). Sourced by lab.sh.
# shellcheck shell=bash
#
# Tests reach them on this machine's loopback network: a gate a site (gate.py) leads from a port there into the namespace "home", and from
# there over the switch to the site's sshd. What they find in .lab/ssh: "config" for ssh -F, with an alias a user and a way; "known_hosts",
# and "known_hosts-by-authority", which knows but the authority that has signed the host keys; and "keys", a directory.

_ssh_packages="openssh-server openssh-client iproute2 util-linux gcc libc6-dev perl-base python3 busybox-static rsync tcsh fish python3-numpy python-is-python3"
_ssh=$LAB/ssh
_ssh_users="ada bob" # of every site; those below are the cluster's alone
_ssh_odd="cathy fiona patty quentin noel"
_ssh_gates="cluster cloud registry localhost"

ssh_can() {
    local why; why=$(rights ssh)
    if [ -n "$why" ]; then echo "$why"; elif [ ! -c /dev/net/tun ]; then echo "ssh: the lab needs /dev/net/tun"; fi
}

ssh_is_up() {
    local pidfile
    for pidfile in wan ${_ssh_gates// /-gate }-gate cluster/init cloud/init; do alive "$_ssh/$pidfile.pid" || return 1; done
}

ssh_up() {
    local site
    ssh_down
    # shellcheck disable=SC2086 # a list of words
    packages $_ssh_packages || return 1
    mkdir -p "$_ssh/client/keys" && chmod 700 "$_ssh/client/keys" || return 1
    sites_join && _ssh_keys || return 1
    _ssh_make cloud & # both at once: most of the time is spent on copying
    (_ssh_make cluster) && wait $! && _ssh_gates || return 1
    for site in cluster cloud; do site_boot "$site" || return 1; done
    _ssh_config >"$_ssh/client/config" && ln -sfn "$_ssh/client" "$ROOT/.lab/ssh" || return 1
    [ ! -e "$_ssh/cluster/root/etc/docker" ] || wait_for 30 in_site cluster docker version ||
        { cat "$_ssh/cluster/root/var/log/docker.log" >&2; return 1; }
}

ssh_down() {
    local gate site
    for gate in $_ssh_gates; do end "$_ssh/$gate-gate.pid"; done
    for site in cluster cloud; do site_halt "$site"; done
    sites_part
    unmount "$_ssh"
    rm -rf --one-file-system "$_ssh" "$ROOT/.lab/ssh"
}

ssh_deployment() {
    echo "# A machine behind SSH."
    _ssh_site none
}

ssh_env() {
    cat <<END
SSH_CONFIG=$_ssh/client/config
SSH_KNOWN_HOSTS=$_ssh/client/known_hosts
SSH_KEYS=$_ssh/client/keys
SSH_CLUSTER_ADDRESS=127.0.0.1:$(_ssh_port cluster)
SSH_CLOUD_ADDRESS=127.0.0.1:$(_ssh_port cloud)
SSH_CLUSTER_GATE=$_ssh/cluster.gate
SSH_CLOUD_GATE=$_ssh/cloud.gate
SSH_CLUSTER_ROOT=$_ssh/cluster/root
SSH_CLOUD_ROOT=$_ssh/cloud/root
SSH_HOME=$(_ssh_netns home)
QUENTIN_PASSWORD=$_ssh/client/keys/quentin.password
END
}

# Containers on the cluster: where this machine has an engine, and the lab a registry.
ssh_apptainer_deployment() {
    [ -e "$_ssh/cluster/root/etc/apptainer/wrapper" ] && registry_is_up || return 0
    echo "# Apptainer on a machine behind SSH."
    _ssh_site apptainer
    echo "      command: [/etc/apptainer/wrapper]"
}

ssh_docker_deployment() {
    [ -e "$_ssh/cluster/root/etc/docker" ] && registry_is_up || return 0
    echo "# Docker on a machine behind SSH."
    _ssh_site docker
    echo "      options: [--add-host=commonwl.org:$(site_address cluster)]"
}

# _ssh_site RUNTIME: a deployment file's text; further lines of its container come after it.
_ssh_site() {
    cat <<END
version: 1
sites:
  ssh:
    type: ssh
    host: cluster
    config: $_ssh/client/config
    workdir: /scratch/ada/hyflow
    container:
      runtime: $1
END
}

_ssh_make() {
    local root=$_ssh/$1/root
    umask 022
    site_files "$1" && _ssh_people "$1" && _ssh_sshd "$1" || return 1
    case $1 in cluster) _ssh_engines "$root" && bash "$HERE/sites/cluster.sh" "$root" ;; esac
}

# Apptainer and Docker find images, and commonwl.org, as those of this machine's lab do: see apptainer.sh and docker.sh.
_ssh_engines() {
    echo "served by hyflow's lab" >"$1/srv/index.html"
    echo "$(site_address cluster) commonwl.org" >>"$1/etc/hosts"
    if command -v apptainer >/dev/null; then
        _apptainer_client >"$1/etc/apptainer/wrapper" && chmod 755 "$1/etc/apptainer/wrapper" || return 1
    fi
    command -v dockerd >/dev/null || return 0
    sed -i 's/^\(docker:[^:]*:[^:]*:\).*/\1ada/' "$1/etc/group" && mkdir "$1/etc/docker" && cat >"$1/etc/docker/daemon.json" <<END
{
    "registry-mirrors": ["http://$REGISTRY"],
    "insecure-registries": ["127.0.0.0/8"],
    "storage-driver": "overlay2",
    "cgroup-parent": "/$(site_group cluster)",
    "exec-opts": ["native.cgroupdriver=cgroupfs"],
    "dns-opts": ["timeout:1", "attempts:1"],
    "log-level": "warn"
}
END
}

# Two ports a lab, far below those that the kernel gives to clients.
_ssh_port() {
    local port=$((10000 + 16#$ID % 5000 * 2))
    case $1 in cluster) echo $port ;; cloud) echo $((port + 1)) ;; esac
}

# A key a user; two authorities; a key of ada's that no site knows but by the authority's word.
_ssh_keys() {
    local keys=$_ssh/client/keys name
    for name in $_ssh_users $_ssh_odd users-authority hosts-authority ada-certified; do
        ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$keys/$name" || return 1
    done
    ssh-keygen -q -s "$keys/users-authority" -I ada -n ada -V -1d:+52w "$keys/ada-certified.pub" || return 1
    (umask 077 && head -c 12 /dev/urandom | base64 >"$keys/quentin.password")
}

_ssh_people() {
    local root=$_ssh/$1/root number=2000 name shell password
    for name in $_ssh_users $([ "$1" != cluster ] || echo "$_ssh_odd"); do
        number=$((number + 1)) shell=/bin/bash password=
        case $name in
        bob) shell=/bin/sh ;;
        cathy) shell=/bin/tcsh ;;
        fiona) shell=/usr/bin/fish ;;
        quentin) password=$(_ssh_encrypt <"$_ssh/client/keys/quentin.password") ;;
        esac
        site_user "$1" "$name" $number "$shell" "$password" || return 1
        cp "$_ssh/client/keys/$name.pub" "$root/etc/ssh/keys/$name"
    done
}

_ssh_encrypt() { perl -e 'chomp(my $word = <STDIN>); print crypt($word, "\$6\$hyflow\$")'; }

# As Debian has it, but for who may come in.
_ssh_sshd() {
    local etc=$_ssh/$1/root/etc known; known="[127.0.0.1]:$(_ssh_port "$1"),$1,$(site_address "$1")"
    ssh-keygen -q -t ed25519 -N '' -C "$1" -f "$etc/ssh/ssh_host_ed25519_key" &&
        ssh-keygen -q -s "$_ssh/client/keys/hosts-authority" -h -I "$1" -n "$1,127.0.0.1,$(site_address "$1")" -V -1d:+52w \
            "$etc/ssh/ssh_host_ed25519_key.pub" &&
        cp "$_ssh/client/keys/users-authority.pub" "$etc/ssh/" || return 1
    echo "$known $(cut -d ' ' -f 1,2 "$etc/ssh/ssh_host_ed25519_key.pub")" >>"$_ssh/client/known_hosts"
    echo "@cert-authority $known $(cut -d ' ' -f 1,2 "$_ssh/client/keys/hosts-authority.pub")" >>"$_ssh/client/known_hosts-by-authority"
    printf '%s required %s\n' auth pam_unix.so account pam_unix.so session pam_permit.so >"$etc/pam.d/sshd"
    cat >"$etc/ssh/sshd_config" <<END
HostKey /etc/ssh/ssh_host_ed25519_key
HostCertificate /etc/ssh/ssh_host_ed25519_key-cert.pub
PidFile /run/sshd.pid
AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/keys/%u
TrustedUserCAKeys /etc/ssh/users-authority.pub
UsePAM yes
PermitRootLogin no
PasswordAuthentication no
KbdInteractiveAuthentication no
AcceptEnv LANG LC_*
PrintMotd no
Subsystem sftp /usr/lib/openssh/sftp-server
Match User quentin
    PubkeyAuthentication no
    PasswordAuthentication yes
    KbdInteractiveAuthentication yes
END
}

# Two lead to sshd; two from the cluster to the lab's registry, at the address that it has here, and as "localhost/...".
_ssh_gates() {
    local site
    for site in cluster cloud; do _ssh_gate "$site" "127.0.0.1:$(_ssh_port "$site")" "$(_ssh_netns home)=$(site_address "$site"):22"; done
    _ssh_gate registry "$(_ssh_netns cluster)=$REGISTRY" "$REGISTRY"
    _ssh_gate localhost "$(_ssh_netns cluster)=127.0.0.1:80" "$REGISTRY"
    for site in $_ssh_gates; do
        wait_for 10 test -S "$_ssh/$site.gate" || { cat "$_ssh/$site-gate.log" >&2; return 1; }
    done
}

# _ssh_gate NAME LISTEN CONNECT
_ssh_gate() { daemon "$_ssh/$1-gate" python3 "$HERE/gate.py" "$_ssh/$1.gate" "$2" "$3"; }

_ssh_netns() { echo "/run/netns/$(site_netns "$1")"; }

_ssh_config() {
    local name
    for name in cluster cloud; do _ssh_alias "$name" ada "$name"; done
    _ssh_alias cluster-bob bob cluster
    _ssh_alias cloud-bob bob cloud
    for name in $_ssh_odd; do _ssh_alias "$name" "$name" cluster; done
    _ssh_alias cluster-certified ada-certified cluster
    cat <<END
Host cloud-via-cluster
    HostName cloud
    User ada
    IdentityFile $_ssh/client/keys/ada
    ProxyJump cluster
Host *
    IdentitiesOnly yes
    StrictHostKeyChecking yes
    UserKnownHostsFile $_ssh/client/known_hosts
    GlobalKnownHostsFile none
END
}

# _ssh_alias NAME KEY SITE
_ssh_alias() {
    printf '%s\n' "Host $1" "    HostName 127.0.0.1" "    Port $(_ssh_port "$3")" "    User ${2%-certified}"
    case $1 in
    quentin) echo "    PreferredAuthentications keyboard-interactive,password" ;;
    *) echo "    IdentityFile $_ssh/client/keys/$2" ;;
    esac
}
