// Lesson 16 in plain MPI: a part of the work that the ranks share, and a part that each does for itself.
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
    int rank, size;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    long limit = argc > 1 ? atol(argv[1]) : 0;
    if (limit < 4)
        MPI_Abort(MPI_COMM_WORLD, 2);

    // Every rank makes all of the table.
    double times[4] = {MPI_Wtime()}, phases[3], most[3];
    char *prime = malloc(limit + 1);
    memset(prime, 1, limit + 1);
    for (long n = 2; n * n <= limit; n++)
        for (long multiple = n * n; prime[n] && multiple <= limit; multiple += n)
            prime[multiple] = 0;
    times[1] = MPI_Wtime();

    // The even numbers are shared.
    long evens = limit / 2 - 1, sum = 0, all;
    for (long i = evens * rank / size; i < evens * (rank + 1) / size; i++) {
        long even = 2 * i + 4, p = 2;
        while (!prime[p] || !prime[even - p])
            p++;
        sum += p;
    }
    times[2] = MPI_Wtime();

    MPI_Allreduce(&sum, &all, 1, MPI_LONG, MPI_SUM, MPI_COMM_WORLD);
    times[3] = MPI_Wtime();
    if (rank == 0)
        printf("%.4f is the mean smallest prime\n", (double)all / evens);
    for (int k = 0; k < 3; k++)
        phases[k] = times[k + 1] - times[k];
    MPI_Reduce(phases, most, 3, MPI_DOUBLE, MPI_MAX, 0, MPI_COMM_WORLD);
    if (rank == 0 && argc > 2)
        printf("table %.3f s, search %.3f s, together %.3f s\n", most[0], most[1], most[2]);
    free(prime);
    MPI_Finalize();
    return 0;
}
