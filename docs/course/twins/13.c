// Lesson 13 in plain MPI: a table once on each node, filled by one rank of it, read by all.
#include <mpi.h>
#include <stdio.h>

enum { LIMIT = 1000000 };

static void fill(char *prime) {
    for (int n = 0; n <= LIMIT; n++)
        prime[n] = n > 1;
    for (int n = 2; n * n <= LIMIT; n++)
        for (int multiple = n * n; prime[n] && multiple <= LIMIT; multiple += n)
            prime[multiple] = 0;
}

int main(int argc, char **argv) {
    int rank, size, node_rank;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Comm node;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
    MPI_Comm_rank(node, &node_rank);

    // The first rank of the node has the memory; the others ask where it is.
    char *prime;
    MPI_Win window;
    MPI_Aint bytes;
    int unit;
    MPI_Win_allocate_shared(node_rank == 0 ? LIMIT + 1 : 0, 1, MPI_INFO_NULL, node, &prime, &window);
    MPI_Win_shared_query(window, 0, &bytes, &unit, &prime);
    MPI_Win_fence(0, window);
    if (node_rank == 0)
        fill(prime);
    MPI_Win_fence(0, window);

    int leads = node_rank == 0, nodes;
    MPI_Reduce(&leads, &nodes, 1, MPI_INT, MPI_SUM, 0, MPI_COMM_WORLD);
    if (rank == 0)
        printf("ranks: %d, tables: %d, bytes of each: %d\n", size, nodes, LIMIT + 1);

    int evens = LIMIT / 2 - 1, each = evens / size, rest = evens % size;
    int first = rank * each + (rank < rest ? rank : rest), last = first + each + (rank < rest);
    struct { int value, place; } hardest = {0, 0}, all;
    for (int i = first; i < last; i++) {
        int even = 2 * i + 4, p = 2;
        while (!prime[p] || !prime[even - p])
            p++;
        if (p > hardest.value) {
            hardest.value = p;
            hardest.place = even;
        }
    }
    MPI_Reduce(&hardest, &all, 1, MPI_2INT, MPI_MAXLOC, 0, MPI_COMM_WORLD);
    if (rank == 0)
        printf("the hardest to %d: %d = %d + %d\n", LIMIT, all.place, all.value, all.place - all.value);
    MPI_Win_free(&window);
    MPI_Comm_free(&node);
    MPI_Finalize();
    return 0;
}
