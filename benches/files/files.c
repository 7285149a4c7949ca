// What someone who knows HDF5 writes in C: one file from all ranks, one 2-D dataset of doubles in blocks of rows. The yardstick of the
// benchmark, compiled with h5pcc and loaded into its process.
#include <hdf5.h>
#include <mpi.h>
#include <stdlib.h>

static hid_t access_list(void) {
  MPI_Info info;
  MPI_Info_create(&info);
  // Without it ROMIO reads chunks a hundred times slower.
  MPI_Info_set(info, "romio_ds_read", "disable");
  hid_t list = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_fapl_mpio(list, MPI_COMM_WORLD, info);
  H5Pset_all_coll_metadata_ops(list, 1);
  H5Pset_coll_metadata_write(list, 1);
  H5Pset_libver_bounds(list, H5F_LIBVER_V110, H5F_LIBVER_V110);
  MPI_Info_free(&info);
  return list;
}

static hid_t transfer(int together) {
  hid_t list = H5Pcreate(H5P_DATASET_XFER);
  H5Pset_dxpl_mpio(list, together ? H5FD_MPIO_COLLECTIVE : H5FD_MPIO_INDEPENDENT);
  return list;
}

// Writes `count` of `rows` rows from `start` on; chunks of `chunk` rows if it is not 0, deflated if `level` is not.
int files_write(const char *path, const double *data, unsigned long rows, unsigned long columns, unsigned long start,
                unsigned long count, int together, unsigned long chunk, int level) {
  hid_t access = access_list(), way = transfer(together), create = H5Pcreate(H5P_DATASET_CREATE);
  hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
  hsize_t shape[2] = {rows, columns}, block[2] = {count, columns}, first[2] = {start, 0}, chunks[2] = {chunk, columns};
  hid_t all = H5Screate_simple(2, shape, 0), mine = H5Screate_simple(2, block, 0);
  H5Pset_fill_time(create, H5D_FILL_TIME_NEVER);
  if (chunk)
    H5Pset_chunk(create, 2, chunks);
  if (level)
    H5Pset_deflate(create, level);
  hid_t set = H5Dcreate2(file, "x", H5T_NATIVE_DOUBLE, all, H5P_DEFAULT, create, H5P_DEFAULT);
  H5Sselect_hyperslab(all, H5S_SELECT_SET, first, 0, block, 0);
  int code = H5Dwrite(set, H5T_NATIVE_DOUBLE, mine, all, way, data);
  H5Dclose(set);
  code |= H5Fclose(file);
  H5Sclose(all), H5Sclose(mine), H5Pclose(create), H5Pclose(way), H5Pclose(access);
  return code;
}

// Reads them into new memory, which the caller frees with files_free.
double *files_read(const char *path, unsigned long columns, unsigned long start, unsigned long count, int together) {
  hid_t access = access_list(), way = transfer(together);
  hid_t file = H5Fopen(path, H5F_ACC_RDONLY, access), set = H5Dopen2(file, "x", H5P_DEFAULT), all = H5Dget_space(set);
  hsize_t block[2] = {count, columns}, first[2] = {start, 0};
  hid_t mine = H5Screate_simple(2, block, 0);
  H5Sselect_hyperslab(all, H5S_SELECT_SET, first, 0, block, 0);
  double *data = malloc(count * columns * sizeof(double));
  int code = H5Dread(set, H5T_NATIVE_DOUBLE, mine, all, way, data);
  H5Dclose(set);
  code |= H5Fclose(file);
  H5Sclose(all), H5Sclose(mine), H5Pclose(way), H5Pclose(access);
  if (code < 0) {
    free(data);
    return 0;
  }
  return data;
}

void files_free(double *data) { free(data); }
