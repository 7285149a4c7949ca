"""Writes scipy_kde.csv: densities by scipy.stats.gaussian_kde, of weighted samples, with the full covariance.

    python3 scipy_kde.py > scipy_kde.csv

Each line is d, what it is, and numbers with all their digits: for each d the samples and points (row by row), the weights (none: all
are alike), the rule and the densities. The samples are correlated; the points go out to where densities are near 1e-200, and beyond.
"""
import numpy as np
import scipy
from scipy.stats import gaussian_kde

print(f"# by scipy_kde.py: numpy {np.__version__}, scipy {scipy.__version__}")
rng = np.random.default_rng(20101962)


def line(d, what, numbers):
    print(",".join([str(d), what] + [repr(float(x)) for x in np.ravel(numbers)]))


for d in (1, 2, 3):
    n, m = 40, 12
    mix = np.tril(rng.uniform(0.3, 1.0, (d, d))) * 10.0 ** rng.integers(-1, 2, (d, 1))
    samples = rng.standard_normal((n, d)) @ mix.T
    points = rng.standard_normal((m, d)) @ mix.T * np.linspace(0.2, 14.0, m)[:, None]
    weights = rng.integers(0, 5, n) * 0.25
    line(d, "samples", samples)
    line(d, "points", points)
    line(d, "weights", weights)
    for rule in ("scott", "silverman"):
        for name, given in (("alike", None), ("weighted", weights)):
            line(d, f"{rule} {name}", gaussian_kde(samples.T, bw_method=rule, weights=given)(points.T))
