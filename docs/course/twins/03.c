// Lesson 3 in plain MPI: collectives. The number of ranks must divide 12; MPI_Scatterv would be for the others.
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

enum { MONTHS = 12, LINE = 200 };
static const unsigned RAIN[MONTHS] = {62, 48, 55, 40, 58, 71, 80, 77, 60, 54, 59, 66};

static void print_in_order(const char *line, int rank, int size) {
    char *all = rank == 0 ? malloc((size_t)size * LINE) : NULL;
    MPI_Gather(line, LINE, MPI_CHAR, all, LINE, MPI_CHAR, 0, MPI_COMM_WORLD);
    for (int r = 0; rank == 0 && r < size; r++) printf("%s\n", all + r * LINE);
    free(all);
}

int main(int argc, char **argv) {
    int rank, size;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (MONTHS % size != 0) MPI_Abort(MPI_COMM_WORLD, 1);

    // 1. Broadcast
    unsigned limit = rank == 0 ? 60 : 0;
    MPI_Bcast(&limit, 1, MPI_UNSIGNED, 0, MPI_COMM_WORLD);

    // 2. Scatter
    unsigned mine[MONTHS], rain = 0, wet = 0;
    int count = MONTHS / size;
    MPI_Scatter(RAIN, count, MPI_UNSIGNED, mine, count, MPI_UNSIGNED, 0, MPI_COMM_WORLD);
    char line[LINE];
    int end = snprintf(line, LINE, "rank %d has [", rank);
    for (int i = 0; i < count; i++) {
        rain += mine[i];
        wet += mine[i] >= limit;
        end += snprintf(line + end, LINE - end, "%s%u", i ? ", " : "", mine[i]);
    }
    snprintf(line + end, LINE - end, "]: %u mm, %u wet", rain, wet);
    print_in_order(line, rank, size);

    // 3. Reduce
    unsigned total, most, until;
    MPI_Reduce(&rain, &total, 1, MPI_UNSIGNED, MPI_SUM, 0, MPI_COMM_WORLD);
    if (rank == 0) printf("reduce: [%u] mm in the year\n", total);
    MPI_Allreduce(&rain, &most, 1, MPI_UNSIGNED, MPI_MAX, MPI_COMM_WORLD);
    const char *has_most = rain == most ? "the most" : "less than the most";

    // 4. Scan
    MPI_Scan(&rain, &until, 1, MPI_UNSIGNED, MPI_SUM, MPI_COMM_WORLD);
    snprintf(line, LINE, "rank %d: %s; %u mm so far", rank, has_most, until);
    print_in_order(line, rank, size);

    // 5. Gather
    unsigned all[MONTHS];
    MPI_Gather(&wet, 1, MPI_UNSIGNED, all, 1, MPI_UNSIGNED, 0, MPI_COMM_WORLD);
    if (rank == 0) {
        printf("gather: wet months of each rank [");
        for (int r = 0; r < size; r++) printf("%s%u", r ? ", " : "", all[r]);
        printf("]\n");
    }
    MPI_Finalize();
    return 0;
}
