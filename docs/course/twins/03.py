"""Lesson 3 in mpi4py: collectives. The number of ranks must divide 12."""
from mpi4py import MPI

RAIN = [62, 48, 55, 40, 58, 71, 80, 77, 60, 54, 59, 66]

world = MPI.COMM_WORLD
rank, size = world.Get_rank(), world.Get_size()


def print_in_order(line):
    lines = world.gather(line, root=0)
    if rank == 0:
        print("\n".join(lines))


# 1. Broadcast
limit = world.bcast(60 if rank == 0 else None, root=0)

# 2. Scatter
count = len(RAIN) // size
parts = [RAIN[r * count:(r + 1) * count] for r in range(size)] if rank == 0 else None
mine = world.scatter(parts, root=0)
rain, wet = sum(mine), sum(month >= limit for month in mine)
print_in_order(f"rank {rank} has {mine}: {rain} mm, {wet} wet")

# 3. Reduce
total = world.reduce(rain, op=MPI.SUM, root=0)
if rank == 0:
    print(f"reduce: [{total}] mm in the year")
most = world.allreduce(rain, op=MPI.MAX)
has_most = "the most" if rain == most else "less than the most"

# 4. Scan
until = world.scan(rain, op=MPI.SUM)
print_in_order(f"rank {rank}: {has_most}; {until} mm so far")

# 5. Gather
everyone = world.gather(wet, root=0)
if rank == 0:
    print(f"gather: wet months of each rank {everyone}")
