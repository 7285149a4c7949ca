"""Densities by non-uniform fast Fourier transforms, on one thread: prints how long each case took.

Run: python3 finufft_peer.py SAMPLES,DIMENSIONS,TOLERANCE ...
"""
import sys
import time

import finufft
import numpy as np


def density(samples, points, h, tolerance):
    n, d = samples.shape
    start = time.perf_counter()
    low = np.minimum(samples.min(0), points.min(0))
    reach = np.sqrt(2 * np.log(1 / tolerance))
    period = np.maximum(samples.max(0), points.max(0)) - low + h * reach
    most = int(np.ceil(reach / h * period.max() / (2 * np.pi)))
    scale = 2 * np.pi / period
    of = lambda rows: [np.ascontiguousarray((rows[:, axis] - low[axis]) * scale[axis] - np.pi) for axis in range(d)]
    modes = getattr(finufft, f"nufft{d}d1")(
        *of(samples), np.ones(n, complex), (2 * most + 1,) * d, eps=tolerance, isign=-1, nthreads=1
    )
    k = np.arange(-most, most + 1)
    for axis in range(d):
        factor = np.exp(-0.5 * (k * scale[axis] * h) ** 2) * scale[axis] / (2 * np.pi)
        modes *= factor.reshape([-1 if other == axis else 1 for other in range(d)])
    values = getattr(finufft, f"nufft{d}d2")(*of(points), modes, eps=tolerance, isign=1, nthreads=1).real / n
    return values, time.perf_counter() - start


if __name__ == "__main__":
    random = np.random.default_rng(1)
    for case in sys.argv[1:]:
        n, d, tolerance = (number(word) for number, word in zip((int, int, float), case.split(",")))
        samples, points = random.standard_normal((2, n, d))
        h = n ** (-1 / (d + 4))
        runs = [density(samples, points, h, tolerance) for _ in range(6)][1:]
        values, times = runs[0][0], sorted(run[1] for run in runs)
        some = points[:200]
        exact = np.array(
            [np.exp(-0.5 * (((samples - x) / h) ** 2).sum(1)).mean() for x in some]
        ) / (np.sqrt(2 * np.pi) * h) ** d
        error = np.abs(values[:200] - exact).max()
        print(
            "CASE", n, d, case.split(",")[2], times[len(times) // 2], times[0],
            f"{error * (np.sqrt(2 * np.pi) * h) ** d:.1e}", f"{error / exact.max():.1e}",
        )
