#!/usr/bin/env bash
# Ends what up.sh has started, each process by its id, and removes what it has written. Takes the same CLUSTER_DIR.
# With --keep-logs the daemons' logs stay, in $CLUSTER_DIR/log.
set -uo pipefail

dir=${CLUSTER_DIR:-/tmp/rankwise-slurm}
[ -e "$dir/shape" ] || exit 0
dir=$(cd "$dir" && pwd -P)
export SLURM_CONF=$dir/slurm.conf PATH=$PATH:/usr/sbin:/sbin
read -r nodes _ port <"$dir/shape"
say() { printf 'down.sh: %s\n' "$*" >&2; }

# An id of an old file may belong to another process by now, so its name is looked at, too.
is() { [ "$(cat "/proc/$1/comm" 2>/dev/null)" = "$2" ]; }

# Ends processes of that name: all are told first, because each takes its time.
stop() {
    local name=$1 id ids=()
    shift
    for file in "$@"; do
        [ -s "$file" ] || continue
        id=$(cat "$file")
        is "$id" "$name" && ids+=("$id") && kill -TERM "$id"
    done
    for id in ${ids[@]+"${ids[@]}"}; do
        for _ in $(seq 100); do is "$id" "$name" || break; sleep 0.1; done
        if is "$id" "$name"; then say "$name ($id) does not end: killed"; kill -KILL "$id"; fi
    done
}

if [ -s "$dir/slurmctld.pid" ] && is "$(cat "$dir/slurmctld.pid")" slurmctld; then
    jobs=$(timeout 10 squeue -h -o %A 2>/dev/null | sort -u)
    if [ -n "$jobs" ]; then
        # shellcheck disable=SC2086
        timeout 10 scancel $jobs 2>/dev/null
        for _ in $(seq 50); do [ -n "$(timeout 10 squeue -h 2>/dev/null)" ] || break; sleep 0.2; done
    fi
fi
shopt -s nullglob
stop slurmd "$dir"/slurmd-*.pid
stop slurmctld "$dir/slurmctld.pid"
stop munged "$dir/munge/munged.pid"
if [ "$nodes" != 1 ]; then
    for i in $(seq "$nodes"); do
        space=rwbr$port-n$i
        # What a node's daemon has left, if that was killed.
        for id in $(ip netns pids "$space" 2>/dev/null); do kill -KILL "$id" 2>/dev/null; done
        ip netns del "$space" 2>/dev/null
        ip link del "rw${port}v$i" 2>/dev/null
    done
    ip link del "rwbr$port" 2>/dev/null
fi
if [ "${1-}" = --keep-logs ]; then
    find "$dir" -mindepth 1 -maxdepth 1 ! -name log -exec rm -rf {} +
    say "the logs are in $dir/log"
else
    rm -rf "$dir"
fi
