// Lesson 9 in plain MPI: a struct goes round the ring. MPI is told where each field is and what it is.
#include <mpi.h>
#include <stddef.h>
#include <stdio.h>

struct summary {
    double sum, hottest;
    int at;
};

int main(int argc, char **argv) {
    int rank, size;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    int right = (rank + 1) % size, left = (rank + size - 1) % size;

    int lengths[] = {1, 1, 1};
    MPI_Aint places[] = {
        offsetof(struct summary, sum), offsetof(struct summary, hottest), offsetof(struct summary, at)};
    MPI_Datatype types[] = {MPI_DOUBLE, MPI_DOUBLE, MPI_INT}, fields, type;
    MPI_Type_create_struct(3, lengths, places, types, &fields);
    // Without this, the second element of an array would be looked for in the wrong place.
    MPI_Type_create_resized(fields, 0, sizeof(struct summary), &type);
    MPI_Type_commit(&type);

    double temperature = 20 + 3 * rank % 5;
    struct summary mine = {temperature, temperature, rank}, all = mine;
    if (rank == 0) {
        if (size > 1) {
            MPI_Send(&mine, 1, type, right, 0, MPI_COMM_WORLD);
            MPI_Recv(&all, 1, type, left, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        }
        printf("mean %.2f, hottest %g at rank %d\n", all.sum / size, all.hottest, all.at);
    } else {
        MPI_Recv(&all, 1, type, left, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        double sum = all.sum + mine.sum;
        if (mine.hottest > all.hottest) all = mine;
        all.sum = sum;
        MPI_Send(&all, 1, type, right, 0, MPI_COMM_WORLD);
    }
    MPI_Type_free(&fields);
    MPI_Type_free(&type);
    MPI_Finalize();
    return 0;
}
