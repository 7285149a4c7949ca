// Farms in plain C: the speed that ours has to reach. Three ways: a master that hands out numbers, a shared counter, and a shared
// counter with the chunks of ours, whose results become one new array on rank 0, as ours do.
//
// Run: mpirun -n 3 farm master|counter|alike TASKS TASK_US CHUNK PREFETCH REPEATS
//      TASK_US is thread CPU time, so more ranks than cores cannot cheat; below 0 it is the mean of lognormal times.
//      CHUNK 0 with counter: guided.
// Prints the seconds of each repetition, in a line of their own; the results are in input order on rank 0.
#include <math.h>
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

// The same lengths in each language.
static double lognormal(long i) {
  unsigned x = (unsigned)i * 2654435761u + 12345u, y = x * 2246822519u + 3266489917u;
  double u = (x + 0.5) / 4294967296.0, v = y / 4294967296.0;
  return exp(sqrt(-2 * log(u)) * cos(6.283185307179586 * v) - 0.5);
}

static double task(long i, double us) {
  if (us < 0)
    us *= -lognormal(i);
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

// The counter, with chunks as ours: fewer towards the end, but no fewer than take a hundred times as long as to ask for them. Each
// rank appends its results, and rank 0 makes one array of them.
static double *alike(long n, double us) {
  long *next, seen = 0, room = 1024, count = 0, stretches = 0, (*runs)[2] = malloc(16 * 1000000L);
  double asking = 1e-6, each = 0, *mine = malloc(8 * room), *all = NULL;
  long most = 1;
  MPI_Win window;
  MPI_Win_allocate(rank == 0 ? 8 : 0, 8, MPI_INFO_NULL, MPI_COMM_WORLD, &next, &window);
  MPI_Win_lock_all(0, window);
  if (rank == 0)
    *next = 0;
  MPI_Win_sync(window);
  MPI_Barrier(MPI_COMM_WORLD);
  for (;;) {
    long rest = n > seen ? n - seen : 0, grain = each > 0 ? (long)(100 * asking / each) : 1, take, start;
    grain = grain < 1 ? 1 : grain > 8 * most ? 8 * most : grain > 65536 ? 65536 : grain;
    take = grain < rest / ranks ? grain : rest / ranks;
    take = take > rest / (4 * ranks) ? take : rest / (4 * ranks);
    take = take < 1 ? 1 : take;
    double before = MPI_Wtime();
    MPI_Fetch_and_op(&take, &start, MPI_LONG, 0, 0, MPI_SUM, window);
    MPI_Win_flush(0, window);
    double began = MPI_Wtime();
    asking = 0.5 * (asking + began - before);
    seen = start + take;
    if (start >= n)
      break;
    long end = seen < n ? seen : n;
    for (long i = start; i < end; i++) {
      if (count == room)
        mine = realloc(mine, 8 * (room *= 2));
      mine[count++] = task(i, us);
    }
    runs[stretches][0] = start;
    runs[stretches++][1] = end - start;
    double new = (MPI_Wtime() - began) / (end - start);
    each = each > 0 ? 0.75 * each + 0.25 * new : new;
    most = end - start > most ? end - start : most;
  }
  MPI_Win_unlock_all(window);
  MPI_Win_free(&window);
  int numbers[2] = {(int)count, (int)stretches}, *of = malloc(8 * ranks);
  MPI_Allgather(numbers, 2, MPI_INT, of, 2, MPI_INT, MPI_COMM_WORLD);
  if (rank > 0) {
    MPI_Send(runs, 2 * stretches, MPI_LONG, 0, 3, MPI_COMM_WORLD);
    MPI_Send(mine, count, MPI_DOUBLE, 0, 4, MPI_COMM_WORLD);
  } else {
    all = malloc(8 * n);
    for (int from = 0; from < ranks; from++) {
      double *results = mine;
      if (from > 0) {
        stretches = of[2 * from + 1];
        results = malloc(8 * (of[2 * from] + 1L));
        MPI_Recv(runs, 2 * stretches, MPI_LONG, from, 3, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        MPI_Recv(results, of[2 * from], MPI_DOUBLE, from, 4, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
      }
      for (long k = 0, place = 0; k < stretches; place += runs[k++][1])
        memcpy(all + runs[k][0], results + place, 8 * runs[k][1]);
      if (from > 0)
        free(results);
    }
  }
  free(of), free(mine), free(runs);
  return all;
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
    double *kept = results;
    if (strcmp(v[1], "alike") == 0)
      results = alike(n, us);
    else if (strcmp(v[1], "master") == 0)
      master(n, us, chunk, atoi(v[5]), results, buffer);
    else
      counter(n, us, chunk, results);
    double took = MPI_Wtime() - start;
    for (long i = 0; rank == 0 && i < n; i++)
      if (results[i] != 2.0 * i)
        MPI_Abort(MPI_COMM_WORLD, 1);
    if (results != kept)
      free(results);
    results = kept;
    if (rank == 0)
      printf("%.9f\n", took);
  }
  MPI_Finalize();
}
