# The two commands of the README are `make demo` and `make test`; the rest is
# for those who work on the code. MPI=mpich takes the other MPI.
MPI ?= openmpi

# Each recipe is one shell that first reads the variables for this MPI.
ENV = MPI=$(MPI); . ./env.sh

# --locked: build what Cargo.lock says, never something newer.
CARGO_FLAGS = --locked

.PHONY: help setup demo test course lessons exercise bench-permute test-large test-new test-slurm test-valgrind figures-slurm check clean

help:
	@echo 'make demo      map the density of the example data with two ranks'
	@echo 'make test      run all tests'
	@echo 'make course    the book of the course, with all it shows made anew, into target/course; make lessons only builds its programs'
	@echo 'make exercise 3    are the exercises of lesson 3 right? Also 3a'
	@echo 'make test-large   messages of more than 4 GiB, with 16 GiB of memory'
	@echo 'make test-slurm   the batch scripts in slurm/, under a Slurm of our own, which it starts and ends; ARGS=WORD for some'
	@echo 'make figures-slurm   how fast messages are between three nodes of our own'
	@echo 'make test-new     what rankwise new writes is built and tested'
	@echo 'make test-valgrind   what happens to memory, under valgrind'
	@echo 'make check     formatting, clippy and documentation'
	@echo 'make setup     only install what is missing'
	@echo 'make bench-checks   what the checks cost a call'
	@echo 'make bench-farm   tasks a second of the farm, beside C and Python'"'"'s pools'
	@echo 'make bench-files   compare files with C, h5py and pwrite; ARGS=--quick for a first look, ARGS=--help for more'
	@echo 'make bench-flow   pipelines beside plain messages, and graphs of tasks'
	@echo 'make bench-merge   ways to merge many sorted runs, beside C++'
	@echo 'make bench-messages   compare messages with C; ARGS=--quick for a first look, ARGS=--help for more'
	@echo 'make bench-sort   sorting across ranks beside C, rayon and radix sorts; ARGS=--aims for a hundred million keys'
	@echo 'make bench-permute   compare permute_corpus with shuf, cp and others on 1 GB'
	@echo 'make bench-trace   what the record of a run costs: an event, a call, the picture of a million events'
	@echo 'make bench-density   densities beside C++, scipy, scikit-learn, KDEpy and finufft (PYTHON=... that has them); ARGS=--quick for a first look'
	@echo 'make bench-density_spectral   densities by way of a grid, to several tolerances, beside finufft (PYTHON=... that has it)'
	@echo 'make clean     remove what was built, for both MPIs'
	@echo
	@echo 'MPI=openmpi (the default) or MPI=mpich chooses the MPI, as in: make test MPI=mpich'

# Quick when nothing is missing, so everything that builds goes through it.
setup:
	@./setup.sh $(MPI)

# The command is printed first: it is the one to start from for other data.
demo: setup
	@$(ENV) && cargo build $(CARGO_FLAGS) --release --example parzen && \
	set -- $$MPIEXEC -n 2 "$$CARGO_TARGET_DIR/release/examples/parzen" \
	    examples/data/cities.h5 --dataset /points --grid 720x360 \
	    --limits -180:180,-90:90 --bandwidth 1.5 \
	    -o density.h5 --plot density.png --report text && \
	echo "$$*" && "$$@"

# First all is built, the examples with it, which some tests run. The tests have their own limits; an example in the documentation that
# hangs is ended here. Each is a run of one rank, for which Open MPI need not look for a network. They and then the tests of the course
# run beside the other tests, which often wait, and are shown behind them. A shell without job control has what runs beside ignore
# Ctrl-C, so it is passed on; timeout passes it on to all that it has started.
test: setup
	@$(ENV) && $(FOR_TESTS) && cargo test $(CARGO_FLAGS) --workspace --exclude rankwise-benches --no-run || exit; \
	said=$$(mktemp) || exit; \
	RUST_TEST_THREADS=1 timeout 900 sh -c 'OMPI_MCA_pml=$${OMPI_MCA_pml:-ob1} cargo test $(CARGO_FLAGS) --doc; code=$$?; \
	    cargo test $(CARGO_FLAGS) -p rankwise-course --tests && exit $$code' >"$$said" 2>&1 & \
	beside=$$!; trap 'rm -f "$$said"' EXIT; trap 'kill $$beside; exit 130' INT TERM; \
	cargo test $(CARGO_FLAGS) --tests; code=$$?; \
	wait $$beside || code=1; cat "$$said"; exit $$code

# More tests at once than cores, for most of them wait most of the time, with Open MPI more than with MPICH; and no launch looks for
# devices, as in src/testing.rs.
FOR_TESTS = export RUST_TEST_THREADS=$${RUST_TEST_THREADS:-$(if $(filter mpich,$(MPI)),2,3)} HWLOC_COMPONENTS=$${HWLOC_COMPONENTS--pci,-linuxio} \
	HWLOC_PLUGINS_PATH=$${HWLOC_PLUGINS_PATH-/dev/null}

# The programs of the lessons, and all that goes with them.
lessons: setup
	@$(BUILD_LESSONS)

LESSONS = $(basename $(notdir $(wildcard examples/[0-9][0-9]_*.rs)))
BUILD_LESSONS = $(ENV) && cargo build $(CARGO_FLAGS) --bin rankwise $(addprefix --example ,$(LESSONS)) && \
	cargo build $(CARGO_FLAGS) -p rankwise-course --bins

# Without mdbook it is built here, once.
MDBOOK_FLAGS = --locked --version 0.4.52 --no-default-features --root target/tools

course: setup
	@$(BUILD_LESSONS) && "$$CARGO_TARGET_DIR/debug/course" generate $(PAGES) && \
	PATH=$$PATH:$$PWD/target/tools/bin && { command -v mdbook >/dev/null || { \
	    echo 'There is no mdbook on the PATH: it is built into target/tools, which takes some minutes' && \
	    env -u CARGO_TARGET_DIR cargo install $(MDBOOK_FLAGS) mdbook; }; } && \
	mdbook build docs/course --dest-dir "$$PWD/target/course" && echo 'The book begins with target/course/index.html'

# Its number is the word behind, as in: make exercise 3
ifeq (exercise,$(firstword $(MAKECMDGOALS)))
N ?= $(word 2,$(MAKECMDGOALS))
$(eval $(word 2,$(MAKECMDGOALS)):;@:)
endif
DIGITS = $(shell printf '%02d' "$$(echo '$(N)' | tr -cd 0-9 | sed 's/^0*//')")

LETTERS = $(or $(shell echo '$(N)' | tr -cd ab),a b)

# One that does not compile does not keep the other from being checked.
exercise: setup
	@case '$(N)' in [1-9]|[1-9][ab]|[1-9]_[ab]|0[1-9]*|1[0-6]*) ;; *) echo 'which one? As in: make exercise 3, or make exercise 3a'; exit 2; esac
	@$(ENV) && cargo build --quiet $(CARGO_FLAGS) -p rankwise-course --bin course || exit; code=0; \
	for letter in $(LETTERS); do \
	    if cargo build --quiet $(CARGO_FLAGS) -p rankwise-course --bin exercise_$(DIGITS)_$$letter; \
	    then "$$CARGO_TARGET_DIR/debug/course" exercise $(DIGITS)$$letter || code=1; \
	    else echo "exercise_$(DIGITS)_$$letter does not compile yet: see above"; code=1; \
	    fi; \
	done; exit $$code

# It measures the program, beside shuf, cp and others.
bench-permute: setup
	@$(ENV) && cargo build $(CARGO_FLAGS) --release --example permute_corpus && \
	cargo run $(CARGO_FLAGS) --release -p rankwise-benches --bin permute -- $(ARGS)

# What takes minutes and 16 GiB.
test-large: setup
	@$(ENV) && RANKWISE_TEST_LIMIT=600 cargo test $(CARGO_FLAGS) --release --test large -- --ignored --test-threads=1

# A project that rankwise new writes, as its user would build it: that takes a minute.
test-new: setup
	@$(ENV) && cargo build $(CARGO_FLAGS) --bins && cargo test $(CARGO_FLAGS) --test all -- --include-ignored new::

# Installs Slurm where it may, and says so where it cannot be had. The scripts run these examples.
test-slurm: setup
	@$(ENV) && cargo build $(CARGO_FLAGS) --bin rankwise $(addprefix --example ,$(SLURM_EXAMPLES)) && \
	cargo test $(CARGO_FLAGS) --no-run --test slurm --test all && tests/slurm/run.sh $(ARGS)

SLURM_EXAMPLES = hello pi pool word_count hybrid heat parzen bubble_sort permute_corpus command_farm faults

# Messages between three nodes of our own, beside shared memory.
figures-slurm: setup
	@$(ENV) && cargo build $(CARGO_FLAGS) --release --bin rankwise && tests/slurm/figures.sh

# What MPI and the unsafe code below the fence do to memory, at 2 ranks of Open MPI. Needs valgrind.
test-valgrind: setup
	@MPI=openmpi; . ./env.sh && \
	RANKWISE_TEST_ONLY=2 RANKWISE_TEST_LIMIT=900 \
	RANKWISE_TEST_UNDER='valgrind -q --error-exitcode=33 --undef-value-errors=no' \
	    cargo test $(CARGO_FLAGS) --test all -- soundness:: messages:: exchange:: values:: parts::

check: setup
	@$(ENV) && cargo fmt --all --check && \
	cargo clippy $(CARGO_FLAGS) --workspace --all-targets -- -D warnings && \
	cargo clippy $(CARGO_FLAGS) --no-default-features --lib --examples -- -D warnings && \
	RUSTDOCFLAGS='-D warnings' cargo doc $(CARGO_FLAGS) --no-deps

# Each program in benches/, with ARGS for it.
bench-%: setup
	@$(ENV) && cargo run $(CARGO_FLAGS) --release -p rankwise-benches --bin $* -- $(ARGS)

# Needs no MPI, so it does not ask env.sh where the two directories are.
clean:
	@target=$${CARGO_TARGET_DIR:-target}; \
	target=$${target%/openmpi}; target=$${target%/mpich}; \
	for mpi in openmpi mpich; do cargo clean --target-dir "$$target/$$mpi"; done
