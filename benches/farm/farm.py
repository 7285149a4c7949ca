"""Python's pools on the same tasks: futures (of mpi4py, under mpirun), pool, concurrent, dask, ray or joblib.

Run: farm.py WAY TASKS TASK_US CHUNK WORKERS REPEATS; prints the seconds of each repetition. CHUNK 0 with dask: all tasks at once.
"""

import math
import sys
import time


def lognormal(i):
    x = (i * 2654435761 + 12345) % 2**32
    y = (x * 2246822519 + 3266489917) % 2**32
    u, v = (x + 0.5) / 2**32, y / 2**32
    return math.exp(math.sqrt(-2 * math.log(u)) * math.cos(2 * math.pi * v) - 0.5)


def task(i):
    if MICROSECONDS != 0:
        microseconds = MICROSECONDS if MICROSECONDS > 0 else -MICROSECONDS * lognormal(i)
        end = time.thread_time() + microseconds * 1e-6
        while time.thread_time() < end:
            pass
    return 2.0 * i


WAY, TASKS, MICROSECONDS, CHUNK, WORKERS, REPEATS = sys.argv[1], *map(int, sys.argv[2:7])


def measured(run):
    run(min(TASKS, 100))
    for _ in range(REPEATS):
        start = time.perf_counter()
        results = run(TASKS)
        took = time.perf_counter() - start
        assert results == [2.0 * i for i in range(TASKS)]
        print(f"{took:.9f}", flush=True)


if __name__ == "__main__":
    if WAY == "futures":
        from mpi4py.futures import MPICommExecutor
        from mpi4py import MPI

        with MPICommExecutor(MPI.COMM_WORLD, root=0) as executor:
            if executor is not None:
                measured(lambda n: list(executor.map(task, range(n), chunksize=CHUNK)))
    elif WAY == "pool":
        from multiprocessing import Pool

        with Pool(WORKERS) as pool:
            measured(lambda n: pool.map(task, range(n), chunksize=CHUNK))
    elif WAY == "concurrent":
        from concurrent.futures import ProcessPoolExecutor

        with ProcessPoolExecutor(WORKERS) as executor:
            measured(lambda n: list(executor.map(task, range(n), chunksize=CHUNK)))
    elif WAY == "dask":
        from dask.distributed import Client

        with Client(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None) as client:
            # A task of the same name and number would not run again.
            measured(lambda n: client.gather(client.map(task, range(n), pure=False, batch_size=CHUNK or None)))
    elif WAY == "ray":
        import ray

        ray.init(num_cpus=WORKERS, include_dashboard=False, log_to_driver=False)
        remote = ray.remote(task)
        measured(lambda n: ray.get([remote.remote(i) for i in range(n)]))
    else:
        from joblib import Parallel, delayed

        with Parallel(n_jobs=WORKERS, batch_size=CHUNK) as parallel:
            measured(lambda n: parallel(delayed(task)(i) for i in range(n)))
