"""Lesson 6 in mpi4py: a number goes round the ring of all ranks, and each adds its own."""
import sys

from mpi4py import MPI

world = MPI.COMM_WORLD
rank, size = world.Get_rank(), world.Get_size()
rounds = int(sys.argv[2]) if sys.argv[1:2] == ["--rounds"] else 1
right, left = (rank + 1) % size, (rank - 1) % size

for turn in range(1, rounds + 1):
    if rank == 0:
        total = 0
        if size > 1:  # A rank that sends to itself before it receives hangs, or is an error.
            world.send(total, dest=right)
            total = world.recv(source=left)
        print(f"round {turn}: the sum of all ranks is {total}")
    else:
        total = world.recv(source=left)
        world.send(total + rank, dest=right)
