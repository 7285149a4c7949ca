/* The peer: the same loops as a C programmer writes them, compiled with the MPI's own mpicc.
 *
 * NAME_into fills the caller's buffer. NAME allocates its result, as the returning form of the same name does, and frees it;
 * where the length is not known beforehand, it finds out as one does in C. It copies the result to `received`, to be checked,
 * unless that is NULL.
 *
 * `count` is the number of doubles in the buffer or, of what is cut into one block a rank, in a block. The root moves on from
 * call to call, so that no rank runs ahead of the others. Errors end the program, as is MPI's habit. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static MPI_Comm comm;
static int rank, size;

void messages_library(char *text) {
    int length;
    MPI_Get_library_version(text, &length);
}

void messages_start(void) {
    MPI_Comm_dup(MPI_COMM_WORLD, &comm);
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &size);
}

/* --- into the caller's buffer ------------------------------------------------------------------------------------------- */

#define INTO(name)                                                                                                             \
    static void fill_##name(double *send, double *received, int count, int root);                                              \
    void name##_into(double *send, double *received, int count, int calls) {                                                   \
        for (int i = 0; i < calls; i++)                                                                                        \
            fill_##name(send, received, count, i % size);                                                                      \
    }                                                                                                                          \
    static inline void fill_##name(double *send, double *received, int count, int root)

INTO(broadcast) {
    (void)send;
    MPI_Bcast(received, count, MPI_DOUBLE, root, comm);
}

INTO(scatter) { MPI_Scatter(send, count, MPI_DOUBLE, received, count, MPI_DOUBLE, root, comm); }

INTO(gather) { MPI_Gather(send, count, MPI_DOUBLE, received, count, MPI_DOUBLE, root, comm); }

INTO(all_gather) {
    (void)root;
    MPI_Allgather(send, count, MPI_DOUBLE, received, count, MPI_DOUBLE, comm);
}

INTO(all_to_all) {
    (void)root;
    MPI_Alltoall(send, count, MPI_DOUBLE, received, count, MPI_DOUBLE, comm);
}

INTO(reduce) { MPI_Reduce(send, received, count, MPI_DOUBLE, MPI_SUM, root, comm); }

INTO(all_reduce) {
    (void)root;
    MPI_Allreduce(send, received, count, MPI_DOUBLE, MPI_SUM, comm);
}

INTO(reduce_scatter) {
    (void)root;
    MPI_Reduce_scatter_block(send, received, count, MPI_DOUBLE, MPI_SUM, comm);
}

INTO(scan) {
    (void)root;
    MPI_Scan(send, received, count, MPI_DOUBLE, MPI_SUM, comm);
}

INTO(exclusive_scan) {
    (void)root;
    MPI_Exscan(send, received, count, MPI_DOUBLE, MPI_SUM, comm);
}

/* Ranks 0 and 1, 2 and 3 …; one that is left over does nothing. */
INTO(ping_pong) {
    (void)root;
    int partner = rank ^ 1;
    if (partner >= size)
        return;
    if (rank < partner) {
        MPI_Send(send, count, MPI_DOUBLE, partner, 0, comm);
        MPI_Recv(received, count, MPI_DOUBLE, partner, 0, comm, MPI_STATUS_IGNORE);
    } else {
        MPI_Recv(received, count, MPI_DOUBLE, partner, 0, comm, MPI_STATUS_IGNORE);
        MPI_Send(send, count, MPI_DOUBLE, partner, 0, comm);
    }
}

/* Round the ring. */
INTO(send_recv) {
    (void)root;
    int to = (rank + 1) % size, from = (rank + size - 1) % size;
    MPI_Sendrecv(send, count, MPI_DOUBLE, to, 0, received, count, MPI_DOUBLE, from, 0, comm, MPI_STATUS_IGNORE);
}

/* --- the result is allocated -------------------------------------------------------------------------------------------- */

static double *allocate(size_t length) {
    double *result = malloc(length * sizeof(double));
    if (!result) {
        fprintf(stderr, "no memory for %zu doubles\n", length);
        MPI_Abort(comm, 1);
    }
    return result;
}

static void finish(double *result, size_t length, double *received) {
    if (received && result)
        memcpy(received, result, length * sizeof(double));
    free(result);
}

#define RETURNING(name)                                                                                                        \
    static void make_##name(double *send, double *received, int count, int root);                                               \
    void name(double *send, double *received, int count, int calls) {                                                          \
        for (int i = 0; i < calls; i++)                                                                                        \
            make_##name(send, received, count, i % size);                                                                       \
    }                                                                                                                          \
    static inline void make_##name(double *send, double *received, int count, int root)

/* Most of them: allocate `length` where `wanted`, and call the one above. */
#define ALLOCATING(name, wanted, length)                                                                                       \
    RETURNING(name) {                                                                                                          \
        size_t total = (size_t)(length);                                                                                       \
        double *result = (wanted) ? allocate(total) : NULL;                                                                    \
        fill_##name(send, result, count, root);                                                                                \
        finish(result, total, received);                                                                                       \
    }

ALLOCATING(scatter, 1, count)
ALLOCATING(gather, rank == root, (size_t)count * size)
ALLOCATING(all_gather, 1, (size_t)count * size)
ALLOCATING(all_to_all, 1, (size_t)count * size)
ALLOCATING(reduce, rank == root, count)
ALLOCATING(all_reduce, 1, count)
ALLOCATING(reduce_scatter, 1, count)
ALLOCATING(scan, 1, count)
ALLOCATING(exclusive_scan, 1, count)

/* Only the root knows the length. */
RETURNING(broadcast) {
    unsigned long long length = count;
    MPI_Bcast(&length, 1, MPI_UNSIGNED_LONG_LONG, root, comm);
    double *result = allocate(length);
    if (rank == root)
        memcpy(result, send, length * sizeof(double));
    MPI_Bcast(result, (int)length, MPI_DOUBLE, root, comm);
    finish(result, length, received);
}

/* Only the sender knows the length. */
static void receive_new(int from, double *received) {
    MPI_Message message;
    MPI_Status status;
    int length;
    MPI_Mprobe(from, 0, comm, &message, &status);
    MPI_Get_count(&status, MPI_DOUBLE, &length);
    double *result = allocate((size_t)length);
    MPI_Mrecv(result, length, MPI_DOUBLE, &message, MPI_STATUS_IGNORE);
    finish(result, (size_t)length, received);
}

RETURNING(ping_pong) {
    (void)root;
    int partner = rank ^ 1;
    if (partner >= size)
        return;
    if (rank < partner) {
        MPI_Send(send, count, MPI_DOUBLE, partner, 0, comm);
        receive_new(partner, received);
    } else {
        receive_new(partner, received);
        MPI_Send(send, count, MPI_DOUBLE, partner, 0, comm);
    }
}

RETURNING(send_recv) {
    (void)root;
    int to = (rank + 1) % size, from = (rank + size - 1) % size;
    MPI_Request request;
    MPI_Isend(send, count, MPI_DOUBLE, to, 0, comm, &request);
    receive_new(from, received);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
}
