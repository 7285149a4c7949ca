"""Lesson 2 in mpi4py: work that depends on the rank, and lines in order."""
from mpi4py import MPI

world = MPI.COMM_WORLD
rank, size = world.Get_rank(), world.Get_size()


def is_prime(n):
    return n > 1 and all(n % divisor for divisor in range(2, n))


primes = [n for n in range(rank, 30, size) if is_prime(n)]
print(f"[{rank}] has found {len(primes)} primes", flush=True)

# The root collects the lines, and prints them.
lines = world.gather(f"rank {rank} of {size}: {primes}", root=0)
if rank == 0:
    print("\n".join(lines))
    print("these are the primes below 30")
