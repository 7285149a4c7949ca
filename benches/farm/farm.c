// Farms in plain C: the speed that ours has to reach. Two ways: a master that hands out numbers, and a shared counter.
//
// Run: mpirun -n 3 farm master|counter TASKS TASK_US CHUNK PREFETCH REPEATS
//      TASK_US is thread CPU time, so more ranks than cores cannot cheat. CHUNK 0 with counter: guided.
// Prints the seconds of each repetition, in a line of their own; the results are in input order on rank 0.
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double cpu(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

static double task(long i, double us) {
  if (us > 0) {
    double end = cpu() + us * 1e-6;
    while (cpu() < end)
      ;
  }
  return (double)i * 2.0;
}

static int rank, ranks;

// To a worker: {start, count}; back: {start, count, results...}; start < 0 means stop.
static void master(long n, double us, long chunk, int prefetch, double *results, double *buffer) {
  long next = 0, open = 0, m[2];
  if (rank > 0) {
    for (;;) {
      MPI_Recv(m, 2, MPI_LONG, 0, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
      if (m[0] < 0)
        return;
      buffer[0] = m[0];
      buffer[1] = m[1];
      for (long i = 0; i < m[1]; i++)
        buffer[2 + i] = task(m[0] + i, us);
      MPI_Send(buffer, m[1] + 2, MPI_DOUBLE, 0, 2, MPI_COMM_WORLD);
    }
  }
  for (int k = 0; k < prefetch; k++)
    for (int w = 1; w < ranks && next < n; w++, open++) {
      m[0] = next;
      m[1] = n - next < chunk ? n - next : chunk;
      next += m[1];
      MPI_Send(m, 2, MPI_LONG, w, 1, MPI_COMM_WORLD);
    }
  while (open) {
    MPI_Status s;
    MPI_Recv(buffer, chunk + 2, MPI_DOUBLE, MPI_ANY_SOURCE, 2, MPI_COMM_WORLD, &s);
    open--;
    memcpy(results + (long)buffer[0], buffer + 2, 8 * (long)buffer[1]);
    if (next < n) {
      m[0] = next;
      m[1] = n - next < chunk ? n - next : chunk;
      next += m[1];
      MPI_Send(m, 2, MPI_LONG, s.MPI_SOURCE, 1, MPI_COMM_WORLD);
      open++;
    }
  }
  m[0] = -1;
  for (int w = 1; w < ranks; w++)
    MPI_Send(m, 2, MPI_LONG, w, 1, MPI_COMM_WORLD);
}

// Each rank takes the next numbers; the results are summed up, since all others are zero.
static void counter(long n, double us, long chunk, double *results) {
  long *next, seen = 0, zero = 0;
  MPI_Win window;
  MPI_Win_allocate(rank == 0 ? 8 : 0, 8, MPI_INFO_NULL, MPI_COMM_WORLD, &next, &window);
  MPI_Win_lock_all(0, window);
  if (rank == 0)
    *next = zero;
  MPI_Win_sync(window);
  MPI_Barrier(MPI_COMM_WORLD);
  for (;;) {
    long rest = n - seen, take = chunk ? chunk : rest / (4 * ranks), start;
    if (take < 1)
      take = 1;
    MPI_Fetch_and_op(&take, &start, MPI_LONG, 0, 0, MPI_SUM, window);
    MPI_Win_flush(0, window);
    if (start >= n)
      break;
    long end = start + take < n ? start + take : n;
    for (long i = start; i < end; i++)
      results[i] = task(i, us);
    seen = end;
  }
  MPI_Win_unlock_all(window);
  MPI_Win_free(&window);
  if (rank == 0)
    MPI_Reduce(MPI_IN_PLACE, results, n, MPI_DOUBLE, MPI_SUM, 0, MPI_COMM_WORLD);
  else
    MPI_Reduce(results, NULL, n, MPI_DOUBLE, MPI_SUM, 0, MPI_COMM_WORLD);
}

int main(int c, char **v) {
  MPI_Init(&c, &v);
  if (c < 7)
    MPI_Abort(MPI_COMM_WORLD, 2);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  long n = atol(v[2]), chunk = atol(v[4]);
  double us = atof(v[3]), *results = calloc(n, 8), *buffer = malloc(8 * (chunk + 2));
  for (int k = 0; k < atoi(v[6]); k++) {
    memset(results, 0, 8 * n);
    MPI_Barrier(MPI_COMM_WORLD);
    double start = MPI_Wtime();
    if (strcmp(v[1], "master") == 0)
      master(n, us, chunk, atoi(v[5]), results, buffer);
    else
      counter(n, us, chunk, results);
    double took = MPI_Wtime() - start;
    for (long i = 0; rank == 0 && i < n; i++)
      if (results[i] != 2.0 * i)
        MPI_Abort(MPI_COMM_WORLD, 1);
    if (rank == 0)
      printf("%.9f\n", took);
  }
  MPI_Finalize();
}
