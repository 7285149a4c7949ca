// Lesson 2 in plain MPI: work that depends on the rank, and lines in order.
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINE = 200 };

static int is_prime(int n) {
    for (int divisor = 2; divisor < n; divisor++)
        if (n % divisor == 0) return 0;
    return n > 1;
}

int main(int argc, char **argv) {
    int rank, size, found = 0;
    char line[LINE], *all = NULL;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);

    int end = snprintf(line, LINE, "rank %d of %d: [", rank, size);
    for (int n = rank; n < 30; n += size)
        if (is_prime(n)) end += snprintf(line + end, LINE - end, "%s%d", found++ ? ", " : "", n);
    snprintf(line + end, LINE - end, "]");
    printf("[%d] has found %d primes\n", rank, found);

    // The root collects the lines, and prints them.
    if (rank == 0) all = malloc((size_t)size * LINE);
    MPI_Gather(line, LINE, MPI_CHAR, all, LINE, MPI_CHAR, 0, MPI_COMM_WORLD);
    if (rank == 0) {
        for (int r = 0; r < size; r++) printf("%s\n", all + r * LINE);
        printf("these are the primes below 30\n");
    }
    free(all);
    MPI_Finalize();
    return 0;
}
