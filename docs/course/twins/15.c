// Lesson 15 in plain MPI and POSIX threads: n becomes n/2 if it is even, else 3n + 1. Which start takes longest to 1?
#include <mpi.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { LIMIT = 1000000, MOST = 64 };

struct part { int first, last, value, place; };

static void *longest(void *argument) {
    struct part *part = argument;
    for (int start = part->first; start < part->last; start++) {
        int steps = 0;
        for (long n = start; n > 1; steps++)
            n = n % 2 == 0 ? n / 2 : 3 * n + 1;
        if (steps > part->value) {
            part->value = steps;
            part->place = start;
        }
    }
    return NULL;
}

int main(int argc, char **argv) {
    int rank, size, level;
    // Threads, of which only the first calls MPI.
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &level);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (level < MPI_THREAD_FUNNELED)
        MPI_Abort(MPI_COMM_WORLD, 1);
    const char *wanted = getenv("OMP_NUM_THREADS");
    int threads = wanted ? atoi(wanted) : 1;
    threads = threads < 1 ? 1 : threads > MOST ? MOST : threads;
    if (rank == 0)
        printf("ranks: %d, threads of each: %d\n", size, threads);

    // This rank's block of the starts, and of that a part for each thread.
    long first = 1 + (LIMIT - 1L) * rank / size, last = 1 + (LIMIT - 1L) * (rank + 1) / size;
    pthread_t running[MOST];
    struct part parts[MOST];
    for (int k = 0; k < threads; k++) {
        parts[k] = (struct part){first + (last - first) * k / threads, first + (last - first) * (k + 1) / threads, -1, 0};
        pthread_create(&running[k], NULL, longest, &parts[k]);
    }
    struct { int value, place; } mine = {-1, 0}, all;
    for (int k = 0; k < threads; k++) {
        pthread_join(running[k], NULL);
        if (parts[k].value > mine.value) {
            mine.value = parts[k].value;
            mine.place = parts[k].place;
        }
    }
    MPI_Reduce(&mine, &all, 1, MPI_2INT, MPI_MAXLOC, 0, MPI_COMM_WORLD);
    if (rank == 0)
        printf("%d takes %d steps\n", all.place, all.value);
    MPI_Finalize();
    return 0;
}
