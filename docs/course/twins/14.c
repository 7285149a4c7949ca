// Lesson 14 in plain MPI and HDF5: one file from all ranks, written by rows, read by columns.
// Compile: h5pcc -shlib 14.c, or mpicc with -I and -L of the parallel HDF5, and -lhdf5
#include <hdf5.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 10, COLUMNS = 6 };

static void block_of(int n, int rank, int size, hsize_t *first, hsize_t *count) {
    int each = n / size, rest = n % size;
    *first = rank * each + (rank < rest ? rank : rest);
    *count = each + (rank < rest);
}

int main(int argc, char **argv) {
    int rank, size;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (argc < 2)
        MPI_Abort(MPI_COMM_WORLD, 1);

    hsize_t shape[2] = {ROWS, COLUMNS}, start[2] = {0, 0}, count[2] = {0, COLUMNS};
    block_of(ROWS, rank, size, &start[0], &count[0]);
    double rows[ROWS * COLUMNS], block[ROWS * COLUMNS];
    for (hsize_t i = 0; i < count[0]; i++)
        for (hsize_t j = 0; j < COLUMNS; j++)
            rows[i * COLUMNS + j] = (double)((start[0] + i) * 100 + j);

    // All create the file, all write.
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), transfer = H5Pcreate(H5P_DATASET_XFER);
    H5Pset_fapl_mpio(access, MPI_COMM_WORLD, MPI_INFO_NULL);
    H5Pset_dxpl_mpio(transfer, H5FD_MPIO_COLLECTIVE);
    hid_t file = H5Fcreate(argv[1], H5F_ACC_TRUNC, H5P_DEFAULT, access);
    hid_t space = H5Screate_simple(2, shape, NULL), mine = H5Screate_simple(2, count, NULL);
    hid_t table = H5Dcreate2(file, "table", H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    hid_t text = H5Tcopy(H5T_C_S1), one = H5Screate(H5S_SCALAR);
    H5Tset_size(text, 2);
    hid_t unit = H5Acreate2(table, "unit", text, one, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(unit, text, "K");
    H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL);
    H5Dwrite(table, H5T_NATIVE_DOUBLE, mine, space, transfer, rows);
    H5Aclose(unit), H5Sclose(mine), H5Dclose(table), H5Fclose(file);

    // And read it in another way.
    file = H5Fopen(argv[1], H5F_ACC_RDONLY, access);
    table = H5Dopen2(file, "table", H5P_DEFAULT);
    char name[2] = "";
    unit = H5Aopen(table, "unit", H5P_DEFAULT);
    H5Aread(unit, text, name);
    start[0] = 0, count[0] = ROWS;
    block_of(COLUMNS, rank, size, &start[1], &count[1]);
    mine = H5Screate_simple(2, count, NULL);
    H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL);
    H5Dread(table, H5T_NATIVE_DOUBLE, mine, space, transfer, block);
    H5Aclose(unit), H5Tclose(text), H5Sclose(one), H5Sclose(mine), H5Sclose(space), H5Dclose(table), H5Fclose(file);
    H5Pclose(access), H5Pclose(transfer);

    double sums[COLUMNS] = {0}, all[COLUMNS];
    for (hsize_t i = 0; i < ROWS; i++)
        for (hsize_t j = 0; j < count[1]; j++)
            sums[start[1] + j] += block[i * count[1] + j];
    // The ranks' sums stand in different places, with zeros elsewhere.
    MPI_Reduce(sums, all, COLUMNS, MPI_DOUBLE, MPI_SUM, 0, MPI_COMM_WORLD);
    if (rank == 0) {
        printf("the columns sum to [");
        for (int j = 0; j < COLUMNS; j++)
            printf("%s%.1f", j ? ", " : "", all[j]);
        printf("] %s\n", name);
    }
    MPI_Finalize();
    return 0;
}
