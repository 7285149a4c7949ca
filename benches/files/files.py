"""The same with h5py, as its documentation shows it: one round. Prints case, what, seconds.

Run: mpirun -n 2 python3 files.py FOLDER ROWS COLUMNS CHUNK
"""
import os
import sys
import time

import h5py
import numpy as np
from mpi4py import MPI

comm = MPI.COMM_WORLD
path = os.path.join(sys.argv[1], "python.h5")
rows, columns, chunk = map(int, sys.argv[2:5])
mine = slice(rows * comm.rank // comm.size, rows * (comm.rank + 1) // comm.size)
data = np.arange((mine.stop - mine.start) * columns, dtype="f8").reshape(-1, columns)


def say(case, what, began):
    comm.Barrier()
    if comm.rank == 0:
        print(case, what, time.time() - began, flush=True)


for storage in sys.argv[5:]:
    for how in ["collective", "independent"]:
        case = storage + "/" + how
        for what in ["write", "fsync"]:
            if comm.rank == 0 and os.path.exists(path):
                os.unlink(path)
            comm.Barrier()
            began = time.time()
            file = h5py.File(path, "w", driver="mpio", comm=comm, libver="v110")
            # The low-level calls, because the high-level ones cannot switch off filling.
            create = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            create.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
            if storage == "chunked":
                create.set_chunk((chunk, columns))
            space = h5py.h5s.create_simple((rows, columns))
            x = h5py.Dataset(h5py.h5d.create(file.id, b"x", h5py.h5t.NATIVE_DOUBLE, space, create))
            if how == "collective":
                with x.collective:
                    x[mine] = data
            else:
                x[mine] = data
            file.close()
            if what == "fsync":
                comm.Barrier()
                if comm.rank == 0:
                    opened = os.open(path, os.O_RDONLY)
                    os.fsync(opened)
                    os.close(opened)
            say(case, what, began)
        comm.Barrier()
        began = time.time()
        file = h5py.File(path, "r", driver="mpio", comm=comm)
        x = file["x"]
        if how == "collective":
            with x.collective:
                read = x[mine]
        else:
            read = x[mine]
        file.close()
        say(case, "read", began)
        assert (read[-1] == data[-1]).all()
if comm.rank == 0 and os.path.exists(path):
    os.unlink(path)
