// std::sort of C++, as g++ -O3 compiles it.
#include <algorithm>
#include <cstdint>

struct record {
    uint64_t key, value;
};

extern "C" void std_sort(void *keys, long n, int type) {
    switch (type) {
    case 0: std::sort((uint64_t *)keys, (uint64_t *)keys + n); break;
    case 1: std::sort((uint32_t *)keys, (uint32_t *)keys + n); break;
    case 2: std::sort((double *)keys, (double *)keys + n); break;
    default:
        std::sort((record *)keys, (record *)keys + n, [](const record &a, const record &b) { return a.key < b.key; });
    }
}
