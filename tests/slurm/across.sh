#!/usr/bin/env bash
# Starts ranks on all nodes of the cluster in CLUSTER_DIR, without Slurm, by mpirun's own remote start: rank 0 on n1, rank 1 on n2 ...
# A launcher as any other, for the MPI in MPI (openmpi or mpich):
#
#   MPIEXEC=tests/slurm/across.sh cargo test --test all messages::
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
case $1 in --version) exec "mpirun.$MPI" --version ;; -n) ranks=$2 && shift 2 ;; *) exit 2 ;; esac
nodes=$(cut -d' ' -f1 "${CLUSTER_DIR:?is the folder of the cluster}/shape")
hosts=$(printf ',n%s' $(seq "$nodes"))
hosts=${hosts#,}
# Nothing of Slurm, or the launchers would take its place.
for name in ${!SLURM@}; do unset "$name"; done
# The machines are one in truth: with more ranks than its cores, who waits must give way, though no node has too many.
if [ "$MPI" = openmpi ]; then
    given=()
    for name in ${!RANKWISE@} TMPDIR CLUSTER_DIR; do [ -z "${!name-}" ] || given+=(-x "$name"); done
    set -- mpirun.openmpi --mca plm_rsh_agent "$here/enter.sh" --mca plm rsh --mca ras ^slurm --mca btl_tcp_if_include eth0 \
        --mca oob_tcp_if_include eth0 --host "${hosts//,/:99,}:99" --map-by node --bind-to none --mca mpi_yield_when_idle 1 --mca osc ^ucx "${given[@]}" -n "$ranks" "$@"
else
    set -- mpirun.mpich -launcher ssh -launcher-exec "$here/enter.sh" -hosts "$hosts" -ppn 1 -iface eth0 -n "$ranks" \
        env MPI_LOCALNRANKS=99 "$@"
fi
# From one of them, since they reach each other.
exec "$here/enter.sh" n1 "cd $(printf %q "$PWD") && exec $(printf '%q ' "$@")"
