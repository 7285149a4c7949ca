"""Lesson 4 in mpi4py: blocks and remainders."""
import sys

from mpi4py import MPI

world = MPI.COMM_WORLD
rank, size = world.Get_rank(), world.Get_size()
length = int(sys.argv[2]) if len(sys.argv) > 2 else 10


def start(r):
    each, more = divmod(length, size)
    return r * each + min(r, more)


# 1. Who owns what
mine = range(start(rank), start(rank + 1))
lines = world.gather(f"rank {rank}: {mine.start}..{mine.stop}, length {len(mine)}", root=0)
if rank == 0:
    print("\n".join(lines))

# 2. and 3. Elements, and their sum
squares = [place * place for place in mine]
total = world.allreduce(sum(squares), op=MPI.SUM)
if rank == 0:
    print(f"the sum of all squares is {total}")

# 4. Together again: lists of any length
blocks = world.gather(squares, root=0)
if rank == 0:
    print([square for block in blocks for square in block])
    if length:
        print(f"the last one is on rank {max(r for r in range(size) if blocks[r])}")
