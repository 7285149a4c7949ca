"""Lesson 11 in mpi4py: a hot rod cools; each rank borrows a point from each neighbour."""
import numpy as np
from mpi4py import MPI

POINTS = 60
world = MPI.COMM_WORLD
rod = world.Create_cart([world.size], periods=[False])
# At an end of the rod the neighbour is MPI.PROC_NULL.
left, right = rod.Shift(0, 1)
mine = np.array_split(np.arange(POINTS), rod.size)[rod.rank]
# With one more place at each end, for the halo.
now = np.zeros(len(mine) + 2)
now[1:-1] = np.where((mine >= 10) & (mine < 30), 100.0, 0.0)


def draw(step):
    pieces = rod.gather(now[1:-1])
    if rod.rank == 0:
        whole = np.concatenate(pieces)
        line = "".join(".:-=+*#%@"[int(t / 12)] for t in whole)
        print(f"step {step:3} |{line}| {whole.max():.3f}")


draw(0)
for step in range(1, 401):
    now[0], now[-1] = now[1], now[-2]
    rod.Sendrecv(now[-2:-1], right, recvbuf=now[:1], source=left)
    rod.Sendrecv(now[1:2], left, recvbuf=now[-1:], source=right)
    now[1:-1] += 0.4 * (now[:-2] - 2.0 * now[1:-1] + now[2:])
    if step % 80 == 0:
        draw(step)
