# For readers of the course: after it, every command of the book can be pasted as it is.
#
#   source docs/course/start.sh [openmpi|mpich]      in bash or zsh, from the project's folder
#
# It reads env.sh, puts the built programs of the course on the PATH, and has `mpirun` be the launcher of the MPI that they
# are built with. Failures show without a list of functions, as in the book.
# shellcheck shell=bash
# shellcheck source=/dev/null
if [ -f ./env.sh ]; then
    . ./env.sh "${1:-openmpi}" &&
        PATH=$CARGO_TARGET_DIR/debug/examples:$CARGO_TARGET_DIR/debug/twins:$CARGO_TARGET_DIR/debug:$PATH &&
        export RUST_BACKTRACE=0 &&
        mpirun() { eval "command $MPIEXEC \"\$@\""; }
else
    echo 'start.sh: go to the folder of the project first, the one with env.sh in it' >&2
    false
fi
