# Sites: machines of the lab's own that share nothing but programs, joined by a switch (wan.c). Sourced by lab.sh.
# shellcheck shell=bash
#
# A site has namespaces of its own (network, mounts, processes, host name, IPC), and its files, users and services too: its root is
# DIRECTORY/root, in which /usr and /opt alone are the machine's, read-only. It boots as sites/boot.sh says. The files stay when all that
# runs in it has ended: so it can be booted again, and starts what is in its /etc/rc.local.d. They lie in memory, as a disk is slow to
# fill and to clear. A site's directory is named as it is: LAB/ssh/cluster is the site "cluster".
#
# The namespace "home" is where the lab's gates stand: hyflow's machine, as the sites see it.

SITES="home cluster cloud" # each one's address: 10.77.0.1 and following, in a network that nothing else is in
_wan=$LAB/ssh/wan

site_netns() { echo "hyflow-$ID-$1"; }

site_group() { echo "hyflow-lab-$ID-$1"; } # the control groups of all that runs in it

site_address() {
    local site number=0
    for site in $SITES; do
        number=$((number + 1))
        [ "$site" != "$1" ] || echo "10.77.0.$number"
    done
}

# in_site_net SITE COMMAND...: this machine's command, in that network.
in_site_net() {
    local site=$1; shift
    nsenter "--net=/run/netns/$(site_netns "$site")" "$@"
}

# sites_join: their networks, and the switch between them, without delay, limit or loss.
sites_join() {
    local site names=() key; key=$(sha256sum <"$HERE/wan.c" | cut -c1-12)
    build_once "wan-$key" gcc -O2 -Wall "$HERE/wan.c" -o || return 1
    for site in $SITES; do
        names+=("$(site_netns "$site")")
        ip netns add "$(site_netns "$site")" && ip -n "$(site_netns "$site")" link set lo up || return 1
        # Windows that a long fat link needs.
        in_site_net "$site" sh -c 'for kind in rmem wmem; do echo "4096 1048576 33554432" >/proc/sys/net/ipv4/tcp_$kind; done' || return 1
    done
    echo "0 0 0" >"$_wan.control"
    daemon "$_wan" "$CACHE/wan-$key" "$_wan.control" "${names[@]}"
    for site in $SITES; do
        wait_for 5 ip -n "$(site_netns "$site")" link show wan0 || return 1
        ip -n "$(site_netns "$site")" address add "$(site_address "$site")/24" dev wan0 || return 1
        ip -n "$(site_netns "$site")" link set wan0 mtu 9000 up || return 1
    done
}

# Also of what a crash left.
sites_part() {
    local site
    end "$_wan.pid"
    for site in $SITES; do [ ! -e "/run/netns/$(site_netns "$site")" ] || ip netns del "$(site_netns "$site")"; done
}

# wan DELAY RATE LOSS: how the links are from now on (wan.c says in what).
wan() {
    local pid
    [ $# = 3 ] && alive "$_wan.pid" || { echo "lab: wan DELAY RATE LOSS, while the sites are up" >&2; return 2; }
    read -r pid _ <"$_wan.pid"
    echo "$*" >"$_wan.new" && mv "$_wan.new" "$_wan.control" && kill -HUP "$pid"
}

# site_files NAME: what it has before anything is put in. Its /etc is the machine's, without what is about this machine.
site_files() {
    local root=$LAB/ssh/$1/root place site
    mkdir -p "${root%/root}" && mount -t tmpfs -o mode=755 hyflow-lab "${root%/root}" && mkdir "$root" || return 1
    (cd "$root" && mkdir -p dev etc home mnt opt proc root run scratch srv sys tmp usr \
        var/{cache,lib/apptainer/mnt/{session,source},lib/misc,log,mail,spool,tmp}) || return 1
    for place in bin sbin lib lib32 lib64 libx32; do
        if [ -L "/$place" ]; then cp -P "/$place" "$root/"; elif [ -d "/$place" ]; then mkdir "$root/$place"; fi
    done
    cp -a /etc/. "$root/etc/" && rm -rf "$root"/etc/{ssh,docker,rc.local,resolv.conf,hostname,machine-id,sub?id} || return 1
    mkdir -p "$root/etc/ssh/keys" && chmod 1777 "$root"/{tmp,var/tmp} && chmod 700 "$root/root" && ln -s /run "$root/var/run" || return 1
    : >"$root/etc/resolv.conf"
    echo "$1" >"$root/etc/hostname"
    { echo 127.0.0.1 localhost; for site in $SITES; do echo "$(site_address "$site") $site"; done; } >"$root/etc/hosts"
}

# site_user SITE NAME NUMBER SHELL [PASSWORD]: one with a home and a directory /scratch/NAME. The password is encrypted; none: keys alone.
site_user() {
    local root=$LAB/ssh/$1/root name=$2 place
    echo "$name:x:$3:$3::/home/$name:$4" >>"$root/etc/passwd"
    echo "$name:x:$3:" >>"$root/etc/group"
    echo "$name:${5:-*}:19000:0:99999:7:::" >>"$root/etc/shadow"
    for place in home scratch; do mkdir "$root/$place/$name" && chown "$3:$3" "$root/$place/$name" || return 1; done
    grep -qxF "$4" "$root/etc/shells" || echo "$4" >>"$root/etc/shells"
}

# site_boot NAME: returns when its sshd answers.
site_boot() {
    local state=$LAB/ssh/$1
    daemon "$state/boot" nsenter "--net=/run/netns/$(site_netns "$1")" unshare --mount --uts --ipc --pid --fork --kill-child \
        env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin bash "$HERE/sites/boot.sh" "$state" "$(site_group "$1")"
    wait_for 20 site_answers "$1" || { cat "$state/boot.log" >&2; echo "lab: the site '$1' does not come up" >&2; return 1; }
}

site_answers() { in_site_net home bash -c "exec 3<>/dev/tcp/$(site_address "$1")/22"; }

# site_halt NAME: as when its power is cut.
site_halt() {
    end "$LAB/ssh/$1/init.pid" 0
    end "$LAB/ssh/$1/boot.pid" 0
    end_group "$(site_group "$1")"
}

# in_site NAME COMMAND...: as its root.
in_site() {
    local pid state=$LAB/ssh/$1; shift
    alive "$state/init.pid" || { echo "lab: the site '${state##*/}' is not up" >&2; return 1; }
    read -r pid _ <"$state/init.pid"
    nsenter --target "$pid" --mount --uts --ipc --net --pid \
        env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# site NAME reboot|kill-sshd|start-sshd|exec COMMAND...
site() {
    local name=${1:-} verb=${2:-}
    case " ${SITES#home } " in *" $name "*) ;; *) echo "lab: no site is called '$name'; there are: ${SITES#home }" >&2; return 2 ;; esac
    shift 2 2>/dev/null
    case $verb in
    reboot) site_halt "$name" && site_boot "$name" ;;
    kill-sshd) in_site "$name" sh -s <"$HERE/sites/kill-sshd.sh" ;; # with its sessions; what they have started goes on
    start-sshd) in_site "$name" /usr/sbin/sshd -E /var/log/sshd.log && wait_for 10 site_answers "$name" ;;
    exec) in_site "$name" "$@" ;;
    *) echo "lab: site NAME reboot | kill-sshd | start-sshd | exec COMMAND..." >&2; return 2 ;;
    esac
}
