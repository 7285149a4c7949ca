#!/bin/sh
# Finds what the build needs and, where it may, installs what is missing.
#
#   ./setup.sh [openmpi|mpich]         check and install; silent when all is there
#   ./setup.sh --env [openmpi|mpich]   install nothing, print the variables of env.sh
#
# It asks what works, not which packages are installed: a cluster's modules do
# as well as Debian's packages. Without an argument the variable MPI decides,
# then the mpicc on the PATH, then it is Open MPI.
#
# Packages are installed only on Debian and its relatives, as root or with a
# sudo that asks for no password. Anywhere else it says what to do and exits 1.
set -u

root=$(CDPATH='' cd "$(dirname "$0")" && pwd) || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM

# --- which MPI ---------------------------------------------------------------

# The family of a compiler wrapper. Open MPI's answers --showme:version; those
# of MPICH and its offspring (Intel, MVAPICH, Cray) only know -show.
wrapper_family() {
    case $("$1" --showme:version 2>/dev/null) in *"Open MPI"*) echo openmpi; return ;; esac
    case $("$1" -show 2>/dev/null) in *-lmpi*) echo mpich ;; esac
}

# The family of a launcher; srun starts the programs of any MPI.
launcher_family() {
    case $("$1" --version 2>&1 </dev/null) in
        *"Open MPI"* | *OpenRTE* | *PRRTE*) echo openmpi ;;
        *HYDRA* | *"Intel(R) MPI"*) echo mpich ;;
        slurm*) echo any ;;
    esac
}

me=setup.sh
if [ "${1-}" = --env ]; then me=env.sh; shift; fi

mpi=${1:-${MPI-}}
[ -n "$mpi" ] || mpi=$(wrapper_family "${MPICC:-mpicc}")
case ${mpi:=openmpi} in
    openmpi) mpi_name="Open MPI" other=mpich ;;
    mpich) mpi_name=MPICH other=openmpi ;;
    *)
        echo "$me: unknown MPI '$mpi': it is openmpi or mpich (a script with arguments of its own must name it)" >&2
        exit 1
        ;;
esac

# --- finding things ----------------------------------------------------------

# Linking a program is the only proof that headers and libraries are there too.
can_link() {
    printf '%s\n' "$2" >"$tmp/try.c"
    "$1" "$tmp/try.c" -o "$tmp/try" >/dev/null 2>&1
}

find_cc() {
    can_link cc 'int main(void) { return 0; }'
}

# Sets mpicc. A module's mpicc goes before the distribution's, which are
# called mpicc.openmpi and mpicc.mpich on Debian, where both may be installed.
find_mpicc() {
    mpicc=
    case $(command -v mpicc) in
        '' | /usr/bin/* | /bin/*) set -- "${MPICC-}" "mpicc.$mpi" mpicc ;;
        *) set -- "${MPICC-}" mpicc "mpicc.$mpi" ;;
    esac
    for candidate in "$@"; do
        if [ -n "$candidate" ] && [ "$(wrapper_family "$candidate")" = "$mpi" ] &&
            can_link "$candidate" '#include <mpi.h>
                int main(void) { return MPI_Init(0, 0); }'; then
            mpicc=$candidate
            return 0
        fi
    done
    return 1
}

# Sets launcher, which must belong to the same MPI. One we cannot tell is
# believed if the user chose it (a site's own launcher, say).
find_launcher() {
    launcher=
    case $(command -v mpirun) in
        '' | /usr/bin/* | /bin/*) set -- "mpirun.$mpi" "mpiexec.$mpi" mpirun mpiexec srun ;;
        *) set -- mpirun mpiexec "mpirun.$mpi" "mpiexec.$mpi" srun ;;
    esac
    for candidate in "${MPIEXEC-}" "$@"; do
        command=${candidate%% *} # MPIEXEC may come with options
        command -v "${command:-none}" >/dev/null || continue
        family=$(launcher_family "$command")
        case ${family:-unknown} in
            "$mpi" | any) launcher=$candidate; return 0 ;;
            unknown) [ "$candidate" = "${MPIEXEC-}" ] && launcher=$candidate && return 0 ;;
        esac
    done
    return 1
}

# True if the HDF5 with its headers in $1 was built for MPI.
is_parallel() {
    grep -qs '^#define[[:space:]]*H5_HAVE_PARALLEL[[:space:]]*1' "$1/H5pubconf.h" "$1/H5pubconf-64.h"
}

# Sets hdf5_dir if $1 (headers) and $2 (libraries) are those of a parallel HDF5.
use_hdf5() {
    for prefix in "${2%/*}" "$2"; do
        if is_parallel "$prefix/include" && [ -e "$prefix/lib/libhdf5.so" ]; then
            hdf5_dir=$prefix
            return 0
        fi
    done
    if is_parallel "$1" && [ -e "$2/libhdf5.so" ]; then
        # The hdf5 crate only knows a directory with include and lib in it;
        # Fedora and installations with lib64 need one made for them.
        hdf5_dir=$root/target/hdf5-$mpi
        mkdir -p "$hdf5_dir" && ln -sfn "$1" "$hdf5_dir/include" && ln -sfn "$2" "$hdf5_dir/lib"
        return
    fi
    if [ -e "$1/H5pubconf.h" ] && ! is_parallel "$1"; then
        hdf5_note="the HDF5 with its headers in $1 is a serial one (no H5_HAVE_PARALLEL in H5pubconf.h)"
    fi
    return 1
}

use_hdf5_root() {
    use_hdf5 "$1/include" "$1/lib" || use_hdf5 "$1/include" "$1/lib64"
}

# Sets hdf5_dir, or hdf5_note if there was a reason not to take what was found.
find_hdf5() {
    hdf5_dir='' hdf5_note='' hdf5_set=''
    case ${HDF5_DIR-} in
        # unset, or what env.sh takes on Debian
        '' | /usr/lib/*/hdf5/openmpi | /usr/lib/*/hdf5/mpich) ;;
        # made by us for what the user had set
        "$root/target/hdf5-$mpi") use_hdf5_root "$HDF5_DIR" && return ;;
        # of the other MPI
        *"$other"*) ;;
        # set on purpose, so nothing else will do
        *)
            hdf5_set=yes hdf5_note="HDF5_DIR=$HDF5_DIR has no HDF5 with headers and libraries"
            use_hdf5_root "$HDF5_DIR"
            return
            ;;
    esac
    for candidate in "${HDF5_ROOT-}" "${HDF5_HOME-}"; do
        [ -n "$candidate" ] && use_hdf5_root "$candidate" && return
    done
    # HDF5's own wrapper names its MPI compiler first, then its directories.
    for wrapper in h5pcc "h5pcc.$mpi"; do
        shown=$("$wrapper" -show 2>/dev/null) || continue
        [ "$(wrapper_family "${shown%% *}")" = "$mpi" ] || continue
        for include in $shown; do
            case $include in -I*) ;; *) continue ;; esac
            for lib in $shown; do
                case $lib in -L*) use_hdf5 "${include#-I}" "${lib#-L}" && return ;; esac
            done
        done
    done
    for candidate in /usr/lib/*/hdf5/"$mpi"; do
        use_hdf5 "$candidate/include" "$candidate/lib" && return
    done
    return 1
}

# libclang as clang-sys looks for it, and beside it the compiler's own headers
# (stddef.h), which Debian's libclang1 lacks and bindgen cannot do without.
find_libclang() {
    libclang=
    if [ -n "${LIBCLANG_PATH-}" ]; then
        for candidate in "$LIBCLANG_PATH" "$LIBCLANG_PATH"/libclang.so* "$LIBCLANG_PATH"/libclang-*.so*; do
            [ -f "$candidate" ] && libclang=$candidate && return
        done
        return 1
    fi
    prefix=$("${LLVM_CONFIG_PATH:-llvm-config}" --prefix 2>/dev/null) || prefix=/usr/local
    saved_ifs=$IFS
    IFS=: # for the two lists of directories
    for dir in "$prefix/lib" "$prefix/lib64" ${LD_LIBRARY_PATH-} ${LIBRARY_PATH-} \
        /usr/local/llvm*/lib* /usr/local/lib* /usr/local/lib*/* /usr/lib/llvm*/lib /usr/lib64 /usr/lib64/* /usr/lib /usr/lib/*; do
        for candidate in "$dir"/libclang.so* "$dir"/libclang-*.so*; do
            case $candidate in *-cpp.* | *'*'*) continue ;; esac
            real=$(readlink -f "$candidate") && real=${real%/*}
            for header in "$dir"/clang/*/include/stddef.h "$real"/clang/*/include/stddef.h \
                "$dir"/../lib/clang/*/include/stddef.h; do
                if [ -e "$header" ]; then
                    libclang=$candidate
                    break 3
                fi
            done
        done
    done
    IFS=$saved_ifs
    [ -n "$libclang" ]
}

# --- the variables of env.sh -------------------------------------------------

# An assignment that any shell can read back.
export_line() {
    printf "export %s='%s'\n" "$1" "$(printf '%s' "$2" | sed "s/'/'\\\\''/g")"
}

# The same, for a variable that is only a default.
export_default() {
    eval "[ -n \"\${$1+set}\" ]" || export_line "$1" "$2"
}

print_env() {
    problem=
    find_mpicc || problem="no usable mpicc of $mpi_name"
    find_launcher || problem="${problem:+$problem, }no mpirun of $mpi_name"
    find_hdf5 || problem="${problem:+$problem, }${hdf5_note:-no parallel HDF5 for $mpi_name}"
    if [ -n "$problem" ]; then
        echo "$me: $problem; ./setup.sh $mpi says what to do" >&2
        exit 1
    fi

    export_line MPICC "$mpicc"
    export_line MPIEXEC "$launcher"
    export_line HDF5_DIR "$hdf5_dir"

    # mpi-sys does not notice that MPICC has changed: one target directory each.
    case ${CARGO_TARGET_DIR-} in
        '') target=$root/target ;;
        */openmpi | */mpich) target=${CARGO_TARGET_DIR%/*} ;;
        /*) target=$CARGO_TARGET_DIR ;;
        *) target=$root/$CARGO_TARGET_DIR ;;
    esac
    export_line CARGO_TARGET_DIR "$target/$mpi"

    # Debian's HDF5 is where the loader looks, a module's may not be.
    case $hdf5_dir:${LD_LIBRARY_PATH-}: in
        /usr:* | /usr/lib/*/hdf5/* | *:"$hdf5_dir/lib":*) ;;
        *) export_line LD_LIBRARY_PATH "$hdf5_dir/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" ;;
    esac

    [ "$mpi" = openmpi ] || return 0
    # The tests use more ranks than a small machine has cores. OMPI_ is for
    # Open MPI 4, PRTE_ for 5.
    export_default OMPI_MCA_rmaps_base_oversubscribe 1
    export_default PRTE_MCA_rmaps_default_mapping_policy :oversubscribe
    # Two jobs at a time would be bound to the same cores. Inside a batch job
    # the cores are ours and the scheduler's placing is the better one.
    if [ -z "${SLURM_JOB_ID-}${PBS_JOBID-}${LSB_JOBID-}" ]; then
        export_default OMPI_MCA_hwloc_base_binding_policy none
        export_default PRTE_MCA_hwloc_default_binding_policy none
    fi
    # Root is what one is in a container.
    if [ "$(id -u)" = 0 ]; then
        export_default OMPI_ALLOW_RUN_AS_ROOT 1
        export_default OMPI_ALLOW_RUN_AS_ROOT_CONFIRM 1
    fi
}

if [ "$me" = env.sh ]; then
    print_env
    exit
fi

# --- checking and installing -------------------------------------------------

say() {
    echo "$me: $*" >&2
}

check_cargo() {
    need=$(sed -n 's/^rust-version *= *"\([0-9.]*\)".*/\1/p' "$root/Cargo.toml" 2>/dev/null | head -n 1)
    hint="get it from https://rustup.rs (rustup update stable), or on a cluster: module load rust"
    if ! answer=$(cd "$root" && cargo --version 2>&1); then
        [ -x "${HOME-}/.cargo/bin/cargo" ] && hint="it is in ~/.cargo/bin, which is not on the PATH: . ~/.cargo/env"
        case $answer in *error*) hint="$answer" ;; esac # rustup's own words
        say "cargo ${need:+$need or newer }is missing; $hint"
        exit 1
    fi
    have=$(echo "$answer" | sed 's/^cargo \([0-9.]*\).*/\1/')
    if [ "$(printf '%s\n%s\n' "${need:-0}" "$have" | sort -V | head -n 1)" != "${need:-0}" ]; then
        say "cargo $have is too old, $need or newer is needed; $hint"
        exit 1
    fi
}

has_h5py() {
    for python in /usr/bin/python3 python3; do
        "$python" -c 'import importlib.util as u, sys; sys.exit(u.find_spec("h5py") is None)' 2>/dev/null && return
    done
    return 1
}

# Notes what was found, what is missing, and Debian's packages for the latter.
found='' missing='' packages='' extras=''
have() { found="$found
  - $1"; }
lack() { missing="$missing
  - $1"; shift; packages="$packages $*"; }

check() {
    found='' missing='' packages='' extras=''
    if find_cc; then have "C compiler: $(command -v cc)"; else
        lack "a C compiler and linker (cc)" gcc libc6-dev
    fi
    if find_mpicc; then have "MPI compiler: $(command -v "$mpicc")"; else
        lack "a usable mpicc of $mpi_name" "lib$mpi-dev" "$mpi_runtime"
        family=$(wrapper_family mpicc)
        [ "$family" != "$other" ] || have "an mpicc of the other MPI, for which MPI=$other is the setting"
    fi
    if find_launcher; then have "launcher: $launcher"; else
        lack "a launcher of $mpi_name (mpirun, mpiexec or srun)" "$mpi_runtime"
    fi
    if find_hdf5; then have "parallel HDF5: $hdf5_dir"; else
        lack "a parallel HDF5 with headers for $mpi_name" "libhdf5-$mpi-dev"
        [ -z "$hdf5_note" ] || have "but: $hdf5_note"
        [ -z "$hdf5_set" ] || have "HDF5_DIR is set, so no other HDF5 is looked for; unset it to change that"
    fi
    if find_libclang; then have "libclang: $libclang"; else
        lack "libclang with its headers" libclang-dev
    fi
    # These two are for the tests alone.
    command -v h5diff >/dev/null || extras="$extras hdf5-tools"
    has_h5py || extras="$extras python3-h5py"
}

case $mpi in openmpi) mpi_runtime=openmpi-bin ;; *) mpi_runtime=mpich ;; esac

# Debian's packages among the arguments that are not installed, each once.
not_installed() {
    for package in $(printf '%s\n' "$@" | sort -u); do
        case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
            *"ok installed") ;;
            *) printf '%s ' "$package" ;;
        esac
    done
}

# Word splitting is meant: $sudo is empty or two words.
apt() {
    # shellcheck disable=SC2086
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=300 "$@" \
        </dev/null >>"$tmp/apt.log" 2>&1
}

apt_update() {
    # A new machine's own daily update may hold the lock of the lists.
    apt update || { sleep 20 && apt update; }
}

apt_install() {
    # The lists may be missing (a fresh container) or older than the archive.
    if apt-cache show "$@" >/dev/null 2>&1; then
        apt install --no-install-recommends "$@" && return
    fi
    apt_update && apt install --no-install-recommends "$@"
}

install_missing() {
    [ -e /etc/debian_version ] && command -v apt-get >/dev/null || return 1
    sudo=
    if [ "$(id -u)" != 0 ]; then
        sudo -n true 2>/dev/null || return 1
        sudo='sudo -n'
    fi
    # Another HDF5 would not help while HDF5_DIR insists on the wrong one.
    [ -z "$missing" ] || [ -n "$hdf5_dir" ] || [ -z "$hdf5_set" ] || return 1
    # shellcheck disable=SC2086
    wanted=$(not_installed $packages $extras)
    [ -n "$wanted" ] || return 1
    echo "$me: installing ${wanted% } with apt-get (this may take some minutes)"
    # shellcheck disable=SC2086
    if ! apt_install $wanted; then
        say "apt-get failed; the end of what it said:"
        tail -n 20 "$tmp/apt.log" >&2
        return 1
    fi
}

report() {
    # shellcheck disable=SC2086
    debian=$(printf '%s\n' $packages $extras | sort -u | tr '\n' ' ')
    say "cannot build for $mpi_name on this machine. Missing:$missing"
    echo "Found:${found:-
  nothing of the rest}" >&2
    cat >&2 <<END
To get what is missing:
  Debian, Ubuntu:  sudo apt-get install ${debian% }
  Fedora, RHEL:    sudo dnf install gcc clang-devel $mpi-devel hdf5-$mpi-devel
                   module load mpi/$mpi-$(uname -m)
  a cluster:       module load $mpi hdf5/<version>-parallel llvm
                   (the names differ; module spider hdf5 lists them)
END
}

check_cargo
check
if [ -n "$missing$extras" ] && install_missing; then
    check
fi
if [ -n "$missing" ]; then
    report
    exit 1
fi
if [ -n "$extras" ]; then
    say "some tests will fail or be skipped without$extras (Debian's names); the rest works"
fi
