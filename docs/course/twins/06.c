// Lesson 6 in plain MPI: a number goes round the ring of all ranks, and each adds its own.
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
    int rank, size, sum;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    int rounds = argc == 3 && strcmp(argv[1], "--rounds") == 0 ? atoi(argv[2]) : 1;
    int right = (rank + 1) % size, left = (rank + size - 1) % size;

    for (int round = 1; round <= rounds; round++) {
        if (rank == 0) {
            sum = 0;
            // A rank that sends to itself before it receives hangs, or is an error.
            if (size > 1) {
                MPI_Send(&sum, 1, MPI_INT, right, 0, MPI_COMM_WORLD);
                MPI_Recv(&sum, 1, MPI_INT, left, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
            }
            printf("round %d: the sum of all ranks is %d\n", round, sum);
        } else {
            MPI_Recv(&sum, 1, MPI_INT, left, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
            sum += rank;
            MPI_Send(&sum, 1, MPI_INT, right, 0, MPI_COMM_WORLD);
        }
    }
    MPI_Finalize();
    return 0;
}
