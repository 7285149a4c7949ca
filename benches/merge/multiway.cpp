// The multiway merge of libstdc++'s parallel mode, on one thread: a tree of losers.
#include <cstdint>
#include <parallel/algorithm>
#include <parallel/multiway_merge.h>
#include <utility>
#include <vector>

template <class Key> static void merge(Key *keys, const long *ends, long runs, Key *to) {
    std::vector<std::pair<Key *, Key *>> pieces;
    for (long run = 0; run < runs; run++)
        pieces.emplace_back(keys + (run ? ends[run - 1] : 0), keys + ends[run]);
    __gnu_parallel::stable_multiway_merge(pieces.begin(), pieces.end(), to, runs ? ends[runs - 1] : 0, std::less<Key>(),
                                          __gnu_parallel::sequential_tag());
}

extern "C" void multiway_u64(uint64_t *keys, const long *ends, long runs, uint64_t *to) { merge(keys, ends, runs, to); }
extern "C" void multiway_f64(double *keys, const long *ends, long runs, double *to) { merge(keys, ends, runs, to); }
