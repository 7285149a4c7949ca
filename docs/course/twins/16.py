"""Lesson 16 in mpi4py: a part of the work that the ranks share, and a part that each does for itself."""
import sys

import numpy as np
from mpi4py import MPI

world = MPI.COMM_WORLD
limit = int(sys.argv[1])
times = [MPI.Wtime()]

# Every rank makes all of the table.
prime = np.ones(limit + 1, dtype=bool)
prime[:2] = False
for n in range(2, int(limit**0.5) + 1):
    if prime[n]:
        prime[n * n :: n] = False
times.append(MPI.Wtime())

# The even numbers are shared.
left = np.array_split(np.arange(4, limit + 1, 2), world.size)[world.rank]
mine = 0
for p in map(int, np.flatnonzero(prime)):
    if len(left) == 0:
        break
    hit = prime[np.maximum(left - p, 0)]
    mine += p * int(hit.sum())
    left = left[~hit]
times.append(MPI.Wtime())

every = world.allreduce(mine)
times.append(MPI.Wtime())
most = np.zeros(3)
world.Reduce(np.diff(times), most, op=MPI.MAX)
if world.rank == 0:
    print(f"{every / (limit // 2 - 1):.4f} is the mean smallest prime")
    if len(sys.argv) > 2:
        print(f"table {most[0]:.3f} s, search {most[1]:.3f} s, together {most[2]:.3f} s")
