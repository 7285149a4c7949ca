"""Densities by what people use in Python: prints how long each took and its values at the first points.

Run: python3 peers.py DATA SAMPLES POINTS DIMENSIONS BANDWIDTH SHOWN
"""
import sys
import time

import numpy as np

file, n, m, d, h, shown = sys.argv[1], *map(int, sys.argv[2:5]), float(sys.argv[5]), int(sys.argv[6])
numbers = np.fromfile(file)
samples, points = numbers[: n * d].reshape(n, d), numbers[n * d :].reshape(-1, d)[:m]


def scipy_kde():
    from scipy.stats import gaussian_kde

    kde = gaussian_kde(samples.T)
    kde.cho_cov = h * np.eye(d)
    return kde.evaluate


def sklearn_kde(**tolerances):
    from sklearn.neighbors import KernelDensity

    kde = KernelDensity(bandwidth=h, **tolerances).fit(samples)
    return lambda points: np.exp(kde.score_samples(points.T))


def kdepy_kde():
    from KDEpy import TreeKDE

    kde = TreeKDE(bw=h).fit(samples)
    return lambda points: kde.evaluate(np.ascontiguousarray(points.T))


for name, make in [
    ("scipy gaussian_kde", scipy_kde),
    ("sklearn, rtol=0", sklearn_kde),
    ("sklearn, rtol=1e-4", lambda: sklearn_kde(rtol=1e-4)),
    ("KDEpy TreeKDE", kdepy_kde),
]:
    try:
        evaluate = make()
        start = time.perf_counter()
        values = evaluate(points.T)
        seconds = time.perf_counter() - start
        print("TIME", m, seconds, name)
        print("VALUES", ",".join(repr(float(value)) for value in values[:shown]), name)
    except Exception as problem:
        print("SKIP", name, "-", str(problem).splitlines()[0])
