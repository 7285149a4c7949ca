"""Lesson 13 in mpi4py: a table once on each node, filled by one rank of it, read by all."""
import numpy as np
from mpi4py import MPI

LIMIT = 1_000_000
world = MPI.COMM_WORLD
node = world.Split_type(MPI.COMM_TYPE_SHARED)

# The first rank of the node has the memory; the others ask where it is.
window = MPI.Win.Allocate_shared(LIMIT + 1 if node.rank == 0 else 0, 1, comm=node)
memory, _ = window.Shared_query(0)
prime = np.frombuffer(memory, dtype=bool)
window.Fence()
if node.rank == 0:
    prime[:2], prime[2:] = False, True
    for n in range(2, int(LIMIT**0.5) + 1):
        if prime[n]:
            prime[n * n :: n] = False
window.Fence()

nodes = world.reduce(int(node.rank == 0))
if world.rank == 0:
    print(f"ranks: {world.size}, tables: {nodes}, bytes of each: {len(prime)}")

# All even numbers of this rank at once: those that are left after each prime.
left = np.array_split(np.arange(4, LIMIT + 1, 2), world.size)[world.rank]
hardest = (0, 0)
for p in map(int, np.flatnonzero(prime)):
    if len(left) == 0:
        break
    hit = prime[np.maximum(left - p, 0)]
    if hit.any():
        hardest = (p, int(left[hit][0]))
    left = left[~hit]
value, place = world.reduce(hardest, op=MPI.MAXLOC) or (0, 0)
if world.rank == 0:
    print(f"the hardest to {LIMIT}: {place} = {value} + {place - value}")
del prime, memory
window.Free()
