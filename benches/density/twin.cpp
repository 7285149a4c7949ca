// What a good programmer writes in C++ and leaves to the compiler: a loop over points for the threads, a loop over samples for
// the vectors. With -Ofast gcc calls the exponentials of libmvec. And the same sums in extended precision, to compare with; and what the
// processor does at most, so that times of different days can be compared.
#include <chrono>
#include <cmath>
#include <vector>

template <typename Number, int D>
static void sums(const double *samples, long n, const double *points, long m, double h, double factor, double *out, int threads) {
    std::vector<Number> columns(n * D);
    for (long i = 0; i < n; i++)
        for (int k = 0; k < D; k++) columns[k * n + i] = samples[i * D + k];
    const Number *x = columns.data();
    const Number scale = -0.5 / (h * h);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (long j = 0; j < m; j++) {
        Number at[D];
        for (int k = 0; k < D; k++) at[k] = points[j * D + k];
        Number sum = 0;
        for (long i = 0; i < n; i++) {
            Number squares = 0;
#pragma GCC unroll 6
            for (int k = 0; k < D; k++) {
                const Number u = at[k] - x[k * n + i];
                squares += u * u;
            }
            sum += std::exp(scale * squares);
        }
        out[j] = factor * sum;
    }
}

template <typename Number>
static int density(const double *samples, long n, const double *points, long m, int d, double h, double factor, double *out, int threads) {
    switch (d) {
    case 1: sums<Number, 1>(samples, n, points, m, h, factor, out, threads); return 0;
    case 2: sums<Number, 2>(samples, n, points, m, h, factor, out, threads); return 0;
    case 3: sums<Number, 3>(samples, n, points, m, h, factor, out, threads); return 0;
    case 6: sums<Number, 6>(samples, n, points, m, h, factor, out, threads); return 0;
    default: return 1;
    }
}

extern "C" int density_f64(const double *samples, long n, const double *points, long m, int d, double h, double factor, double *out, int threads) {
    return density<double>(samples, n, points, m, d, h, factor, out, threads);
}

extern "C" int density_f32(const double *samples, long n, const double *points, long m, int d, double h, double factor, double *out, int threads) {
    return density<float>(samples, n, points, m, d, h, factor, out, threads);
}

extern "C" int density_extended(const double *samples, long n, const double *points, long m, int d, double h, double factor, double *out, int) {
    const long double scale = -0.5L / ((long double)h * h);
    for (long j = 0; j < m; j++) {
        long double sum = 0;
        for (long i = 0; i < n; i++) {
            long double squares = 0;
            for (int k = 0; k < d; k++) {
                const long double u = (long double)points[j * d + k] - samples[i * d + k];
                squares += u * u;
            }
            sum += expl(scale * squares);
        }
        out[j] = factor * sum;
    }
    return 0;
}

#ifdef __AVX512F__
typedef double Lanes __attribute__((vector_size(64)));
#else
typedef double Lanes __attribute__((vector_size(32)));
#endif

// Multiply-adds a second, in thousand millions: ten sums at a time, more than any processor has under way.
extern "C" double multiply_adds() {
    const int rounds = 10000000, width = sizeof(Lanes) / sizeof(double);
    const Lanes zero = {}, by = zero + 0.999, more = zero + 0.001;
    Lanes sums[10];
    for (int k = 0; k < 10; k++) sums[k] = zero + (k + 0.5);
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < rounds; i++)
#pragma GCC unroll 10
        for (int k = 0; k < 10; k++) sums[k] = sums[k] * by + more;
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    double sum = 0;
    for (int k = 0; k < 10; k++) sum += sums[k][0];
    // It is about 10: whoever leaves the loop out cannot know that.
    return sum > 9 && sum < 11 ? 1e-9 * rounds * 10 * width / took.count() : 0;
}
