#!/usr/bin/env bash
# What ssh is to a cluster: runs a command on a node of the one in CLUSTER_DIR. Launchers call it in place of ssh.
#
#   tests/slurm/enter.sh n2 hostname
#   mpirun --mca plm_rsh_agent tests/slurm/enter.sh --host n1,n2 ...            Open MPI
#   mpirun -launcher ssh -launcher-exec tests/slurm/enter.sh -hosts n1,n2 ...   MPICH
set -euo pipefail
while [[ $1 == -* ]]; do shift; done # options of ssh, such as -x
node=$1
shift
id=$(cat "${CLUSTER_DIR:?is the folder of the cluster}/slurmd-$node.pid")
# As ssh does: the words are put together, and a shell of that machine takes them apart again.
exec nsenter --target "$id" --net --uts --mount --wd="$PWD" sh -c "$*"
