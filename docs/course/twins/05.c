// Lesson 5 in plain MPI: a farm. Who takes the next block is a number in the memory of rank 0, which all ranks count up.
#include <mpi.h>
#include <stdio.h>

#define BLOCKS 40
#define LEN 5000L

static long primes(long block) {
    long count = 0;
    for (long n = block * LEN; n < (block + 1) * LEN; n++) {
        long d = 2;
        while (d * d <= n && n % d != 0) d++;
        count += n > 1 && d * d > n;
    }
    return count;
}

int main(int argc, char **argv) {
    int rank;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);

    long *memory, block, one = 1, counts[BLOCKS] = {0}, all[BLOCKS];
    MPI_Win next;
    MPI_Win_allocate(sizeof(long), sizeof(long), MPI_INFO_NULL, MPI_COMM_WORLD, &memory, &next);
    MPI_Win_lock(MPI_LOCK_EXCLUSIVE, rank, 0, next);
    *memory = 0;
    MPI_Win_unlock(rank, next);
    MPI_Barrier(MPI_COMM_WORLD);

    for (;;) {
        MPI_Win_lock(MPI_LOCK_SHARED, 0, 0, next);
        MPI_Fetch_and_op(&one, &block, MPI_LONG, 0, 0, MPI_SUM, next);
        MPI_Win_unlock(0, next);
        if (block >= BLOCKS) break;
        counts[block] = primes(block);
    }
    // Each block was counted by one rank, and is 0 on all others.
    MPI_Reduce(counts, all, BLOCKS, MPI_LONG, MPI_SUM, 0, MPI_COMM_WORLD);

    if (rank == 0) {
        long sum = 0;
        for (int i = 0; i < BLOCKS; i++) sum += all[i];
        printf("primes in the first blocks: [%ld, %ld, %ld, %ld]\n", all[0], all[1], all[2], all[3]);
        printf("primes below %ld: %ld\n", BLOCKS * LEN, sum);
    }
    MPI_Win_free(&next);
    MPI_Finalize();
    return 0;
}
