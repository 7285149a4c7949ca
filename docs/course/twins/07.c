// Lesson 7 in plain MPI: all ranks of the ring send at once. With long messages it hangs for ever, and says nothing.
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
    int rank, size;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    int len = argc == 3 && strcmp(argv[1], "--numbers") == 0 ? atoi(argv[2]) : 1;
    int right = (rank + 1) % size, left = (rank + size - 1) % size;

    int *travelling = malloc(len * sizeof(int)), sum = rank;
    for (int i = 0; i < len; i++) travelling[i] = rank;
    for (int step = 1; step < size; step++) {
        MPI_Send(travelling, len, MPI_INT, right, 0, MPI_COMM_WORLD);
        MPI_Recv(travelling, len, MPI_INT, left, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        sum += travelling[0];
    }
    // In the order of the ranks: all lines by rank 0.
    if (rank > 0) {
        MPI_Send(&sum, 1, MPI_INT, 0, 1, MPI_COMM_WORLD);
    } else {
        for (int r = 0; r < size; r++) {
            if (r > 0) MPI_Recv(&sum, 1, MPI_INT, r, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
            printf("rank %d: the sum of all ranks is %d\n", r, sum);
        }
    }
    free(travelling);
    MPI_Finalize();
    return 0;
}
