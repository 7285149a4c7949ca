"""The peer in Python: mpi4py's upper-case calls on NumPy's buffers, and its lower-case ones, which pickle.

Started on every rank by the bench (python.rs), which gives it the operation, the sizes, and what MPI it is to use; the first
rank writes the samples, in microseconds, as lines that record.rs reads.
"""

import argparse
import sys
from time import perf_counter

try:
    import mpi4py
    import numpy as np
    from mpi4py import MPI
except Exception as error:  # RuntimeError, when it finds no MPI
    sys.exit(f"cannot import mpi4py and numpy: {' '.join(str(error).split())}")

comm = MPI.COMM_WORLD
rank, size = comm.rank, comm.size
partner = rank ^ 1
right, left = (rank + 1) % size, (rank - 1) % size

# A call that takes longer is not repeated so often that it lasts more than this.
SECONDS_PER_CASE = 4.0


def upper(name, given, received):
    """The call, as a function of the root."""
    def ping_pong(root):
        if partner >= size:
            return
        if rank < partner:
            comm.Send(given, partner)
            comm.Recv(received, partner)
        else:
            comm.Recv(received, partner)
            comm.Send(given, partner)

    return {
        "broadcast": lambda root: comm.Bcast(received, root),
        "scatter": lambda root: comm.Scatter(given, received, root),
        "gather": lambda root: comm.Gather(given, received if rank == root else None, root),
        "all_gather": lambda root: comm.Allgather(given, received),
        "all_to_all": lambda root: comm.Alltoall(given, received),
        "reduce": lambda root: comm.Reduce(given, received if rank == root else None, MPI.SUM, root),
        "all_reduce": lambda root: comm.Allreduce(given, received, MPI.SUM),
        "reduce_scatter": lambda root: comm.Reduce_scatter_block(given, received, MPI.SUM),
        "scan": lambda root: comm.Scan(given, received, MPI.SUM),
        "exclusive_scan": lambda root: comm.Exscan(given, received, MPI.SUM),
        "ping_pong": ping_pong,
        "send_recv": lambda root: comm.Sendrecv(given, right, 0, received, left),
    }[name]


def lower(name, given):
    """As upper, with objects: an array, or a list with one for each rank."""
    blocks = np.split(given, size) if name in ("scatter", "all_to_all") else None

    def ping_pong(root):
        if partner >= size:
            return
        if rank < partner:
            comm.send(given, partner)
            comm.recv(source=partner)
        else:
            comm.recv(source=partner)
            comm.send(given, partner)

    return {
        "broadcast": lambda root: comm.bcast(given if rank == root else None, root),
        "scatter": lambda root: comm.scatter(blocks if rank == root else None, root),
        "gather": lambda root: comm.gather(given, root),
        "all_gather": lambda root: comm.allgather(given),
        "all_to_all": lambda root: comm.alltoall(blocks),
        "reduce": lambda root: comm.reduce(given, MPI.SUM, root),
        "all_reduce": lambda root: comm.allreduce(given, MPI.SUM),
        "scan": lambda root: comm.scan(given, MPI.SUM),
        "exclusive_scan": lambda root: comm.exscan(given, MPI.SUM),
        "ping_pong": ping_pong,
        "send_recv": lambda root: comm.sendrecv(given, right, source=left),
    }.get(name)


def seconds(call, calls):
    comm.Barrier()
    start = perf_counter()
    for i in range(calls):
        call(i % size)
    return perf_counter() - start


def samples(call, wanted, sample_micros):
    """The slowest rank's microseconds per call."""
    seconds(call, 1)
    one = min(comm.allreduce(seconds(call, 2) / 2, MPI.MAX) for _ in range(3))
    calls = min(max(int(sample_micros * 1e-6 / one) + 1, 1), 10_000)
    wanted = min(wanted, max(5, int(SECONDS_PER_CASE / (one * (calls + 1)))))
    mine = np.empty(wanted)
    for i in range(wanted):
        call(0)
        mine[i] = seconds(call, calls)
    slowest = np.empty(wanted)
    comm.Allreduce(mine, slowest, MPI.MAX)
    return slowest * 1e6 / calls


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ranks", type=int)
    parser.add_argument("--library")
    parser.add_argument("--operation")
    parser.add_argument("--bytes")
    parser.add_argument("--samples", type=int)
    parser.add_argument("--sample-micros", type=float)
    parser.add_argument("--record")
    args = parser.parse_args()

    library = " ".join(MPI.Get_library_version().strip("\0").splitlines()[0].split())
    if library != args.library:
        sys.exit(f"mpi4py uses another MPI: {library} instead of {args.library}")
    if size != args.ranks:
        sys.exit(f"mpi4py sees a world of {size} ranks instead of {args.ranks}")

    python = ".".join(map(str, sys.version_info[:3]))
    lines = [f"note mpi4py {mpi4py.__version__}, NumPy {np.__version__}, Python {python}"]
    name = args.operation
    for length in map(int, args.bytes.split(",")):
        count = length // 8
        given = np.ones(count * size if name in ("scatter", "all_to_all", "reduce_scatter") else count)
        received = np.ones(count * size if name in ("gather", "all_gather", "all_to_all") else count)
        for variant, call in ("upper", upper(name, given, received)), ("lower", lower(name, given)):
            if call is None:
                lines.append(f"skipped {name} {variant} mpi4py has no such call")
                continue
            times = samples(call, args.samples, args.sample_micros)
            if name == "ping_pong":
                times = times / 2
            lines.append(f"time {name} {variant} {length} " + " ".join(f"{time:.5f}" for time in times))
    if rank == 0:
        with open(args.record, "w") as record:
            record.write("\n".join(dict.fromkeys(lines)) + "\n")


main()
