#!/usr/bin/env bash
# Runs the tests that need Slurm, for the MPI whose env.sh has been sourced: on this machine alone, then on three nodes of our own.
# Each time the cluster is started before, and ended behind, whatever happens. What cannot be run here is said and counted.
#
#   tests/slurm/run.sh [words]     words: only tests with them in their name
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

limit=600 # seconds for the tests on one cluster; they have limits of their own, this is the last one
skipped=0

# Other clusters may run on this machine: names and ports go by this process.
export CLUSTER_PORT=$((20000 + $$ % 1200 * 10))
CLUSTER_DIR=$(mktemp -d "${TMPDIR:-/tmp}/rankwise-slurm-XXXXXX")
export CLUSTER_DIR
down() { tests/slurm/down.sh; rm -rf "$CLUSTER_DIR"; }
trap down EXIT
trap 'exit 130' INT TERM HUP

tests() { cargo test --locked --quiet --test slurm -- --ignored "$@"; }

# On so many nodes, the tests whose names begin so.
on() {
    local nodes=$1 code=0 count
    shift
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
        # More at a time than cores: most of them wait for Slurm.
        timeout --kill-after=20 "$limit" cargo test --locked --test slurm -- --ignored --test-threads=4 "$@"
    ) || code=$?
    if [ $code != 0 ]; then
        printf '\n--- what the controller has said last\n'
        tail -n 20 "$CLUSTER_DIR/log/slurmctld.log" || true
    fi
    tests/slurm/down.sh
    return $code
}

if [ $# -gt 0 ]; then
    on 1 "$@" --skip across
    on 3 across "$@"
else
    on 1 --skip across
    on 3 across
fi
[ "$skipped" = 0 ] || printf '*** %d tests were SKIPPED\n' "$skipped"
