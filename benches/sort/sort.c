/* What is compared with, as one would write it in C with MPI: the textbook's merge-split (odd-even transposition of whole blocks,
 * Pacheco) and sample sort with regular samples. Local sorts are qsort's. Keys of four types; any number of keys on a rank. */
#include <mpi.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    uint64_t key, value;
} record;

#define COMPARE(name, type, member)                             \
    static int name(const void *a, const void *b) {             \
        type x = *(const type *)a, y = *(const type *)b;        \
        return (x member > y member) - (x member < y member);   \
    }
COMPARE(compare_u64, uint64_t, )
COMPARE(compare_u32, uint32_t, )
COMPARE(compare_f64, double, )
COMPARE(compare_record, record, .key)

typedef int (*compare)(const void *, const void *);
static const compare comparisons[] = {compare_u64, compare_u32, compare_f64, compare_record};
static const size_t sizes[] = {8, 4, 8, 16};

static MPI_Datatype datatype(int type) {
    MPI_Datatype made;
    MPI_Type_contiguous((int)sizes[type], MPI_BYTE, &made);
    MPI_Type_commit(&made);
    return made;
}

/* The version of the MPI that this is compiled for. */
void sort_version(char *text) {
    int len;
    MPI_Get_library_version(text, &len);
}

/* Both sort the n keys at `keys`; the result is new memory for the caller to free, its length goes to `*m`. */

void *merge_split(const void *keys, long n, int type, long *m) {
    int rank, size;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    size_t bytes = sizes[type];
    compare less = comparisons[type];
    MPI_Datatype of = datatype(type);
    char *mine = malloc(n * bytes + 1), *merged = malloc(n * bytes + 1);
    memcpy(mine, keys, n * bytes);
    qsort(mine, n, bytes, less);
    long *counts = malloc(size * sizeof(long));
    MPI_Allgather(&n, 1, MPI_LONG, counts, 1, MPI_LONG, MPI_COMM_WORLD);
    for (int phase = 0; phase < size; phase++) {
        int partner = (rank + phase) % 2 == 0 ? rank + 1 : rank - 1;
        if (partner < 0 || partner >= size) continue;
        long theirs = counts[partner];
        char *other = malloc(theirs * bytes + 1);
        MPI_Sendrecv(mine, (int)n, of, partner, 0, other, (int)theirs, of, partner, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        if (rank < partner) {
            long a = 0, b = 0;
            for (long k = 0; k < n; k++) {
                int first = b == theirs || (a < n && less(mine + a * bytes, other + b * bytes) <= 0);
                memcpy(merged + k * bytes, first ? mine + a++ * bytes : other + b++ * bytes, bytes);
            }
        } else {
            long a = n - 1, b = theirs - 1;
            for (long k = n - 1; k >= 0; k--) {
                int first = b < 0 || (a >= 0 && less(mine + a * bytes, other + b * bytes) >= 0);
                memcpy(merged + k * bytes, first ? mine + a-- * bytes : other + b-- * bytes, bytes);
            }
        }
        char *swap = mine;
        mine = merged;
        merged = swap;
        free(other);
    }
    free(merged);
    free(counts);
    MPI_Type_free(&of);
    *m = n;
    return mine;
}

void *sample_sort(const void *keys, long n, int type, long *m) {
    int rank, size;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    size_t bytes = sizes[type];
    compare less = comparisons[type];
    MPI_Datatype of = datatype(type);
    char *mine = malloc(n * bytes + 1);
    memcpy(mine, keys, n * bytes);
    qsort(mine, n, bytes, less);
    /* As many samples from each, evenly spread; of all of them, every 64th is where to cut. */
    int each = n > 0 ? 64 : 0, *counts = malloc(size * sizeof(int)), *starts = malloc((size + 1) * sizeof(int));
    char *samples = malloc(64 * bytes);
    for (int k = 0; k < each; k++) memcpy(samples + k * bytes, mine + (long)(k + 0.5) * n / 64 * bytes, bytes);
    MPI_Allgather(&each, 1, MPI_INT, counts, 1, MPI_INT, MPI_COMM_WORLD);
    starts[0] = 0;
    for (int r = 0; r < size; r++) starts[r + 1] = starts[r] + counts[r];
    int all = starts[size];
    char *gathered = malloc((size_t)all * bytes + 1);
    MPI_Allgatherv(samples, each, of, gathered, counts, starts, of, MPI_COMM_WORLD);
    qsort(gathered, all, bytes, less);
    int *sends = malloc(size * sizeof(int)), *from = malloc(size * sizeof(int));
    int *receives = malloc(size * sizeof(int)), *to = malloc(size * sizeof(int));
    long done = 0;
    for (int r = 0; r < size; r++) {
        long low = done, high = n;
        if (r + 1 < size && all > 0) {
            const char *cut = gathered + (size_t)all * (r + 1) / size * bytes;
            while (low < high) {
                long middle = (low + high) / 2;
                if (less(mine + middle * bytes, cut) < 0) low = middle + 1;
                else high = middle;
            }
        } else {
            low = n;
        }
        from[r] = (int)done;
        sends[r] = (int)(low - done);
        done = low;
    }
    MPI_Alltoall(sends, 1, MPI_INT, receives, 1, MPI_INT, MPI_COMM_WORLD);
    long total = 0;
    for (int r = 0; r < size; r++) {
        to[r] = (int)total;
        total += receives[r];
    }
    char *result = malloc(total * bytes + 1);
    MPI_Alltoallv(mine, sends, from, of, result, receives, to, of, MPI_COMM_WORLD);
    qsort(result, total, bytes, less);
    free(mine), free(samples), free(gathered), free(counts), free(starts);
    free(sends), free(from), free(receives), free(to);
    MPI_Type_free(&of);
    *m = total;
    return result;
}
