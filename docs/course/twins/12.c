// Lesson 12 in plain MPI: numbers on rank 0 that every rank changes, without rank 0.
#define _POSIX_C_SOURCE 200809L
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TASKS = 24 };

static long fetch_add(MPI_Win window, long more, MPI_Aint place) {
    long before;
    MPI_Fetch_and_op(&more, &before, MPI_LONG, 0, place, MPI_SUM, window);
    MPI_Win_flush(0, window);
    return before;
}

int main(int argc, char **argv) {
    int rank, size, done = 0, tasks[TASKS];
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);

    // Two numbers on rank 0: a sum, and the next task.
    long *numbers;
    MPI_Win window;
    MPI_Win_allocate(rank == 0 ? 2 * sizeof(long) : 0, sizeof(long), MPI_INFO_NULL, MPI_COMM_WORLD, &numbers, &window);
    MPI_Win_lock_all(0, window);
    if (rank == 0) {
        numbers[0] = numbers[1] = 0;
        MPI_Win_sync(window);
    }
    MPI_Barrier(MPI_COMM_WORLD);

    fetch_add(window, rank, 0);
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank == 0)
        printf("the sum of all ranks is %ld\n", fetch_add(window, 0, 0));

    for (long task; (task = fetch_add(window, 1, 1)) < TASKS;) {
        struct timespec pause = {0, (task % 3 == 0 ? 12 : 2) * 1000000};
        nanosleep(&pause, NULL);
        tasks[done++] = (int)task;
    }
    MPI_Win_unlock_all(window);
    MPI_Win_free(&window);

    int *counts = malloc(size * sizeof *counts), *starts = malloc(size * sizeof *starts), all[TASKS], seen[TASKS] = {0};
    MPI_Gather(&done, 1, MPI_INT, counts, 1, MPI_INT, 0, MPI_COMM_WORLD);
    for (int r = 0, start = 0; rank == 0 && r < size; start += counts[r++]) {
        printf("rank %d did %d tasks\n", r, counts[r]);
        starts[r] = start;
    }
    MPI_Gatherv(tasks, done, MPI_INT, all, counts, starts, MPI_INT, 0, MPI_COMM_WORLD);
    if (rank == 0) {
        int once = 1;
        for (int i = 0; i < TASKS; i++)
            once &= ++seen[all[i]] == 1;
        printf("%d tasks, each done once: %s\n", TASKS, once ? "true" : "false");
    }
    free(counts), free(starts);
    MPI_Finalize();
    return 0;
}
