#!/usr/bin/env bash
# Jobs that wait for each other: permute a corpus, check it, count its words. Run it where you type sbatch; it is no job itself.
#
# Run:    INPUT=corpus.txt slurm/chain.sh
#         what is given before it is given to all three, PROGRAMS=target/mpich/release/examples too
# Shows:  --dependency=afterok; a job whose turn never comes is ended and not left in the queue
# Next:   array_sweep.sbatch
set -euo pipefail

# --- settings: change them here, or give them before, as above -----------------
PROGRAMS=${PROGRAMS:-target/openmpi/release/examples}
export INPUT=${INPUT:-docs} OUTPUT=${OUTPUT:-permuted.txt}
options=("$@") # for all three: --account=..., --partition=...

# --- the work: the numbers of the jobs are printed -----------------------------
here=$(dirname "${BASH_SOURCE[0]}")
after() { sbatch --parsable --kill-on-invalid-dep=yes --dependency="afterok:$1" ${options[@]+"${options[@]}"} "${@:2}"; }
first=$(PROGRAM=$PROGRAMS/permute_corpus sbatch --parsable ${options[@]+"${options[@]}"} "$here/permute_corpus.sbatch")
second=$(PROGRAM=$PROGRAMS/permute_corpus after "$first" "$here/chain_step.sbatch" --check "$OUTPUT.manifest.json")
third=$(PROGRAM=$PROGRAMS/word_count after "$second" "$here/chain_step.sbatch" "$OUTPUT" --top 5)
echo "$first $second $third"
