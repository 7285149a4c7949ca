# Sets what the build and the launcher need, for one MPI, in the present shell:
#
#   source ./env.sh [openmpi|mpich]      in bash or zsh
#   MPI=mpich; . ./env.sh                in dash, from this directory
#
# Without a name it takes the MPI of the mpicc on the PATH. It sets MPICC,
# HDF5_DIR, MPIEXEC, CARGO_TARGET_DIR (one per MPI) and, for Open MPI, what
# allows more ranks than cores; ./setup.sh --env shows the lines. What you have
# set yourself stays, unless it belongs to the other MPI. Nothing is installed.
# If something is missing it says so, sets nothing and returns non-zero.
#
# setup.sh does the finding, in a process of its own: so this works alike in
# every shell and leaves no function or variable of its own behind.
# shellcheck shell=sh disable=SC3028,SC2128
eval "$(
    if [ -n "${BASH_VERSION-}" ]; then
        file=$BASH_SOURCE mpi=${1:-${MPI-}}
    elif [ -n "${ZSH_VERSION-}" ]; then
        # eval, because the other shells cannot read this.
        eval 'file=${(%):-%x}'
        mpi=${1:-${MPI-}}
    else
        # Here $1 would be an argument of the calling script, not ours.
        file=./env.sh mpi=${MPI-}
    fi
    case $file in */*) ;; *) file=./$file ;; esac
    sh "${file%/*}/setup.sh" --env "$mpi" || echo false
)"
