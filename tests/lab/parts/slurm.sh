# Slurm on the machines behind SSH (the part ssh): "cluster" as its administrators would have it, "cloud" bare. Sourced by lab.sh.
# shellcheck shell=bash
#
# A site is the login node and all the compute nodes at once: each node is a slurmd of its own, with 2 cores and 4000 MB, which it allots
# and enforces. Slurm comes up whenever the site boots (sites/slurm/start.sh), a moment after sshd, and knows its jobs again.
#
#            cluster                                                         cloud
#   nodes    n1 to n4 (n3, n4: two devices gpu each; n4: feature big)        n1 to n3
#   queues   debug (default), short (5 minutes, n1 and n2), low and high     debug
#            (n1 and n2: high pre-empts jobs of low)
#   account  lab: ada, bob (an operator); QOS limited: 20 jobs a user        no accounting, no stored comments
#   limits   arrays to 20000, jobs are kept 600 s                            arrays to 1000, 2000 jobs, kept 10 s
#
# What users call sbatch, squeue, sacct, scontrol and scancel is sites/slurm/fault.sh: it writes down the call, and fails as it is told to.

_slurm_packages="slurmctld slurmd slurm-client slurm-wlm-basic-plugins slurmdbd mariadb-server munge"
_slurm_sites="cluster cloud"
_slurm_groups=/sys/fs/cgroup

slurm_can() {
    local why; why=$(rights slurm)
    if [ -n "$why" ]; then
        echo "$why"
    elif ! mountpoint -q $_slurm_groups/freezer || ! mountpoint -q $_slurm_groups/memory; then
        echo "slurm: the lab's recipe is for control groups of version 1"
    fi
}

slurm_is_up() {
    local site
    for site in $_slurm_sites; do
        [ -x "$(_slurm_root "$site")/etc/rc.local.d/slurm" ] && _slurm_runs "$site" || return 1
    done
}

slurm_up() {
    local site
    slurm_down
    # shellcheck disable=SC2086 # a list of words
    packages $_slurm_packages || return 1
    for site in $_slurm_sites; do
        _slurm_make "$site" && in_site "$site" /etc/rc.local.d/slurm 9<&- || return 1
    done
    for site in $_slurm_sites; do
        wait_for 60 _slurm_idle "$site" || { tail -n 20 "$(_slurm_root "$site")"/var/log/slurm/*.log >&2; return 1; }
    done
}

slurm_down() {
    local site root
    for site in $_slurm_sites; do
        root=$(_slurm_root "$site")
        end_group "$(_slurm_group "$site")"
        [ -d "$root/etc" ] || continue
        in_site "$site" sh -c 'for mount in $(cut -d " " -f 2 /proc/mounts | grep -E "^/(run/slurm/|usr/bin/s)" | sort -r); do umount "$mount"; done' 2>/dev/null
        rm -rf "$root"/etc/{slurm,munge,rc.local.d/slurm} "$root"/var/{lib,log}/{slurm,munge,mysql} "$root/srv/slurm"
    done
}

slurm_deployment() {
    echo "# Slurm with accounting, on a cluster behind SSH."
    _slurm_site cluster none
}

slurm_bare_deployment() {
    echo "# Slurm without accounting, and with small limits."
    _slurm_site cloud none
}

slurm_apptainer_deployment() {
    [ -e "$(_slurm_root cluster)/etc/apptainer/wrapper" ] && registry_is_up || return 0
    echo "# Slurm with accounting, on a cluster behind SSH, with Apptainer."
    _slurm_site cluster apptainer
    echo "      command: [/etc/apptainer/wrapper]"
}

# SLURM_FAULTS: the directory in each site that sites/slurm/fault.sh tells of. SLURM_TOOLS: where a site has the commands themselves.
slurm_env() {
    echo SLURM_FAULTS=/srv/slurm
    echo SLURM_TOOLS=/run/slurm
}

# _slurm_site SITE RUNTIME: a deployment file's text; further lines of its container come after it.
_slurm_site() {
    cat <<END
version: 1
sites:
  slurm:
    type: slurm
    via: {type: ssh, host: $1, config: $_ssh/client/config}
    workdir: /scratch/ada/hyflow
    container:
      runtime: $2
END
}

_slurm_root() { echo "$LAB/ssh/$1/root"; }

_slurm_group() { echo "$(site_group "$1")-slurm"; }

_slurm_runs() { read -r _ 2>/dev/null <"$_slurm_groups/pids/$(_slurm_group "$1")/daemon/cgroup.procs"; }

_slurm_idle() {
    [ "$(in_site "$1" timeout 5 sinfo --noheader --Node --states=idle --partition=debug --format=%N | wc -l)" = \
        "$(grep -c ^NodeName= "$HERE/sites/slurm/$1/slurm.conf")" ]
}

# What a site's Slurm has before it is started.
_slurm_make() {
    local root name; root=$(_slurm_root "$1")
    for name in munge slurm mysql; do _slurm_user "$root" "$name" || return 1; done
    cp -P /etc/alternatives/slurm* "$root/etc/alternatives/" || return 1
    mkdir -p "$root"/etc/{slurm,munge,rc.local.d} "$root"/srv/slurm/{sbatch,squeue,sacct,scontrol,scancel,taken} \
        "$root"/var/{lib,log}/{slurm,munge,mysql} "$root"/var/lib/slurm/{ctld,spool} || return 1
    cp "$HERE/sites/slurm"/*.conf "$HERE/sites/slurm/$1"/*.conf "$root/etc/slurm/" && _slurm_group "$1" >"$root/etc/slurm/group" || return 1
    (umask 077 && head -c 1024 /dev/urandom >"$root/etc/munge/munge.key") && : >"$root/srv/slurm/calls" || return 1
    _slurm_give munge "$root"/{etc,var/lib,var/log}/munge && _slurm_give mysql "$root"/var/{lib,log}/mysql &&
        _slurm_give slurm "$root"/var/{lib,log}/slurm || return 1
    [ "$1" != cluster ] || { _slurm_give slurm "$root/etc/slurm/slurmdbd.conf" && chmod 600 "$root/etc/slurm/slurmdbd.conf"; } || return 1
    chmod 700 "$root/etc/munge" && chmod 777 "$root"/srv/slurm/*/ && chmod 666 "$root/srv/slurm/calls" || return 1 # users take failures
    install -m 755 "$HERE/sites/slurm/fault.sh" "$root/srv/slurm/fault" && install -m 755 "$HERE/sites/slurm/start.sh" "$root/etc/rc.local.d/slurm"
}

_slurm_give() { chown -R "$1:$1" "${@:2}"; }

# A user that a package has made on this machine, perhaps after the site was.
_slurm_user() {
    local file
    for file in passwd group shadow; do
        grep -q "^$2:" "$1/etc/$file" || grep "^$2:" "/etc/$file" >>"$1/etc/$file" || return 1
    done
}
