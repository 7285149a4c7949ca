"""Lesson 8 in mpi4py: start to send and to receive, work, and wait only then."""
import sys
import time

from mpi4py import MPI

world = MPI.COMM_WORLD
rank, size = world.Get_rank(), world.Get_size()
wait_first = "--wait-first" in sys.argv
right, left = (rank + 1) % size, (rank - 1) % size

travelling, total = rank, 0
for step in range(size):
    sending = world.isend(travelling, dest=right)
    coming = world.irecv(source=left)
    if wait_first:
        came = coming.wait()
    time.sleep(0.030 if step == rank else 0.010)
    if not wait_first:
        came = coming.wait()
    sending.wait()
    total += travelling
    travelling = came

for r, total in enumerate(world.gather(total) or []):
    print(f"rank {r}: the sum of all ranks is {total}")
