#!/bin/bash
# Starts a site's Slurm, when the site boots: in control groups of its own, and in the background: sshd does not wait for it.
# /var/log/slurm/start.log: what goes wrong.
set -eu
umask 022
group=$(cat /etc/slurm/group)
mkdir -p /run/munge /run/mysqld /run/slurm/groups
chown munge:munge /run/munge
chown mysql:mysql /run/mysqld
chown slurm:slurm /run/slurm

# Slurm's control groups are named after its nodes, and other labs have nodes of these names.
for controller in /sys/fs/cgroup/*/; do
    name=$(basename "$controller")
    case $name in
    cpuset | devices | freezer | memory)
        mkdir -p "$controller$group" "/run/slurm/groups/$name"
        mount --bind "$controller$group" "/run/slurm/groups/$name"
        ;;
    esac
done

# The commands themselves are in /run/slurm; under their names in /usr/bin is what stands before them.
for command in sbatch squeue sacct scontrol scancel; do
    touch "/run/slurm/$command"
    mount --bind "/usr/bin/$command" "/run/slurm/$command"
    mount --bind /srv/slurm/fault "/usr/bin/$command"
done

as() { setpriv --reuid "$1" --regid "$1" --init-groups "${@:2}"; }

# until_it COMMAND...: waits, a minute at most, until that succeeds.
until_it() {
    local try
    for ((try = 0; try < 600; try++)); do
        ! "$@" || return 0
        sleep 0.1
    done >/dev/null 2>&1
    return 1
}

database() {
    [ -d /var/lib/mysql/mysql ] ||
        mariadb-install-db --no-defaults --user=mysql --datadir=/var/lib/mysql --skip-test-db --auth-root-authentication-method=socket
    setsid mariadbd --no-defaults --user=mysql --datadir=/var/lib/mysql --socket=/run/mysqld/mysqld.sock --pid-file=/run/mysqld/mysqld.pid \
        --skip-networking --innodb-buffer-pool-size=64M --innodb-log-file-size=16M --innodb-lock-wait-timeout=900 \
        --innodb-flush-log-at-trx-commit=2 --log-error=/var/log/mysql/error.log &
    until_it mariadb-admin --no-defaults ping
    mariadb --no-defaults -e "create database if not exists slurm_acct_db;
        create user if not exists slurm@localhost identified via unix_socket; grant all on slurm_acct_db.* to slurm@localhost"
    as slurm slurmdbd
    until_it sacctmgr --noheader show cluster
    [ -n "$(sacctmgr --noheader show account lab)" ] || accounts
}

accounts() {
    sacctmgr --immediate <<'END'
add cluster cluster
add qos limited set MaxSubmitJobsPerUser=20
add account lab
add user root,ada,bob account=lab
modify user ada,bob set qos+=limited
modify user bob set adminlevel=operator
END
}

all() {
    as munge munged --num-threads=4
    [ ! -e /etc/slurm/slurmdbd.conf ] || database
    slurmctld
    for node in $(sed -n 's/^NodeName=\([^ ]*\) .*/\1/p' /etc/slurm/slurm.conf); do
        mkdir -p "/var/lib/slurm/spool/$node"
        slurmd -N "$node"
    done
}

mkdir -p "/sys/fs/cgroup/pids/$group/daemon"
(
    echo 0 >"/sys/fs/cgroup/pids/$group/daemon/cgroup.procs"
    all
) </dev/null >/var/log/slurm/start.log 2>&1 &
