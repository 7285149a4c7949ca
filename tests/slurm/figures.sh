#!/usr/bin/env bash
# How fast messages are between three nodes of our own, beside ranks of one: by TCP as it is, then with a delay on each node's network, as
# far as the kernel can. For the MPI whose env.sh has been sourced; `make figures-slurm` builds what it needs.
#
# The nodes are one machine: its loopback's speed, and its cores, are shared by all. It is the software's cost, not that of a network.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export CLUSTER_PORT=$((20000 + $$ % 1200 * 10)) CLUSTER_NODES=3
CLUSTER_DIR=$(mktemp -d "${TMPDIR:-/tmp}/rankwise-slurm-XXXXXX")
export CLUSTER_DIR
trap 'tests/slurm/down.sh; rm -rf "$CLUSTER_DIR"' EXIT
trap 'exit 130' INT TERM HUP
code=0
tests/slurm/up.sh || code=$?
[ $code != 77 ] || { echo "no figures: see above"; exit 0; }
[ $code = 0 ] || exit $code

# Rank 3 shares a node with rank 0, rank 1 does not. Three times, since other work disturbs it.
measure() {
    for _ in 1 2 3; do
        MPI=${CARGO_TARGET_DIR##*/} timeout 120 tests/slurm/across.sh -n "$1" "$CARGO_TARGET_DIR/release/rankwise" doctor --tried |
            awk -v what="$2" -v rank="$3" '$0 ~ "to rank " rank ":" { sub(/.*rank [0-9]+: /, ""); print what ": " $0 }'
    done
}
printf '%s, %s cores, load %s\n' "$(uname -r)" "$(nproc)" "$(cut -d' ' -f1 /proc/loadavg)"
measure 4 "shared memory of a node" 3
measure 2 "TCP between two nodes" 1
for delay in 50us 500us; do
    for i in 1 2 3; do
        if ! ip netns exec "rwbr$CLUSTER_PORT-n$i" tc qdisc replace dev eth0 root netem delay $delay 2>"$CLUSTER_DIR/tc"; then
            echo "no delays: $(head -n 1 "$CLUSTER_DIR/tc")"
            exit 0
        fi
    done
    measure 2 "TCP, $delay later each way" 1
done
