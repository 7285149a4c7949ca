"""Lesson 15 in mpi4py: n becomes n/2 if it is even, else 3n + 1. Which start below a million takes longest to 1?

Python's threads take turns, unless they are in a library that works without Python's lock, as NumPy's loops do here."""
import os
from concurrent.futures import ThreadPoolExecutor

import mpi4py

mpi4py.rc.thread_level = "funneled"  # threads, of which only the first calls MPI

import numpy as np
from mpi4py import MPI

LIMIT = 1_000_000
world = MPI.COMM_WORLD
threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
if world.rank == 0:
    print(f"ranks: {world.size}, threads of each: {threads}")


def longest(starts):
    n, left, steps = starts.copy(), starts, 0
    best = (0, int(starts[0]))
    while len(n):
        left, n = left[n > 1], n[n > 1]
        n = np.where(n % 2 == 0, n // 2, 3 * n + 1)
        steps += 1
        if len(left):
            best = (steps, int(left[0]))
    return best


# This rank's block of the starts, and of that a part for each thread.
mine = np.array_split(np.arange(1, LIMIT), world.size)[world.rank]
with ThreadPoolExecutor(threads) as pool:
    best = max(pool.map(longest, np.array_split(mine, threads)), key=lambda one: (one[0], -one[1]))
best = world.reduce(best, op=MPI.MAXLOC)
if world.rank == 0:
    print(f"{best[1]} takes {best[0]} steps")
