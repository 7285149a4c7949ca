"""Lesson 14 in mpi4py and h5py: one file from all ranks, written by rows, read by columns. The h5py must be one that was built with
HDF5_MPI=ON."""
import sys

import h5py
import numpy as np
from mpi4py import MPI

ROWS, COLUMNS = 10, 6
world = MPI.COMM_WORLD


def block(n):
    mine = np.array_split(np.arange(n), world.size)[world.rank]
    return slice(mine[0], mine[-1] + 1) if len(mine) else slice(0, 0)


rows, columns = block(ROWS), block(COLUMNS)

# All create the file, all write.
with h5py.File(sys.argv[1], "w", driver="mpio", comm=world) as file:
    table = file.create_dataset("table", (ROWS, COLUMNS), dtype="f8")
    table.attrs["unit"] = "K"
    with table.collective:
        table[rows] = np.arange(ROWS)[rows, None] * 100.0 + np.arange(COLUMNS)

# And read it in another way.
with h5py.File(sys.argv[1], "r", driver="mpio", comm=world) as file:
    table = file["table"]
    unit = table.attrs["unit"]
    with table.collective:
        sums = table[:, columns].sum(axis=0)

sums = world.gather(sums)
if world.rank == 0:
    print(f"the columns sum to {[float(x) for x in np.concatenate(sums)]} {unit}")
