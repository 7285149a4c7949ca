// Lesson 11 in plain MPI: a hot rod cools; each rank borrows a point from each neighbour.
#include <math.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

enum { POINTS = 60 };

static void draw(int step, int mine, const double *rod, const int *counts, const int *starts, int rank) {
    double whole[POINTS], hottest = 0.0;
    MPI_Gatherv(rod, mine, MPI_DOUBLE, whole, counts, starts, MPI_DOUBLE, 0, MPI_COMM_WORLD);
    if (rank == 0) {
        printf("step %3d |", step);
        for (int i = 0; i < POINTS; i++) {
            putchar(".:-=+*#%@"[(int)(whole[i] / 12.0)]);
            hottest = fmax(hottest, whole[i]);
        }
        printf("| %.3f\n", hottest);
    }
}

int main(int argc, char **argv) {
    int size, rank, periodic = 0, left, right;
    MPI_Init(&argc, &argv);
    MPI_Comm rod;
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Cart_create(MPI_COMM_WORLD, 1, &size, &periodic, 0, &rod);
    MPI_Comm_rank(rod, &rank);
    // At an end of the rod the neighbour is MPI_PROC_NULL: what is sent there is lost, what is received from there changes nothing.
    MPI_Cart_shift(rod, 0, 1, &left, &right);

    int *counts = malloc(size * sizeof *counts), *starts = malloc(size * sizeof *starts);
    for (int r = 0, start = 0; r < size; start += counts[r++]) {
        counts[r] = POINTS / size + (r < POINTS % size);
        starts[r] = start;
    }
    int mine = counts[rank];
    // With one more place at each end, for the halo.
    double *now = calloc(mine + 2, sizeof *now), *next = calloc(mine + 2, sizeof *next);
    for (int i = 1; i <= mine; i++) {
        int place = starts[rank] + i - 1;
        now[i] = place >= 10 && place < 30 ? 100.0 : 0.0;
    }
    draw(0, mine, now + 1, counts, starts, rank);
    for (int step = 1; step <= 400; step++) {
        now[0] = now[1];
        now[mine + 1] = now[mine];
        MPI_Sendrecv(&now[mine], 1, MPI_DOUBLE, right, 0, &now[0], 1, MPI_DOUBLE, left, 0, rod, MPI_STATUS_IGNORE);
        MPI_Sendrecv(&now[1], 1, MPI_DOUBLE, left, 0, &now[mine + 1], 1, MPI_DOUBLE, right, 0, rod, MPI_STATUS_IGNORE);
        for (int i = 1; i <= mine; i++)
            next[i] = now[i] + 0.4 * (now[i - 1] - 2.0 * now[i] + now[i + 1]);
        double *old = now;
        now = next;
        next = old;
        if (step % 80 == 0)
            draw(step, mine, now + 1, counts, starts, rank);
    }
    free(counts), free(starts), free(now), free(next);
    MPI_Comm_free(&rod);
    MPI_Finalize();
    return 0;
}
