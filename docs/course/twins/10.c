// Lesson 10 in plain MPI: parts of the ranks, and ranks on a grid.
#include <assert.h>
#include <mpi.h>
#include <stdio.h>

int main(int argc, char **argv) {
    int rank, size;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);

    MPI_Comm part, grid, row;
    int part_rank, part_size;
    MPI_Comm_split(MPI_COMM_WORLD, rank % 2, 0, &part);
    MPI_Comm_rank(part, &part_rank);
    MPI_Comm_size(part, &part_size);

    int dims[2] = {0, 0}, periodic[2] = {0, 1}, at[2], from, to;
    MPI_Dims_create(size, 2, dims);
    MPI_Cart_create(MPI_COMM_WORLD, 2, dims, periodic, 0, &grid);
    MPI_Cart_coords(grid, rank, 2, at);

    int travelling = rank, sum = rank, check;
    MPI_Cart_shift(grid, 1, 1, &from, &to);
    for (int step = 1; step < dims[1]; step++) {
        MPI_Sendrecv_replace(&travelling, 1, MPI_INT, to, 0, from, 0, grid, MPI_STATUS_IGNORE);
        sum += travelling;
    }
    MPI_Cart_sub(grid, (int[]){0, 1}, &row);
    MPI_Allreduce(&rank, &check, 1, MPI_INT, MPI_SUM, row);
    assert(check == sum);

    int mine[] = {part_rank, part_size, at[0], at[1], sum};
    if (rank > 0) {
        MPI_Send(mine, 5, MPI_INT, 0, 1, MPI_COMM_WORLD);
    } else {
        for (int r = 0; r < size; r++) {
            if (r > 0) MPI_Recv(mine, 5, MPI_INT, r, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
            printf("rank %d: %d of %d in its part, at [%d, %d] on the grid, sum of its row %d\n", r, mine[0], mine[1],
                   mine[2], mine[3], mine[4]);
        }
    }
    MPI_Comm_free(&row);
    MPI_Comm_free(&grid);
    MPI_Comm_free(&part);
    MPI_Finalize();
    return 0;
}
