"""Lesson 10 in mpi4py: parts of the ranks, and ranks on a grid."""
from mpi4py import MPI

world = MPI.COMM_WORLD
rank, size = world.Get_rank(), world.Get_size()

part = world.Split(rank % 2, 0)
place = f"{part.Get_rank()} of {part.Get_size()}"

grid = world.Create_cart(MPI.Compute_dims(size, 2), periods=[False, True], reorder=False)
travelling, total = rank, rank
before, after = grid.Shift(1, 1)
for _ in range(1, grid.dims[1]):
    travelling = grid.sendrecv(travelling, dest=after, source=before)
    total += travelling

row = grid.Sub([False, True])
assert row.allreduce(rank) == total

line = f"rank {rank}: {place} in its part, at {grid.coords} on the grid, sum of its row {total}"
for line in world.gather(line) or []:
    print(line)
