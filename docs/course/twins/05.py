"""Lesson 5 in mpi4py: a farm. Rank 0 hands the blocks out; where there are others, it runs none itself."""
from math import isqrt

from mpi4py import MPI
from mpi4py.futures import MPICommExecutor

BLOCKS = 40
LEN = 5000


def is_prime(n):
    return n > 1 and all(n % d for d in range(2, isqrt(n) + 1))


def primes(block):
    return sum(is_prime(n) for n in range(block * LEN, (block + 1) * LEN))


if __name__ == "__main__":
    with MPICommExecutor(MPI.COMM_WORLD, root=0) as executor:
        if executor is not None:
            counts = list(executor.map(primes, range(BLOCKS)))
            print("primes in the first blocks:", counts[:4])
            print(f"primes below {BLOCKS * LEN}: {sum(counts)}")
