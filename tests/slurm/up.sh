#!/usr/bin/env bash
# Starts a Slurm of our own, to be thrown away, on this one machine; installs it first where that is allowed.
#
#   tests/slurm/up.sh             starts it, or what of it is not running, and waits until all nodes are ready
#   tests/slurm/up.sh --node n2   starts the daemon of one node that was ended
#   tests/slurm/down.sh           ends it, and leaves nothing
#
# Settings, for both:
#
#   CLUSTER_DIR     everything it writes                                         (default /tmp/rankwise-slurm)
#   CLUSTER_NODES   1: this machine, also without root. 3, say: n1, n2, n3, each with its own network, host name,
#                   /dev/shm and $CLUSTER_DIR/local, as machines have; as root   (default 1)
#   CLUSTER_CPUS    processors that each node says it has                        (default 8)
#   CLUSTER_PORT    the controller's port, those of the nodes come next          (default 26817)
#   CLUSTER_WAIT    seconds until the nodes must be ready                        (default 60)
#
# Exit code 77: it cannot be had here, and standard error says why. Afterwards `. $CLUSTER_DIR/env.sh`, then sbatch and
# srun work. Nothing of the machine's own Slurm or munge is used or touched.
set -euo pipefail

dir=${CLUSTER_DIR:-/tmp/rankwise-slurm}
nodes=${CLUSTER_NODES:-1}
cpus=${CLUSTER_CPUS:-8}
port=${CLUSTER_PORT:-26817}
wait=${CLUSTER_WAIT:-60}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
host=$(hostname -s)
# Several clusters on one machine: names and addresses go by the port.
bridge=rwbr$port
net=10.77.$((port % 256))

say() { printf 'up.sh: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
cannot() { say "no Slurm here: $*"; exit 77; }
alive() { [ -s "$1" ] && kill -0 "$(cat "$1")" 2>/dev/null; }

# --- what is needed ----------------------------------------------------------

export PATH=$PATH:/usr/sbin:/sbin
missing() { for name in "$@"; do command -v "$name" >/dev/null || printf '%s ' "$name"; done; }
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() { DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=300 "$@" </dev/null >>"$log" 2>&1; }

install() {
    local lacks
    lacks=$(missing munged slurmctld slurmd sbatch srun)
    [ "$nodes" = 1 ] || lacks+=$(missing ip nsenter unshare)
    [ -n "$lacks" ] || return 0
    lacks=${lacks% }
    [ -e /etc/debian_version ] || cannot "missing: $lacks"
    [ "$(id -u)" = 0 ] || cannot "missing: $lacks; as root: apt-get install slurm-wlm munge iproute2 util-linux"
    say "installing slurm-wlm and munge with apt-get (missing: $lacks)"
    local packages=(slurm-wlm munge iproute2 util-linux)
    apt install --no-install-recommends "${packages[@]}" ||
        { apt update && apt install --no-install-recommends "${packages[@]}"; } ||
        { tail -n 20 "$log" >&2; cannot "apt-get install ${packages[*]} failed"; }
    lacks=$(missing munged slurmctld slurmd sbatch srun)
    [ -z "$lacks" ] || cannot "missing after the installation: $lacks"
}
install
# Debian's slurmd looks for it even when it is told to use no cgroups.
[ -d /sys/fs/cgroup ] || cannot "/sys/fs/cgroup is not mounted, without which slurmd does not start"
[ "$nodes" = 1 ] || [ "$(id -u)" = 0 ] || cannot "nodes with a network of their own need root"

# --- one node's daemon -------------------------------------------------------

start_node() {
    local node=$1
    mkdir -p "$dir/spool/$node"
    if [ "$nodes" = 1 ]; then
        slurmd -N "$node" >"$dir/log/slurmd-$node.out" 2>&1
        return
    fi
    # Not `ip netns exec`, which mounts /sys anew and hides the cgroups. The mounts last as long as the daemon does.
    nsenter --net="/run/netns/$bridge-$node" unshare --uts --mount sh -c "
        hostname $node && mount --bind '$dir/hosts' /etc/hosts &&
        for own in /dev/shm '$dir/pmix' '$dir/local'; do mount -t tmpfs -o mode=1777 tmpfs \"\$own\" || exit 1; done &&
        exec slurmd -N $node" >"$dir/log/slurmd-$node.out" 2>&1
}

if [ "${1-}" = --node ]; then
    nodes=$(cut -d' ' -f1 "$dir/shape")
    # shellcheck source=/dev/null
    . "$dir/env.sh"
    start_node "$2" || { cat "$dir/log/slurmd-$2.out" >&2; die "slurmd of $2 did not start"; }
    exit
fi

# --- is it up already? -------------------------------------------------------

ready() {
    local states
    states=$(timeout 10 sinfo -h -p debug -N -o %T 2>/dev/null) || return 1
    [ "$(grep -cE '^(idle|mixed|allocated|completing)$' <<<"$states")" = "$nodes" ]
}
if alive "$dir/slurmctld.pid" && [ "$(cat "$dir/shape")" = "$nodes $cpus $port" ]; then
    # shellcheck source=/dev/null
    if (. "$dir/env.sh" && ready); then
        say "already up: . $dir/env.sh"
        exit 0
    fi
fi
# What an earlier one that was killed has left.
[ ! -e "$dir/shape" ] || CLUSTER_DIR=$dir "$here/down.sh"

mkdir -p "$dir"/{munge,state,spool,log,pmix,local}
dir=$(cd "$dir" && pwd -P)
chmod 755 "$dir"
chmod 711 "$dir/munge"
chmod 1777 "$dir/pmix" "$dir/local"
echo "$nodes $cpus $port" >"$dir/shape"
# Whatever fails from here on leaves nothing either.
trap 'code=$?; rm -f "$log"; [ $code = 0 ] || CLUSTER_DIR=$dir "$here/down.sh" --keep-logs; exit $code' EXIT

# --- its own munge, with its own key -----------------------------------------

(umask 077; dd if=/dev/urandom of="$dir/munge/key" bs=128 count=1 status=none)
munged --force --key-file="$dir/munge/key" --socket="$dir/munge/socket" --pid-file="$dir/munge/munged.pid" \
    --log-file="$dir/log/munged.log" --seed-file="$dir/munge/seed" >"$dir/log/munged.out" 2>&1 ||
    { cat "$dir/log/munged.out" >&2; die "munged did not start"; }

# --- its configuration -------------------------------------------------------

memory=$(awk '/MemTotal/ { print int($2 / 1024) }' /proc/meminfo)
if [ "$nodes" = 1 ]; then address=127.0.0.1; else address=$net.254; fi
{
    cat <<CONF
ClusterName=rankwise
SlurmctldHost=$host($address)
SlurmctldPort=$port
AuthType=auth/munge
# A job that is queued again waits for the credential's end; it is 120 s otherwise.
AuthInfo=socket=$dir/munge/socket,cred_expire=5
CredType=cred/munge
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool/%n
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd-%n.pid
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdLogFile=$dir/log/slurmd-%n.log
# No cgroups: also in a container, and without systemd.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=5
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$dir/log/jobs.log
# As on a site that has not set it: the scripts must say what they want.
MpiDefault=none
KillOnBadExit=0
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2,bf_resolution=1,sched_min_interval=0,defer_batch=0
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
# A node may say that it has more processors than the machine.
SlurmdParameters=config_overrides
ReturnToService=2
SlurmctldTimeout=60
# A node that is gone is noticed after so many seconds.
SlurmdTimeout=10
InactiveLimit=0
MinJobAge=3600
KillWait=3
OverTimeLimit=0
WaitTime=0
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
CONF
    more="CPUs=$cpus RealMemory=$memory State=UNKNOWN"
    if [ "$nodes" = 1 ]; then
        # By another name, Open MPI 5 takes its ranks for those of several machines.
        echo "NodeName=$host NodeAddr=127.0.0.1 Port=$((port + 1)) $more"
    else
        for i in $(seq "$nodes"); do
            echo "NodeName=n$i NodeHostname=n$i NodeAddr=$net.$i Port=$((port + 1)) $more"
        done
    fi
    echo "PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE DefaultTime=10 State=UP OverSubscribe=FORCE:4 PriorityTier=1 PreemptMode=REQUEUE GraceTime=3"
    echo "PartitionName=urgent Nodes=ALL MaxTime=INFINITE DefaultTime=10 State=UP OverSubscribe=NO PriorityTier=10 PreemptMode=OFF"
} >"$dir/slurm.conf"
# The folder in which srun --mpi=pmix has its socket: it must not be the same for two nodes.
echo "PMIxCliTmpDirBase=$dir/pmix" >"$dir/mpi.conf"
{
    printf 'export SLURM_CONF=%q\n' "$dir/slurm.conf"
    # Jobs inherit these: root, and more ranks than cores. Open MPI 4, then 5.
    echo 'export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1'
    echo 'export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none'
    echo 'export PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe PRTE_MCA_hwloc_default_binding_policy=none'
    # Debian's Open MPI switches off the only windows that it has between machines over TCP: slurm/README.md.
    echo 'export OMPI_MCA_osc=^ucx'
    # The nodes are one machine in truth: a rank that waits must give way, though its node has not too many.
    [ "$nodes" = 1 ] || echo 'export OMPI_MCA_mpi_yield_when_idle=1'
} >"$dir/env.sh"
# shellcheck source=/dev/null
. "$dir/env.sh"

# --- a network for each node -------------------------------------------------

if [ "$nodes" != 1 ]; then
    ip link add "$bridge" type bridge || cannot "no network of its own for a node: the kernel has no bridge"
    ip addr add "$net.254/24" dev "$bridge"
    ip link set "$bridge" up
    { echo "127.0.0.1 localhost"; echo "$net.254 $host"; for i in $(seq "$nodes"); do echo "$net.$i n$i"; done; } >"$dir/hosts"
    for i in $(seq "$nodes"); do
        ip netns add "$bridge-n$i"
        ip link add "rw${port}v$i" type veth peer name eth0 netns "$bridge-n$i"
        ip link set "rw${port}v$i" master "$bridge" up
        ip -n "$bridge-n$i" addr add "$net.$i/24" dev eth0
        ip -n "$bridge-n$i" link set eth0 up
        ip -n "$bridge-n$i" link set lo up
    done
fi

# --- the daemons, and until they are ready -----------------------------------

slurmctld -c >"$dir/log/slurmctld.out" 2>&1 || { cat "$dir/log/slurmctld.out" >&2; die "slurmctld did not start"; }
for i in $(seq "$nodes"); do
    node=n$i
    [ "$nodes" != 1 ] || node=$host
    start_node "$node" || { cat "$dir/log/slurmd-$node.out" >&2; die "slurmd of $node did not start"; }
done

deadline=$((SECONDS + wait))
until ready; do
    [ $SECONDS -lt $deadline ] || { timeout 10 sinfo -N -l >&2 || true; tail -n 20 "$dir"/log/*.log >&2; die "the nodes are not ready after $wait s"; }
    sleep 0.2
done
timeout 30 srun -Q -p debug -N "$nodes" -n "$nodes" -t 1 true || die "srun starts nothing"
say "up, nodes: $nodes; . $dir/env.sh"
