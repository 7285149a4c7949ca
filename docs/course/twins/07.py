"""Lesson 7 in mpi4py: all ranks of the ring send at once. With long messages it hangs for ever, and says nothing."""
import sys

from mpi4py import MPI

world = MPI.COMM_WORLD
rank, size = world.Get_rank(), world.Get_size()
numbers = int(sys.argv[2]) if sys.argv[1:2] == ["--numbers"] else 1
right, left = (rank + 1) % size, (rank - 1) % size

travelling, total = [rank] * numbers, rank
for _ in range(1, size):
    world.send(travelling, dest=right)
    travelling = world.recv(source=left)
    total += travelling[0]

for r, total in enumerate(world.gather(total) or []):
    print(f"rank {r}: the sum of all ranks is {total}")
