"""Lesson 12 in mpi4py: numbers on rank 0 that every rank changes, without rank 0."""
import time

import numpy as np
from mpi4py import MPI

TASKS = 24
world = MPI.COMM_WORLD
# Two numbers on rank 0: a sum, and the next task.
window = MPI.Win.Allocate(16 if world.rank == 0 else 0, disp_unit=8, comm=world)
window.Lock_all()
if world.rank == 0:
    np.frombuffer(window, dtype="i8")[:] = 0
    window.Sync()
world.Barrier()


def fetch_add(more, place):
    before = np.empty(1, dtype="i8")
    window.Fetch_and_op(np.array([more], dtype="i8"), before, 0, place, MPI.SUM)
    window.Flush(0)
    return int(before[0])


fetch_add(world.rank, 0)
world.Barrier()
if world.rank == 0:
    print(f"the sum of all ranks is {fetch_add(0, 0)}")

done = []
while (task := fetch_add(1, 1)) < TASKS:
    time.sleep(0.012 if task % 3 == 0 else 0.002)
    done.append(task)
window.Unlock_all()
window.Free()

every = world.gather(done)
if world.rank == 0:
    for rank, tasks in enumerate(every):
        print(f"rank {rank} did {len(tasks)} tasks")
    every = sorted(sum(every, []))
    print(f"{len(every)} tasks, each done once: {str(every == list(range(TASKS))).lower()}")
