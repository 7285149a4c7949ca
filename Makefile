# The two commands of the README are `make demo` and `make test`; the rest is
# for those who work on the code. MPI=mpich takes the other MPI.
MPI ?= openmpi

# Each recipe is one shell that first reads the variables for this MPI.
ENV = MPI=$(MPI); . ./env.sh

# --locked: build what Cargo.lock says, never something newer.
CARGO_FLAGS = --locked

.PHONY: help setup demo test check clean

help:
	@echo 'make demo      map the density of the example data with two ranks'
	@echo 'make test      run all tests'
	@echo 'make check     formatting, clippy and documentation'
	@echo 'make setup     only install what is missing'
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

# Without --all-targets, which would leave out the examples in the documentation.
test: setup
	@$(ENV) && cargo test $(CARGO_FLAGS)

check: setup
	@$(ENV) && cargo fmt --check && \
	cargo clippy $(CARGO_FLAGS) --all-targets -- -D warnings && \
	RUSTDOCFLAGS='-D warnings' cargo doc $(CARGO_FLAGS) --no-deps

# Needs no MPI, so it does not ask env.sh where the two directories are.
clean:
	@target=$${CARGO_TARGET_DIR:-target}; \
	target=$${target%/openmpi}; target=$${target%/mpich}; \
	for mpi in openmpi mpich; do cargo clean --target-dir "$$target/$$mpi"; done
