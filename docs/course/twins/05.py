"""Lesson 5 in mpi4py: a farm. Rank 0 hands the blocks out and runs none itself, so it takes at least two ranks to be quicker."""
from mpi4py import MPI
from mpi4py.futures import MPICommExecutor

BLOCKS = 40
LEN = 12_500


def is_prime(n):
    d = 2
    while d * d <= n and n % d != 0:
        d += 1
    return n > 1 and d * d > n


def primes(block):
    return sum(is_prime(n) for n in range(block * LEN, (block + 1) * LEN))


if __name__ == "__main__":
    with MPICommExecutor(MPI.COMM_WORLD, root=0) as executor:
        if executor is not None:
            counts = list(executor.map(primes, range(BLOCKS)))
            print("primes in the first blocks:", counts[:4])
            print(f"primes below {BLOCKS * LEN}: {sum(counts)}")
