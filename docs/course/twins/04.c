// Lesson 4 in plain MPI: blocks and remainders.
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINE = 200 };

static int start(int len, int parts, int rank) {
    int each = len / parts, more = len % parts;
    return rank * each + (rank < more ? rank : more);
}

int main(int argc, char **argv) {
    int rank, size, len = argc > 2 ? atoi(argv[2]) : 10;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);

    // 1. Who owns what
    int first = start(len, size, rank), count = start(len, size, rank + 1) - first;
    char line[LINE], *lines = malloc((size_t)size * LINE);
    snprintf(line, LINE, "rank %d: %d..%d, length %d", rank, first, first + count, count);
    MPI_Gather(line, LINE, MPI_CHAR, lines, LINE, MPI_CHAR, 0, MPI_COMM_WORLD);
    for (int r = 0; rank == 0 && r < size; r++) printf("%s\n", lines + r * LINE);

    // 2. and 3. Elements, and their sum
    unsigned long *squares = malloc((count + 1) * sizeof *squares), part = 0, sum;
    for (int i = 0; i < count; i++) {
        squares[i] = (unsigned long)(first + i) * (first + i);
        part += squares[i];
    }
    MPI_Allreduce(&part, &sum, 1, MPI_UNSIGNED_LONG, MPI_SUM, MPI_COMM_WORLD);
    if (rank == 0) printf("the sum of all squares is %lu\n", sum);

    // 4. Together again: how many come from whom, and where they begin
    int *counts = malloc(size * sizeof *counts), *starts = malloc(size * sizeof *starts), owner = 0;
    for (int r = 0; r < size; r++) {
        starts[r] = start(len, size, r);
        counts[r] = start(len, size, r + 1) - starts[r];
        if (counts[r] > 0) owner = r;
    }
    unsigned long *all = malloc((len + 1) * sizeof *all);
    MPI_Gatherv(squares, count, MPI_UNSIGNED_LONG, all, counts, starts, MPI_UNSIGNED_LONG, 0, MPI_COMM_WORLD);
    if (rank == 0) {
        printf("[");
        for (int i = 0; i < len; i++) printf("%s%lu", i ? ", " : "", all[i]);
        printf("]\n");
        if (len > 0) printf("the last one is on rank %d\n", owner);
    }
    free(lines), free(squares), free(counts), free(starts), free(all);
    MPI_Finalize();
    return 0;
}
