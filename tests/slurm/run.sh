#!/usr/bin/env bash
# Runs the tests that need Slurm, for the MPI whose env.sh has been sourced: on this machine alone, then on three nodes of our own.
# Each time the cluster is started before, and ended behind, whatever happens. What cannot be run here is said and counted.
#
#   tests/slurm/run.sh [words]     words: only tests with them in their name
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

limit=600 # seconds for the tests on one cluster; they have limits of their own, this is the last one
skipped=0
some=${1-}

# Other clusters may run on this machine: names and ports go by this process.
export CLUSTER_PORT=$((20000 + $$ % 1200 * 10))
CLUSTER_DIR=$(mktemp -d "${TMPDIR:-/tmp}/rankwise-slurm-XXXXXX")
export CLUSTER_DIR
down() { tests/slurm/down.sh; rm -rf "$CLUSTER_DIR"; }
trap down EXIT
trap 'exit 130' INT TERM HUP

tests() { cargo test --locked --quiet --test slurm -- --ignored "$@"; }

# The tests of messages and collective calls, on two and three ranks, each on a machine of its own. Not those of which the law is
# that the ranks share one.
core() {
    export MPI=${CARGO_TARGET_DIR##*/} MPIEXEC=$PWD/tests/slurm/across.sh RANKWISE_TEST_ONLY=2,3
    timeout --kill-after=20 "$limit" cargo test --locked --test all -- \
        messages:: exchange:: values:: parts:: collectives:: \
        --skip nodes_have_one_leader_each --skip all_ranks_of_a_node_read_what_one_has_filled
}

# On so many nodes, so many at a time, these tests.
on() {
    local nodes=$1 threads=$2 code=0 count
    shift 2
    CLUSTER_NODES=$nodes tests/slurm/up.sh || code=$?
    if [ $code = 77 ]; then
        count=$(tests "$@" --list 2>/dev/null | grep -c ': test$' || true)
        skipped=$((skipped + count))
        printf '\n*** SKIPPED: %d tests that need a Slurm of %d nodes, see above\n\n' "$count" "$nodes"
        return 0
    fi
    [ $code = 0 ] || return $code
    (
        # shellcheck source=/dev/null
        . "$CLUSTER_DIR/env.sh"
        timeout --kill-after=20 "$limit" cargo test --locked --test slurm -- --ignored --test-threads="$threads" "$@" &&
            { [ "$nodes" = 1 ] || [ -n "$some" ] || core; }
    ) || code=$?
    if [ $code != 0 ]; then
        printf '\n--- what the controller has said last\n'
        tail -n 20 "$CLUSTER_DIR/log/slurmctld.log" || true
    fi
    tests/slurm/down.sh
    return $code
}

# More at a time than cores, since most of them wait for Slurm. Those on three nodes end nodes, and take the place of other jobs.
case $some in across*) ;; *) on 1 6 "$@" --skip across:: ;; esac
case ${some:-across::} in across*) on 3 1 "${some:-across::}" ;; esac
[ "$skipped" = 0 ] || printf '*** %d tests were SKIPPED\n' "$skipped"
