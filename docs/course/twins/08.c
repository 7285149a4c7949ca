// Lesson 8 in plain MPI: start to send and to receive, work, and wait only then.
#include <mpi.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void work(int ms) {
    struct timespec end, now;
    timespec_get(&end, TIME_UTC);
    long until = end.tv_sec * 1000 + end.tv_nsec / 1000000 + ms;
    do {
        timespec_get(&now, TIME_UTC);
    } while (now.tv_sec * 1000 + now.tv_nsec / 1000000 < until);
}

int main(int argc, char **argv) {
    int rank, size;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    int wait_first = argc == 2 && strcmp(argv[1], "--wait-first") == 0;
    int right = (rank + 1) % size, left = (rank + size - 1) % size;

    int travelling = rank, came, sum = 0;
    for (int step = 0; step < size; step++) {
        MPI_Request coming, sending;
        MPI_Irecv(&came, 1, MPI_INT, left, 0, MPI_COMM_WORLD, &coming);
        MPI_Isend(&travelling, 1, MPI_INT, right, 0, MPI_COMM_WORLD, &sending);
        if (wait_first) MPI_Wait(&coming, MPI_STATUS_IGNORE);
        work(step == rank ? 30 : 10);
        // Until here nobody may look at `came` or change `travelling`. The compiler does not know that.
        if (!wait_first) MPI_Wait(&coming, MPI_STATUS_IGNORE);
        MPI_Wait(&sending, MPI_STATUS_IGNORE);
        sum += travelling;
        travelling = came;
    }
    if (rank > 0) {
        MPI_Send(&sum, 1, MPI_INT, 0, 1, MPI_COMM_WORLD);
    } else {
        for (int r = 0; r < size; r++) {
            if (r > 0) MPI_Recv(&sum, 1, MPI_INT, r, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
            printf("rank %d: the sum of all ranks is %d\n", r, sum);
        }
    }
    MPI_Finalize();
    return 0;
}
