"""Lesson 1 in mpi4py: rank and size."""
from mpi4py import MPI

world = MPI.COMM_WORLD
print(f"I am rank {world.Get_rank()} of {world.Get_size()}")
